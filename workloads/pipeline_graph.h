#pragma once

#include <cstdint>
#include <vector>

#include "sim/executor.h"
#include "sim/network.h"
#include "sim/op_graph.h"
#include "workloads/bubble.h"
#include "workloads/pipeline_schedule.h"

namespace rigsim::workloads {

/// A pipeline with its times and what joins the stages.
struct PipelinePlan {
  PipelineShape shape;
  std::vector<ChunkTime> times;  ///< [positions] by position in the model
  sim::Network network;          ///< what the transfers below move over
  /// [positions - 1] from position i to i + 1: a sim::Transfer, or a sim::Delay where the time is
  /// known; empty: activations arrive at once.
  std::vector<sim::Op> activations;
  /// [positions - 1] from position i + 1 back to i; empty: gradients arrive at once.
  std::vector<sim::Op> gradients;
};

/// What an op of a pipeline stands for.
struct PipelineOp {
  PipelinePass pass;  ///< of a transfer: the pass that it feeds
  bool transfer = false;
  std::uint32_t stage = 0;   ///< of a transfer: where it goes
  std::uint32_t source = 0;  ///< of a transfer: where it comes from; else `stage`
};

/// A pipeline as ops: each stage is a resource that runs its passes in the order of the schedule; a
/// transfer leaves its stage free for the next pass.
struct PipelineGraph {
  sim::OpGraph graph;
  std::vector<PipelineOp> ops;  ///< [ops]
  std::uint32_t stages = 1;
};

/// Throws std::invalid_argument as `check(plan.shape)`, for the wrong number of times or transfers,
/// an op between stages that is neither a Transfer nor a Delay, and what OpGraphBuilder::compile
/// refuses (negative times, missing routes).
[[nodiscard]] PipelineGraph lower_pipeline(const PipelinePlan& plan);

/// One op as it ran.
struct PipelineSpan {
  PipelineOp op;
  sim::Time start;
  sim::Time end;
  bool on_critical_path = false;
};

struct PipelineResult {
  sim::Duration makespan{};
  std::vector<StageBubble> stages;  ///< [stages]
  std::vector<PipelineSpan> spans;  ///< [ops] in the order of the graph
};

/// Runs the plan, and once more without transfers to explain its bubbles. Idle time counts as
/// filling (see StageSpan): with backward passes, until the stage's first backward begins; forward
/// only, from when the pass that the stage waits for has begun on the first stage. Throws as
/// `lower_pipeline`.
[[nodiscard]] PipelineResult run_pipeline(const PipelinePlan& plan);

}  // namespace rigsim::workloads
