#include "topology/rig.h"

namespace rigsim::topology {

std::string_view to_string(NodeKind kind) {
  switch (kind) {
    case NodeKind::kDevice:
      return "device";
    case NodeKind::kHost:
      return "host";
    case NodeKind::kRootComplex:
      return "root-complex";
    case NodeKind::kPcieSwitch:
      return "pcie-switch";
    case NodeKind::kNvSwitch:
      return "nvswitch";
    case NodeKind::kNic:
      return "nic";
    case NodeKind::kNetworkSwitch:
      return "network-switch";
  }
  return "unknown";
}

std::string_view to_string(CableKind kind) {
  switch (kind) {
    case CableKind::kPcie:
      return "pcie";
    case CableKind::kNvlink:
      return "nvlink";
    case CableKind::kXgmi:
      return "xgmi";
    case CableKind::kC2c:
      return "c2c";
    case CableKind::kSocket:
      return "socket";
    case CableKind::kOnDie:
      return "on-die";
    case CableKind::kNetwork:
      return "network";
  }
  return "unknown";
}

std::string cpu_vendor(const Host& host) {
  return host.cpu_vendor.empty() && host.cpu ? host.cpu->vendor : host.cpu_vendor;
}

}  // namespace rigsim::topology
