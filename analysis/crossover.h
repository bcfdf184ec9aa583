#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configs/scenario.h"
#include "workloads/deployment.h"
#include "workloads/engine_profile.h"

namespace rigsim::analysis {

/// What a decode step waits for.
enum class StepBound {
  kWeights,  ///< memory: weights, and activations beside them
  kKvCache,  ///< attention over the KV cache, whichever of its roofs
  kCompute,  ///< arithmetic, and unpacking of block formats, outside attention
  kLink,
  kLaunch,
  kHost
};
inline constexpr std::array kStepBounds{StepBound::kWeights, StepBound::kKvCache,
                                        StepBound::kCompute, StepBound::kLink,
                                        StepBound::kLaunch,  StepBound::kHost};

/// "weights", "kv_cache", "compute", "link", "launch", "host".
[[nodiscard]] std::string_view to_string(StepBound bound);

/// One decode step of a batch, by what its critical path waits for.
struct StepAtBatch {
  std::int64_t batch = 0;
  double step_s = 0;
  std::array<double, kStepBounds.size()> seconds{};  ///< by StepBound; they sum to step_s
  workloads::Evidence evidence = workloads::Evidence::kDatasheet;

  [[nodiscard]] double of(StepBound bound) const {
    return seconds[static_cast<std::size_t>(bound)];
  }
  /// What most of the step waits for; of equals the first.
  [[nodiscard]] StepBound bound() const;
  /// Whether multiplying by the weights takes longer to compute than to read.
  [[nodiscard]] bool computes() const { return of(StepBound::kCompute) > of(StepBound::kWeights); }
};

/// The smallest batch from which on decode computes longer than it reads weights, as far as was
/// looked: from 1, doubled, to `looked_to`, and between two of these where it changes. `value` is
/// none where that reads longer.
struct RidgeBatch {
  std::int64_t looked_to = 0;
  std::optional<std::int64_t> value{};
  /// With the arithmetic slower, and faster, by the errors of compute and memory rates together:
  /// the backend's decode band times the square root of 2.
  std::optional<std::int64_t> low{};
  std::optional<std::int64_t> high{};
  workloads::Evidence evidence = workloads::Evidence::kDatasheet;  ///< of the step there
};

/// What the datasheet says: peak x bytes per weight / (2 x bandwidth) sequences in one pass; of
/// experts times all weights over those that a token passes. Activations, KV cache and launches are
/// left out.
struct AnalyticRidge {
  std::string device{};  ///< catalogue name
  double batch = 0;      ///< of all passes at once: replicas, and batches in their pipelines
  double peak_flops = 0;
  std::string numbers{};  ///< "FP16 with FP32 accumulation"
  double bytes_per_weight = 0;
  double bandwidth_bytes_per_s = 0;
};

/// One rig, format and plan over batches.
struct Crossover {
  std::string rig{};
  std::string model{};
  std::string weights{};
  std::string engine{};
  workloads::ParallelPlan plan{};
  std::int64_t context = 0;                     ///< tokens that each sequence attends to
  std::optional<std::int64_t> largest_batch{};  ///< that fits, as far as was looked; none: 0
  int passes = 1;  ///< that share the batch out: replicas x batches on their way in a pipeline
  std::vector<StepAtBatch> steps{};  ///< [batches], increasing
  RidgeBatch ridge{};
  std::vector<AnalyticRidge> analytic{};  ///< one for each kind of device, the lowest first
};

/// Runs one decode step of `scenario` (its prompt being the context) at each of `batches`, and for
/// the ridge up to the largest of them and kLookedTo. What does not fit in memory runs, too: the
/// kernels take the same. Throws std::invalid_argument unless batches increase from at least 1, and
/// as deployment_request and workloads::deploy.
[[nodiscard]] Crossover crossover(const configs::Scenario& scenario,
                                  const workloads::EngineProfile& engine,
                                  std::span<const std::int64_t> batches);

/// Ridges are looked for at least up to this batch of a pass.
inline constexpr std::int64_t kLookedTo = 512;

/// The datasheet's ridge of each kind of device in `deployment`, for so many passes at once, the
/// lowest first.
[[nodiscard]] std::vector<AnalyticRidge> analytic_ridges(const workloads::Deployment& deployment,
                                                         int passes);

}  // namespace rigsim::analysis
