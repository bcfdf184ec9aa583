#include "workloads/machine_change.h"

#include <utility>

#include "topology/rig_change.h"

namespace rigsim::workloads {
namespace {

struct Apply {
  DeploymentRequest& request;

  void operator()(const NvlinkBridges&) const {
    request.rig = topology::with_nvlink_bridges(std::move(request.rig));
  }
  void operator()(const PciePeerAccess& access) const {
    request.rig = topology::with_pcie_peer_access(std::move(request.rig), access.permitted);
  }
  void operator()(const PcieChange& pcie) const {
    request.rig = topology::with_pcie(std::move(request.rig), pcie.generation, pcie.lanes);
  }
  void operator()(const ResourceScale& scale) const {
    validate(scale);
    request.scale = scale;
  }
};

}  // namespace

DeploymentRequest changed(DeploymentRequest request, const MachineChange& change) {
  std::visit(Apply{request}, change.change);
  return request;
}

}  // namespace rigsim::workloads
