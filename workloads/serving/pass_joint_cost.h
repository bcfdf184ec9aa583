#pragma once

#include <span>
#include <vector>

#include "workloads/serving/joint_step_cost.h"
#include "workloads/serving/pass_bodies.h"
#include "workloads/serving/pass_step_cost.h"

namespace rigsim::workloads {

/// Steps of replicas whose experts are spread over all of them, as vLLM 0.19 runs them
/// (--data-parallel-size with --enable-expert-parallel): each attends for its own sequences, all
/// meet in every layer's experts.
///
/// - Where all replay captured graphs, each has as many tokens as the one with most, padded
///   (v1/worker/dp_utils.py, coordinate_batch_across_dp): one pass of the op graph in which all
///   have so many. If the batch of one is larger, all launch kernel by kernel and none is padded to
///   another's size; but each keeps the size that it would be captured at alone, and the experts
///   see the sum of these (_post_process_dp_padding passes on the padded counts).
/// - A layer's experts begin when the slowest has done its attention (and its dense products, where
///   token counts differ). That is the same one in all layers.
/// - A replica without work runs a batch of one token (execute_dummy_batch); its attention and
///   logits are left out.
/// - Drawing tokens and the host's share count where they take longest.
class PassJointCost final : public JointStepCost {
 public:
  /// All replicas of `deployment`, which must outlive this as `bodies` must. Throws as
  /// PassStepCost.
  PassJointCost(const Deployment& deployment, PassBodies& bodies, const ServingHost& host,
                Slowness slowness);

  StepRun price(std::span<const RankLoad> ranks, std::span<StepRun> waits) override;

 private:
  [[nodiscard]] StepRun attention(const RankLoad& rank);
  Ticks add_dense(std::span<const RankLoad> ranks);

  PassBodies& bodies_;
  ServingHost host_;
  PassStepCost parts_;
  std::vector<StepRun> own_;    // [ranks] until they meet at the experts, all layers
  std::vector<Ticks> drawing_;  // [ranks]
};

}  // namespace rigsim::workloads
