#pragma once

#include <string>
#include <string_view>

#include "configs/yaml_reader.h"
#include "workloads/parallel_plan.h"

namespace rigsim::configs {

/// Reads a plan as it is said on a command line: "tp=2,pp=2,dp=4". Keys, each at most once: tp, pp,
/// dp, ep, expert_imbalance=1.3, sp=on or off (sequence parallel), in_flight=2 (batches in the
/// pipeline at once), layers=30/50 (layers of each stage), gpu_layers=20 (or ngl), split=layer,
/// row or tensor, balance=memory or even, devices=0/2/1/3 (the rig's device of each position:
/// replica by replica, stage by stage, rank by rank). What is not said is 1, all, or the default.
/// Throws std::invalid_argument: another key (with the nearest), a number that is none.
[[nodiscard]] workloads::ParallelPlan parse_plan(std::string_view text);

/// The text that parse_plan turns back into `plan`.
[[nodiscard]] std::string to_text(const workloads::ParallelPlan& plan);

/// Reads a plan from a file: such a text, or a map of the same keys (`layers: [30, 50]`).
/// Throws ConfigError.
[[nodiscard]] workloads::ParallelPlan read_plan(const ValueReader& value);

}  // namespace rigsim::configs
