#pragma once

#include <optional>
#include <string>

#include "sim/units.h"

namespace rigsim::topology {

enum class DeviceKind { kGpu, kAppleSoc, kCpu };

/// How devices of one type are joined beyond PCIe.
enum class PeerLinkKind {
  kNone,
  kNvlinkBridge,  ///< pairs only, by a bridge the buyer adds
  kNvlinkSwitch,  ///< all to all through NVSwitch
  kXgmi,          ///< direct links to every peer (AMD Infinity Fabric)
  kNvlinkMesh     ///< direct links on the board (V100 SXM2): see build_rig()
};

/// Whether the links come with the board that carries the devices.
[[nodiscard]] constexpr bool is_on_board(PeerLinkKind kind) {
  return kind != PeerLinkKind::kNone && kind != PeerLinkKind::kNvlinkBridge;
}

/// Dense peak rates by number format and accumulator. A missing one is not supported by the device.
struct PeakRates {
  std::optional<sim::FlopRate> fp16_tensor_fp32acc;
  std::optional<sim::FlopRate> fp16_tensor_fp16acc;
  std::optional<sim::FlopRate> bf16_tensor;
  std::optional<sim::FlopRate> int8;  ///< operations per second
  std::optional<sim::FlopRate> fp8_fp32acc;
  std::optional<sim::FlopRate> fp8_fp16acc;
  std::optional<sim::FlopRate> fp4;
  std::optional<sim::FlopRate> fp32;
  std::optional<sim::FlopRate> fp16_nontensor;
};

/// The link to peers of the same type, one direction of one device.
struct PeerLink {
  PeerLinkKind kind = PeerLinkKind::kNone;
  sim::Bandwidth per_direction{};  ///< line rate, one device, one direction
};

/// What a device is, by its datasheet. Facts only: no efficiency lives here.
struct Device {
  std::string name;   ///< catalogue name, "rtx-4090"
  std::string title;  ///< as printed on the box, "RTX 4090"
  DeviceKind kind = DeviceKind::kGpu;
  std::string vendor;                            ///< "NVIDIA", "AMD", "Apple", "Intel"
  std::string architecture;                      ///< "Ada", "Ampere", "Zen 4", "M3"
  std::string chip;                              ///< "AD102"
  sim::Bytes memory{};                           ///< marketed capacity
  std::optional<sim::Bytes> memory_reported;     ///< what the driver reports
  std::optional<double> usable_memory_fraction;  ///< share of `memory` a process can allocate
  sim::Bandwidth memory_bandwidth{};             ///< datasheet peak
  std::optional<sim::Bytes> l2;
  std::optional<sim::Bytes> last_level_cache;
  int sm_count = 0;  ///< SMs, CUs, GPU cores or CPU cores
  std::optional<int> fp32_lanes;
  double boost_hz = 0;
  PeakRates peak;
  sim::Watts tdp{};
  int pcie_gen = 0;  ///< 0: not on PCIe (Apple, CPU)
  int pcie_lanes = 0;
  bool pcie_p2p = false;  ///< the stock driver copies directly between two of these over PCIe
  PeerLink peer_link;
  /// Share of a kernel's speed that is lost while a copy into or out of the device moves, in [0,
  /// 1).
  double compute_slowdown_under_copy = 0;
  bool unified_memory = false;
  std::optional<int> launch_year;
  std::optional<double> launch_price_usd;
  std::optional<double> street_price_low_usd;   ///< 2025
  std::optional<double> street_price_high_usd;  ///< 2025
};

}  // namespace rigsim::topology
