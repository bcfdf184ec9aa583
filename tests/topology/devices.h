#pragma once

#include <string>
#include <utility>
#include <vector>

#include "topology/rig_builder.h"

namespace rigsim::topology::testing {

/// A PCIe card as the catalogue would give it; only what topology/ reads.
inline Device card(std::string name, std::string chip, int pcie_gen, bool pcie_p2p,
                   PeerLinkKind kind = {}, double gbps = 0) {
  Device device;
  device.name = std::move(name);
  device.vendor = "NVIDIA";
  device.chip = std::move(chip);
  device.pcie_gen = pcie_gen;
  device.pcie_lanes = 16;
  device.pcie_p2p = pcie_p2p;
  device.peer_link = {kind, sim::Bandwidth(gbps * 1e9)};
  return device;
}

inline Device rtx_4090() { return card("rtx-4090", "AD102", 4, false); }
inline Device rtx_3090() {
  return card("rtx-3090", "GA102", 4, false, PeerLinkKind::kNvlinkBridge, 56.25);
}
inline Device a6000() {
  return card("rtx-a6000", "GA102", 4, true, PeerLinkKind::kNvlinkBridge, 56.25);
}
inline Device a100_pcie() {
  return card("a100-80gb-pcie", "GA100", 4, true, PeerLinkKind::kNvlinkBridge, 300);
}
inline Device a100_sxm() {
  return card("a100-80gb-sxm", "GA100", 4, true, PeerLinkKind::kNvlinkSwitch, 300);
}
inline Device v100() {
  Device device = card("v100-sxm2-32gb", "GV100", 3, true, PeerLinkKind::kNvlinkMesh, 150);
  device.architecture = "Volta";
  return device;
}
inline Device h100_pcie() {
  return card("h100-pcie", "GH100", 5, true, PeerLinkKind::kNvlinkBridge, 300);
}
inline Device h100_sxm() {
  return card("h100-sxm", "GH100", 5, true, PeerLinkKind::kNvlinkSwitch, 450);
}
inline Device rtx_pro_6000() { return card("rtx-pro-6000", "GB202", 5, true); }

inline Device mi300x() {
  Device device = card("mi300x", "Aqua Vanjaram", 5, true, PeerLinkKind::kXgmi, 448);
  device.vendor = "AMD";
  return device;
}

inline Device m2_ultra() {
  Device device = card("m2-ultra", "M2 Ultra", 0, false);
  device.kind = DeviceKind::kAppleSoc;
  device.vendor = "Apple";
  device.pcie_lanes = 0;
  device.unified_memory = true;
  return device;
}

inline Device ryzen() {
  Device device = card("ryzen-9-7950x", "Zen 4", 5, false);
  device.kind = DeviceKind::kCpu;
  device.vendor = "AMD";
  device.pcie_lanes = 24;
  return device;
}

/// `count` of one device, joined as `link` says.
inline Rig rig_of(std::uint32_t count, const Device& device,
                  LinkChoice link = LinkChoice::kDefault) {
  RigRequest request{device.name, {}, link, {}};
  for (std::uint32_t i = 0; i < count; ++i) request.devices.push_back({device, "", {}});
  return build_rig(request);
}

}  // namespace rigsim::topology::testing
