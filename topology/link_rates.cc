#include "topology/link_rates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string_view>

namespace rigsim::topology {
namespace {

using std::chrono::nanoseconds;

/// One PCIe generation: what an x16 link achieves per direction, and half of a small peer-to-peer
/// copy's latency (such a copy crosses two cables).
struct PcieGeneration {
  double x16_gbps;
  nanoseconds latency;
};

// Line rates of x16 are 4, 8, 15.75, 31.5, 63 and 121 GB/s. Figures read 2026-11.
//
// 1, 2: no measurement found; 0.76 of the line rate as Gen3, latency as Gen4.
// 3: 12 GB/s is NCCL's planning constant (NVIDIA/nccl topo.h @5067397c); latency as Gen4.
// 4: RTX 4090 and 3090 peer copies 25.9 to 27.1 GB/s, 1.01 to 1.14 us (dbkinghorn lab notes;
//    ik_llama.cpp PR#1018; club-3090 PCIE_P2P.md @4a29ab57); pinned host copies 25.5 in and 26.8
//    out (nvbandwidth#15).
// 5: RTX PRO 6000 peer copies 54 to 56.3 GB/s, 0.37 to 0.72 us, pinned host copies 55.1 in and 56.4
//    out; several at once 49.5 to 57 a link (rtx6kpro @29f3863a), in the median 54; H100 SXM host
//    copies 55.2 to 55.4 (nvbandwidth 0.10.0 log).
// 6: no measurement found; 0.87 of the line rate as Gen5.
constexpr std::array<PcieGeneration, 6> kPcie{{
    {3.0, nanoseconds(550)},
    {6.1, nanoseconds(550)},
    {12.0, nanoseconds(550)},
    {26.5, nanoseconds(550)},
    {54.0, nanoseconds(270)},
    {105.0, nanoseconds(270)},
}};

/// Peer links by chip. `share` is the achieved part of the line rate, `latency` that of one cable.
struct PeerChip {
  std::string_view chip;  ///< start of Device::chip; "" matches any
  PeerLinkKind kind;
  std::string_view name;  ///< "nvlink3"
  double line_gbps;       ///< of one link, one direction; 0: unknown
  double share;
  nanoseconds latency;
};

// Figures read 2026-11.
//
// GA102 bridge: 51.0 of 56.25 GB/s (4 x 14.0625) each way at once; 7 us is the floor of a copy call
//   (A6000, siboehm/bench @1f34a58c; GA102 white paper). The 3090 has the same link.
// GA100 bridge: 275 of 300 GB/s, 2.25 us (4x A100 80GB PCIe, nvlink-multiple-gpus notes).
// GA100 switch: 274 of 300 GB/s by copy engine, 2.8 us over two cables (nvmlc README).
// GH100 bridge: 257 of 300 GB/s, 2.56 us (2x H100 PCIe, HPE DL380a Gen11 notes).
// GH100 switch: 393 to 397 of 450 GB/s, 2.77 us over two cables (nvbandwidth 0.10.0 log).
// Aqua Vanjaram: 48 of 64 GB/s a link (rocm.blogs.amd.com, mi300x-rccl-xgmi); latency not measured.
//
// GV100 mesh: no measurement of its own; the latency of a P100's (1.34 us, four P100, public
// notes).
//
// Others: no measurement; 0.857, 0.87 and 0.75 of the line rate, the lowest of their kind.
constexpr std::array<PeerChip, 13> kPeerChips{{
    {"GA102", PeerLinkKind::kNvlinkBridge, "nvlink3", 14.0625, 0.907, nanoseconds(7000)},
    {"GA100", PeerLinkKind::kNvlinkBridge, "nvlink3", 25.0, 0.917, nanoseconds(2250)},
    {"GA100", PeerLinkKind::kNvlinkSwitch, "nvlink3", 25.0, 0.914, nanoseconds(1400)},
    {"GH100", PeerLinkKind::kNvlinkBridge, "nvlink4", 25.0, 0.857, nanoseconds(2560)},
    {"GH100", PeerLinkKind::kNvlinkSwitch, "nvlink4", 25.0, 0.878, nanoseconds(1385)},
    {"GB100", PeerLinkKind::kNvlinkSwitch, "nvlink5", 50.0, 0.87, nanoseconds(1385)},
    {"Aqua Vanjaram", PeerLinkKind::kXgmi, "xgmi", 64.0, 0.75, nanoseconds(2800)},
    {"Aldebaran", PeerLinkKind::kXgmi, "xgmi", 50.0, 0.75, nanoseconds(2800)},
    {"GV100", PeerLinkKind::kNvlinkMesh, "nvlink2", 25.0, 0.857, nanoseconds(1340)},
    {"", PeerLinkKind::kNvlinkMesh, "nvlink", 0.0, 0.857, nanoseconds(1340)},
    {"", PeerLinkKind::kNvlinkBridge, "nvlink", 0.0, 0.857, nanoseconds(2560)},
    {"", PeerLinkKind::kNvlinkSwitch, "nvlink", 0.0, 0.87, nanoseconds(1400)},
    {"", PeerLinkKind::kXgmi, "xgmi", 0.0, 0.75, nanoseconds(2800)},
}};

sim::Bandwidth gbps(double value) { return sim::Bandwidth(value * 1e9); }

std::string cable_name(const PeerChip& chip, double line_gbps) {
  if (chip.line_gbps <= 0) return std::string(chip.name);
  return fmt::format("{}x{}", chip.name, std::lround(line_gbps / chip.line_gbps));
}

/// One peer's share of a device's links: all of them into a bridge or switch, one link of an xGMI
/// mesh.
double line_rate_to_one_peer(const PeerChip& chip, double device_gbps) {
  constexpr double kXgmiPeers = 7;  // an OAM board joins eight devices
  if (chip.kind != PeerLinkKind::kXgmi) return device_gbps;
  return chip.line_gbps > 0 ? std::min(chip.line_gbps, device_gbps) : device_gbps / kXgmiPeers;
}

const PeerChip& peer_chip(const Device& device) {
  const auto matches = [&](const PeerChip& row) {
    return row.kind == device.peer_link.kind && device.chip.starts_with(row.chip);
  };
  return *std::find_if(kPeerChips.begin(), kPeerChips.end(),
                       matches);  // the kind's "any" row ends the search
}

}  // namespace

LinkRate pcie_link(int generation, int lanes) {
  if (generation < 1 || generation > static_cast<int>(kPcie.size()))
    throw std::invalid_argument(fmt::format("PCIe generation must be 1 to 6, got {}", generation));
  constexpr std::array kWidths{1, 2, 4, 8, 16};
  if (std::find(kWidths.begin(), kWidths.end(), lanes) == kWidths.end())
    throw std::invalid_argument(fmt::format("PCIe lanes must be 1, 2, 4, 8 or 16, got {}", lanes));
  const PcieGeneration& row = kPcie[static_cast<std::size_t>(generation - 1)];
  return {fmt::format("pcie{}x{}", generation, lanes), gbps(row.x16_gbps * lanes / 16), row.latency,
          CableKind::kPcie};
}

LinkRate host_cable(const Device& device) try {
  return pcie_link(device.pcie_gen, device.pcie_lanes);
} catch (const std::invalid_argument& error) {
  throw std::invalid_argument(fmt::format("{}: {}", device.name, error.what()));
}

LinkRate peer_cable(const Device& device) {
  if (device.peer_link.kind == PeerLinkKind::kNone)
    throw std::invalid_argument(fmt::format("{} has no NVLink or xGMI", device.name));
  const double device_gbps = device.peer_link.per_direction.count() * 1e-9;
  if (!(device_gbps > 0))
    throw std::invalid_argument(
        fmt::format("{}: the peer link's bandwidth per direction must be > 0, got {} GB/s",
                    device.name, device_gbps));
  const PeerChip& chip = peer_chip(device);
  const double line = line_rate_to_one_peer(chip, device_gbps);
  return {cable_name(chip, line), gbps(line * chip.share), chip.latency,
          chip.kind == PeerLinkKind::kXgmi ? CableKind::kXgmi : CableKind::kNvlink};
}

StagedCopyRate staged_copy(const Device& device) {
  const LinkRate link = host_cable(device);
  // By p2pBandwidthLatencyTest with peer access off; figures read 2026-11.
  // Gen4 and older: 22 GB/s (RTX 4090 21.7 to 22.7, A100 PCIe 21.5), both ways 29.6 to 30.9; 11.4
  // to
  //   12.8 us (virtual machines: 15 to 22 us).
  // Gen5, SXM: 37.2 to 37.4 GB/s, both ways 45.6 to 52, 16.5 us (8x H100; NVIDIA/nccl#1264).
  // Gen5, card: 26.1 GB/s, both ways 35.2, 16.6 us (2x H100 PCIe, HPE DL380a Gen11 notes).
  // Narrow links: 6.34 of 6.6 GB/s on x4, so 0.96 of the link, and both ways 8.66
  //   (tinygrad/open-gpu-kernel-modules#44), the same 1.36 times as on full links.
  const bool gen5 = device.pcie_gen >= 5;
  const bool sxm = device.peer_link.kind == PeerLinkKind::kNvlinkSwitch;
  const double one_way = gen5 ? (sxm ? 37.2 : 26.1) : 22.0;
  const double both_ways = gen5 ? (sxm ? 48.8 : 35.2) : 30.0;
  const double link_bound = 0.96 * link.per_direction.count() * 1e-9;
  const nanoseconds fixed_cost = gen5 ? nanoseconds(16'500) : nanoseconds(12'000);
  const double share = std::min(1.0, link_bound / one_way);
  return {fixed_cost, gbps(one_way * share), gbps(both_ways * share)};
}

namespace {

struct SocketLink {
  std::string_view cpus;
  double gbps;
};

// Genoa 39 of 54 GB/s and Turin 51 of 57 GB/s, peer copies across sockets (rtx6kpro @29f3863a).
// Intel: no copy was measured; the planning constants of NCCL (topo.h @5067397c), which are
//   cautious: where it has one for AMD (16 GB/s), copies reach two to three times as much.
// Latency: peer copies across sockets take 1.3 us, of which four PCIe cables are 1.08 (Turin,
//   rtx6kpro @29f3863a).
constexpr std::array<SocketLink, 6> kSocketLinks{{{"amd-genoa", 39.0},
                                                  {"amd-turin", 51.0},
                                                  {"intel-broadwell", 6.0},
                                                  {"intel-skylake", 10.0},
                                                  {"intel-sapphire-rapids", 22.0},
                                                  {"intel-emerald-rapids", 40.0}}};
constexpr nanoseconds kSocketLatency(220);

}  // namespace

LinkRate socket_cable(std::string_view cpus) {
  const auto found = std::ranges::find(kSocketLinks, cpus, &SocketLink::cpus);
  if (found != kSocketLinks.end())
    return {fmt::format("socket-{}", cpus), gbps(found->gbps), kSocketLatency, CableKind::kSocket};
  std::string names;
  for (const SocketLink& link : kSocketLinks)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", link.cpus);
  throw std::invalid_argument(
      fmt::format("socket link \"{}\" is unknown, known are {}", cpus, names));
}

LinkRate root_complex_to_memory() {
  // Eight pinned copies through one quadrant of a Threadripper PRO 7955WX: 73.1 GB/s in, 72.9 out;
  // a peer in another quadrant answers 10 ns later, over two such ways (rtx6kpro @29f3863a).
  return {"on-die", gbps(73.0), nanoseconds(5), CableKind::kOnDie};
}

sim::Bandwidth nic_rate(const Device& device) {
  if (device.pcie_gen < 1)
    throw std::invalid_argument(fmt::format("{} is not a PCIe device", device.name));
  // One NIC per GPU, as vendors pair them: DGX A100 200, DGX H100 400 Gbit/s (their data sheets).
  constexpr std::array<double, 6> kGbitPerSecond{40, 56, 100, 200, 400, 800};
  const auto generation = std::min(device.pcie_gen, static_cast<int>(kGbitPerSecond.size()));
  return gbps(kGbitPerSecond[static_cast<std::size_t>(generation - 1)] / 8);
}

LinkRate network_cable(sim::Bandwidth line_rate, std::optional<sim::Duration> latency) {
  if (!(line_rate.count() > 0) || !std::isfinite(line_rate.count()))
    throw std::invalid_argument(
        fmt::format("a NIC's rate must be > 0 and finite, got {} GB/s", line_rate.count() * 1e-9));
  if (latency && *latency < sim::Duration::zero())
    throw std::invalid_argument(fmt::format("a network's latency must be >= 0, got {} us",
                                            sim::to_seconds(*latency) * 1e6));
  // 46 to 48 of 50 GB/s by one 400 Gbit/s NIC (NVIDIA/nccl-tests#290). NCCL counts 2.7 us for a hop
  // from GPU to GPU over the network by its shortest protocol (tuning.cc @5067397c), of which four
  // PCIe cables are 1.08. No latency of the switches themselves was found.
  constexpr double kAchieved = 0.94;
  constexpr nanoseconds kNicToNic(1620);
  return {fmt::format("network{}g", std::lround(line_rate.count() * 8e-9)), line_rate * kAchieved,
          latency.value_or(kNicToNic) / 2, CableKind::kNetwork};
}

LinkRate switch_cable(const LinkRate& nic_cable, double cables) {
  // No measurement of a further switch was found: half of the first one's share.
  return {fmt::format("{}x{}", nic_cable.type, std::lround(cables)),
          nic_cable.per_direction * cables, nic_cable.latency / 2, CableKind::kNetwork};
}

}  // namespace rigsim::topology
