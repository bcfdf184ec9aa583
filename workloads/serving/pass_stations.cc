#include "workloads/serving/pass_stations.h"

#include <utility>

namespace rigsim::workloads {
namespace {

constexpr std::int64_t kForever = std::int64_t{1} << 40;

/// What does not depend on contexts.
class FlatCost : public StepCost {
 public:
  StepRun decode(const DecodeLoad& load) final {
    return {of(load.sequences, load.sequences), 0, kForever};
  }
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) final {
    std::int64_t tokens = load.sequences;
    for (const PromptChunk& each : chunks) tokens += each.tokens;
    return of(tokens, load.sequences + static_cast<std::int64_t>(chunks.size()));
  }

 private:
  virtual Ticks of(std::int64_t tokens, std::int64_t sequences) = 0;
};

/// A part of what is between two stages.
class BetweenCost final : public FlatCost {
 public:
  using Part = Ticks (PassBodies::*)(std::size_t stage, std::int64_t tokens);

  BetweenCost(PassBodies& bodies, Part part, std::size_t stage)
      : bodies_(bodies), part_(part), stage_(stage) {}

 private:
  Ticks of(std::int64_t tokens, std::int64_t) override { return (bodies_.*part_)(stage_, tokens); }

  PassBodies& bodies_;
  Part part_;
  std::size_t stage_;
};

/// Of a host that takes turns with the devices.
class HostCost final : public FlatCost {
 public:
  explicit HostCost(const ServingHost& host) : host_(host) {}

 private:
  Ticks of(std::int64_t, std::int64_t sequences) override { return host_.share(sequences); }

  ServingHost host_;
};

}  // namespace

PassStations::PassStations(const Deployment& deployment, const ServingHost& host, Slowness slowness,
                           std::span<const BlockCopyCost> copies)
    : bodies_(deployment, host.captured, slowness.decode) {
  if (is_ggml_pipeline(deployment)) {
    ggml_ = std::make_unique<GgmlPipeline>(deployment, bodies_, host, slowness);
    stations_.push_back(ggml_->station());
    return;
  }
  if (deployment.plan.dp > 1) {
    joint_.emplace(deployment, bodies_, host, slowness);
    stations_.push_back({nullptr, StationKind::kStage, {}, &*joint_});
    return;
  }
  const auto add = [&](std::unique_ptr<StepCost> cost, StationKind kind) {
    stations_.push_back({cost.get(), kind});
    others_.push_back(std::move(cost));
  };
  const bool in_front = bodies_.stages() > 1 && !host.overlapped;
  if (in_front) add(std::make_unique<HostCost>(host), StationKind::kLine);
  ServingHost idle = host;
  idle.step_us = idle.per_sequence_us = 0;
  for (std::size_t s = 0; s < bodies_.stages(); ++s) {
    if (s > 0) {
      add(std::make_unique<BetweenCost>(bodies_, &PassBodies::handover, s - 1),
          StationKind::kDelay);
      add(std::make_unique<BetweenCost>(bodies_, &PassBodies::copy, s - 1), StationKind::kLine);
    }
    stages_.emplace_back(deployment, bodies_, s, s > 0 || in_front ? idle : host, slowness);
    stations_.push_back({&stages_.back()});
    if (!copies.empty()) stations_.back().copies = copies[s];
  }
}

}  // namespace rigsim::workloads
