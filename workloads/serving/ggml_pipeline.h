#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "workloads/deployment.h"
#include "workloads/serving/micro_batches.h"
#include "workloads/serving/pass_bodies.h"
#include "workloads/serving/pass_step_cost.h"
#include "workloads/serving/step_cost.h"

namespace rigsim::workloads {

/// Whether several devices, each with layers of its own, compute one replica's steps as ggml does:
/// one step at a time (llama-server's update_slots waits for each llama_decode that answers
/// anything), its micro-batches behind each other.
[[nodiscard]] bool is_ggml_pipeline(const Deployment& deployment);

/// Device launches in their order: how many, and how long the device takes for them.
struct Launches {
  int count = 0;
  Ticks time = 0;
};

/// A layer, or the head, of a micro-batch: what comes before and behind attention.
struct LaunchedLayer {
  std::vector<Launches> before;
  std::vector<Launches> attention;  ///< of one prompt with nothing cached
  std::vector<Launches> behind;
  Ticks time = 0;  ///< of all but attention
};

/// One device's layers under a ggml engine.
class GgmlStage {
 public:
  /// Stage `stage` of `deployment`, which must outlive this as `bodies` must. Devices and host take
  /// `slowness` times as long.
  GgmlStage(const Deployment& deployment, PassBodies& bodies, std::size_t stage,
            const ServingHost& host, Slowness slowness);

  [[nodiscard]] std::uint32_t device() const { return device_; }
  /// Decode steps, and what chunks beside them take without their overlap with other stages.
  [[nodiscard]] PassStepCost& cost() { return cost_; }
  /// The kinds of this stage's layers, in their order; those of one kind take the same.
  [[nodiscard]] const std::vector<std::size_t>& kinds() const { return kind_of_; }
  const LaunchedLayer& layer(std::size_t kind, std::int64_t tokens);
  /// Nothing where another stage has the head.
  const LaunchedLayer& head(std::int64_t logits);
  /// All of a micro-batch, without waiting.
  Ticks computing(const MicroBatch& part);

 private:
  [[nodiscard]] LaunchedLayer priced(std::span<const Kernel> kernels) const;

  const Deployment& d_;
  const DeployedStage& stage_;
  std::uint32_t device_;
  double slowness_;
  PassStepCost cost_;
  std::vector<std::size_t> kind_of_;                                      // by layer of the stage
  std::vector<int> of_kind_;                                              // a layer of each kind
  std::map<std::pair<std::size_t, std::int64_t>, LaunchedLayer> layers_;  // by kind and tokens
  std::map<std::int64_t, LaunchedLayer> heads_;                           // by logits
};

/// What the steps of llama.cpp on several devices take, as PassGraph's lower_prompt() and
/// lower_decode() have it, without building their graphs: decoding rows pass the stages one after
/// the other; a step with prompts goes through them in micro-batches. The host launches kernels in
/// order, a device's queue holds so many, and while it is full no other device gets any (see
/// lower_prompt). A copy between two stages is alone on its links.
///
/// A batch that answers nothing is not waited for (llama_decode returns when all is launched): the
/// next one, of the same prompt, follows it as its micro-batches follow each other.
class GgmlPipeline final : public StepCost {
 public:
  /// `deployment` must outlive this as `bodies` must; see is_ggml_pipeline().
  GgmlPipeline(const Deployment& deployment, PassBodies& bodies, ServingHost host,
               Slowness slowness);

  GgmlPipeline(const GgmlPipeline&) = delete;
  GgmlPipeline& operator=(const GgmlPipeline&) = delete;

  [[nodiscard]] Station station() { return {this, StationKind::kStage, shares_}; }

  StepRun decode(const DecodeLoad& load) override;
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override;

 private:
  /// What one stage computes of a step.
  class Share;
  /// From a stage to the one behind it.
  struct Boundary {
    Ticks sync = 0;
    Ticks fixed = 0;  // of a copy
    double bytes_per_second = 0;
    bool blocks_host = false;
  };

  [[nodiscard]] Ticks copy(const Boundary& boundary, std::int64_t tokens) const;
  [[nodiscard]] std::vector<MicroBatch> parts(const DecodeLoad& load,
                                              std::span<const PromptChunk> chunks) const;
  [[nodiscard]] Ticks of_prompts(Ticks time) const;

  const Deployment& d_;
  ServingHost host_;
  Slowness slowness_;
  std::deque<GgmlStage> stages_;
  std::vector<Boundary> boundaries_;
  std::vector<std::unique_ptr<StepCost>> owned_;
  std::vector<StepCost*> shares_;
};

}  // namespace rigsim::workloads
