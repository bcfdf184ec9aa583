#include "configs/topology_import/link_speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string_view>
#include <utility>

namespace rigsim::configs {
namespace {

using std::chrono::nanoseconds;
using topology::CableKind;
using topology::Device;
using topology::LinkRate;
using topology::PeerLinkKind;

// One link, one direction, GB/s: NVIDIA's data sheets of P100, V100, RTX 2080 Ti, A100, H100, B200;
// GA102 white paper (4 x 14.0625). Read 2026-11.
constexpr std::array<std::pair<std::string_view, NvlinkFacts>, 7> kNvlinks = {{
    {"GP100", {1, 20.0, 4}},
    {"GV100", {2, 25.0, 6}},
    {"TU102", {2, 25.0, 2}},
    {"GA102", {3, 14.0625, 4}},
    {"GA100", {3, 25.0, 12}},
    {"GH100", {4, 25.0, 18}},
    {"GB100", {5, 50.0, 18}},
}};

/// One xGMI link, GB/s: 16 lanes of 32 GT/s (MI300X), 25 (MI250X), 23 (older). AMD's CDNA white
/// papers. Read 2026-11.
double xgmi_line_gbps(const Device& device) {
  if (device.chip.starts_with("Aqua Vanjaram")) return 64.0;
  return device.chip.starts_with("Aldebaran") ? 50.0 : 46.0;
}

LinkRate peer_rate(Device device, PeerLinkKind kind, double line_gbps) {
  device.peer_link = {kind, sim::Bandwidth(line_gbps * 1e9)};
  return topology::peer_cable(device);
}

LinkRate nvlink_rate(const Device& device, const PeerBundle& bundle) {
  const NvlinkFacts facts = nvlink_of(device);
  const double line = bundle.line_rate ? bundle.line_rate->count() * 1e-9
                                       : facts.line_gbps * std::max(bundle.links, 1);
  const auto kind = bundle.nvswitch ? PeerLinkKind::kNvlinkSwitch : PeerLinkKind::kNvlinkBridge;
  LinkRate rate = peer_rate(device, kind, line);
  const long links = std::max(1L, std::lround(line / facts.line_gbps));
  rate.type = fmt::format("nvlink{}x{}", facts.generation, links);
  return rate;
}

LinkRate xgmi_rate(const Device& device, const PeerBundle& bundle) {
  constexpr double kPeers = 7;  // peer_cable() takes the rate of a device to seven peers
  const double line = xgmi_line_gbps(device);
  const double wanted =
      bundle.line_rate ? bundle.line_rate->count() * 1e-9 : line * std::max(bundle.links, 1);
  LinkRate rate = peer_rate(device, PeerLinkKind::kXgmi, line * kPeers);
  rate.per_direction = rate.per_direction * (wanted / line);
  rate.type = fmt::format("xgmix{}", std::max(1L, std::lround(wanted / line)));
  return rate;
}

}  // namespace

NvlinkFacts nvlink_of(const Device& device) {
  for (const auto& [chip, facts] : kNvlinks)
    if (device.chip.starts_with(chip)) return facts;
  return {3, 25.0, 12};
}

LinkRate bundle_rate(const Device& device, const PeerBundle& bundle) {
  LinkRate rate;
  switch (bundle.kind) {
    case PeerKind::kNvlink:
      rate = nvlink_rate(device, bundle);
      rate.kind = CableKind::kNvlink;
      break;
    case PeerKind::kXgmi:
      rate = xgmi_rate(device, bundle);
      rate.kind = CableKind::kXgmi;
      break;
    case PeerKind::kC2c:
      // No measurement at hand: the lowest share and the latency of its kin, the NVLink bridge.
      rate = peer_rate(device, PeerLinkKind::kNvlinkBridge, bundle.line_rate->count() * 1e-9);
      rate.type = "c2c";
      rate.kind = CableKind::kC2c;
      break;
  }
  return rate;
}

std::string socket_cpus(std::string_view vendor, int family, int model) {
  if (vendor == "GenuineIntel") {
    // Model numbers: Linux, arch/x86/include/asm/intel-family.h. 106 is Ice Lake.
    if (model >= 207) return "intel-emerald-rapids";
    if (model >= 143) return "intel-sapphire-rapids";
    return model >= 85 || model <= 0 ? "intel-skylake" : "intel-broadwell";
  }
  // Zen 5 is family 26; NCCL writes CPUID's extended and base family as one byte, 191.
  return family == 26 || family == 191 ? "amd-turin" : "amd-genoa";
}

}  // namespace rigsim::configs
