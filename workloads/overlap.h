#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/units.h"

namespace rigsim::workloads {

/// A kernel that ran on a device.
struct DeviceWork {
  std::uint32_t device = 0;
  sim::Time begin;
  sim::Time end;
};

/// A transfer that ran, its latency included.
struct DeviceCopy {
  std::optional<std::uint32_t> source;       ///< device; none: the host or another place
  std::optional<std::uint32_t> destination;  ///< device
  sim::Time begin;
  sim::Time end;
  bool on_critical_path = false;
};

/// A device's time by what its compute and its copy streams do.
struct DeviceOverlap {
  sim::Duration computing{};  ///< some kernel runs
  sim::Duration copying{};    ///< some copy into or out of it is under way
  sim::Duration both{};       ///< at the same time
};

/// How far communication is hidden behind computation. Hidden and exposed answer two questions, and
/// need not add up to `copies`: a copy may run while its source computes and yet be what the run
/// waits for, or run while nobody computes and delay nothing.
struct Overlap {
  sim::Duration copies{};   ///< sum over the copies
  sim::Duration hidden{};   ///< of it: while the source or the destination computes
  sim::Duration exposed{};  ///< of it: on the critical path
  std::vector<DeviceOverlap> devices;

  Overlap& operator+=(const Overlap& other);
};

/// The overlap of what ran, in any order. Throws std::invalid_argument for a device that is not
/// below `device_count` and an end before its begin.
[[nodiscard]] Overlap overlap_of(std::span<const DeviceWork> work,
                                 std::span<const DeviceCopy> copies, std::size_t device_count);

}  // namespace rigsim::workloads
