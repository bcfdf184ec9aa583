#pragma once

#include <cstdint>

#include "topology/device.h"

namespace rigsim::workloads {

/// A GPU with the memory that nvidia-smi reports, in MiB.
[[nodiscard]] inline topology::Device gpu_reporting(std::int64_t mib) {
  topology::Device device;
  device.name = "gpu";
  device.memory_reported = sim::Bytes(mib << 20);
  device.memory = *device.memory_reported;
  return device;
}

/// An Apple chip with so many GiB of unified memory, at macOS's default limit.
[[nodiscard]] inline topology::Device mac_with(std::int64_t gib) {
  topology::Device device;
  device.name = "mac";
  device.kind = topology::DeviceKind::kAppleSoc;
  device.unified_memory = true;
  device.memory = sim::Bytes(gib << 30);
  return device;
}

// nvidia-smi's "memory.total" of each card.
constexpr std::int64_t kRtx3070Mib = 8192;
constexpr std::int64_t kRtx3080Mib = 10240;
constexpr std::int64_t kRtx3080TiMib = 12288;
constexpr std::int64_t kRtx4070TiMib = 12282;
constexpr std::int64_t kRtx4080Mib = 16376;
constexpr std::int64_t kRtx4000AdaMib = 20475;
constexpr std::int64_t kRtx3090Mib = 24576;
constexpr std::int64_t kRtx4090Mib = 24564;
constexpr std::int64_t kRtx5000AdaMib = 32760;
constexpr std::int64_t kA40Mib = 46068;
constexpr std::int64_t kRtxA6000Mib = 49140;
constexpr std::int64_t kA100Mib = 81920;
constexpr std::int64_t kH100Mib = 81559;

}  // namespace rigsim::workloads
