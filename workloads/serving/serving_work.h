#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "workloads/serving/serving_record.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::workloads {

/// What steps had to do, in whole numbers: the sum over single steps and that over a leap are the
/// same.
struct StepWork {
  Wide flops = 0;
  Wide bytes = 0;
  Ticks link = 0;  ///< that communication of the replica's devices holds up

  StepWork& operator+=(const StepWork& other);
};

/// The work of one replica's steps as the model demands it, all devices together: neither padding
/// nor what kernels do beyond it.
/// - FLOPs: 2 for each weight of a matrix and token (of routed experts the active ones, of the head
///   one token of each sequence in the step), and in attention 2 for each number of a key and a
///   value that a query head meets, causal.
/// - Bytes: every weight that the step's tokens touch once (of routed experts those expected to be
///   touched), the keys and values attended to, and the new ones. Activations are not counted.
/// - Link: exposed communication on the critical path of a pass at the captured size, above (and
///   above 64) at the next multiple of 64 tokens. Of a pipeline with several steps on their way it
///   is the mean stage's, and copies between stages hold up none.
/// Replicas that share their experts: each reads its share of those that tokens of all touch, and
/// waits for the links that all sit in, also where it only runs along.
/// Windowed layers attend to the lesser of window and mean context; a chunk's tokens, to at most
/// the window each.
class ServingWork {
 public:
  /// `setup` must outlive this. Where a model drafts its passes count, too (SpeculativeStepCost).
  explicit ServingWork(const ServingSetup& setup);

  [[nodiscard]] StepWork of(const StepRecord& steps);

  /// Of one replica: the datasheet's dense 16-bit matrix rate and memory bandwidth.
  [[nodiscard]] double peak_flops() const { return peak_flops_; }
  [[nodiscard]] double peak_bandwidth() const { return peak_bandwidth_; }

 private:
  /// Layers that attend alike.
  struct AttentionGroup {
    std::int64_t layers = 0;
    std::int64_t window = 0;          ///< tokens; 0: all
    std::int64_t flops_per_pair = 0;  ///< of a query token and a key, one layer
    double bytes_per_token = 0;       ///< keys and values, one layer
  };

  ServingWork(const Deployment& deployment, const ServingHost& host, std::int32_t in_flight);
  [[nodiscard]] StepWork of_passes(const StepRecord& steps, std::int64_t logits);
  [[nodiscard]] StepWork drafting(const StepRecord& step);
  void add_layers();
  void add_attention();
  [[nodiscard]] Wide weight_bytes(std::int64_t tokens, std::int64_t group_tokens) const;
  [[nodiscard]] std::int64_t looked_at(std::int64_t tokens) const;
  [[nodiscard]] std::int64_t tokens_of_each(const StepRecord& steps) const;
  [[nodiscard]] Ticks link(std::int64_t tokens);

  const Deployment& d_;
  const ServingHost& host_;
  std::int32_t in_flight_;  // steps of a pipeline
  std::unique_ptr<ServingWork> draft_;
  std::int64_t drafts_ = 0;       // of a sequence in a step
  std::int64_t layer_flops_ = 0;  // per token, all layers
  std::int64_t head_flops_ = 0;   // per token that is sampled
  std::int64_t dense_bytes_ = 0;
  std::int64_t expert_bytes_ = 0;  // routed, all layers
  std::vector<AttentionGroup> groups_;
  double peak_flops_ = 0;
  double peak_bandwidth_ = 0;
  std::map<std::int64_t, Ticks> links_;  // by tokens of the pass
};

/// Sum over i < steps of the lesser of first + i x growth and most; `growth` >= 0.
[[nodiscard]] Wide capped_series(std::int64_t first, std::int64_t growth, std::int64_t steps,
                                 std::int64_t most);

}  // namespace rigsim::workloads
