#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/comparison.h"
#include "workloads/bubble.h"
#include "workloads/overlap.h"

namespace rigsim::analysis {

/// A device of a split, and why it idled; devices of one tensor-parallel group are alike.
struct DeviceBubble {
  std::string device;
  std::uint32_t replica = 0;
  std::size_t stage = 0;
  workloads::StageBubble bubble{};
};

/// How the devices of one phase waited for each other and for transfers.
struct PhaseParallelism {
  double seconds = 0;
  std::vector<DeviceBubble> devices;  ///< in the plan's order
  workloads::Overlap overlap;         ///< hidden and exposed communication
};

/// Of a run on several devices: the whole prompt, and one decode step in the middle of the run (of
/// batches in flight: from the first to the last of its rounds, PassGraph::rounds). Clocks are the
/// datasheets', as if no power limit held.
struct ParallelReport {
  std::optional<PhaseParallelism> prefill;
  std::optional<PhaseParallelism> decode_step;
};

/// None where the result does not fit or one device does it all. Throws as workloads::deploy.
[[nodiscard]] std::optional<ParallelReport> parallel_report(const RigResult& result);

/// `prefill` and `decode_step` (null where absent), each with `seconds`, `communication_s`
/// (`total`, `hidden`: while source or destination computes, `exposed`: on the critical path) and
/// `devices[]` (`device`, `replica`, `stage`, `busy_s`, `bubble_s` and its parts `fill_s`,
/// `drain_s`, `imbalance_s`, `transfer_s`).
[[nodiscard]] nlohmann::ordered_json to_json(const ParallelReport& report);

}  // namespace rigsim::analysis
