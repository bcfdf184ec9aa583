#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "workloads/serving/ggml_pipeline.h"
#include "workloads/serving/pass_bodies.h"
#include "workloads/serving/pass_joint_cost.h"
#include "workloads/serving/pass_step_cost.h"

namespace rigsim::workloads {

/// What the steps of a model on one replica pass: its stages with the copies between them, and in
/// front of several stages the host, where it does not work ahead. A copy has its line to itself;
/// that those between other stages share links with it is not modelled. Several stages of a ggml
/// engine are one station: GgmlPipeline. Replicas that share their experts step together.
class PassStations {
 public:
  /// `deployment` must outlive this. Throws std::invalid_argument as PassBodies and PassStepCost.
  /// `copies` of KV blocks to and from host memory, [stages], or none.
  PassStations(const Deployment& deployment, const ServingHost& host, Slowness slowness = {},
               std::span<const BlockCopyCost> copies = {});

  PassStations(const PassStations&) = delete;
  PassStations& operator=(const PassStations&) = delete;

  [[nodiscard]] std::span<const Station> stations() const { return stations_; }

 private:
  PassBodies bodies_;
  std::deque<PassStepCost> stages_;
  std::unique_ptr<GgmlPipeline> ggml_;
  std::optional<PassJointCost> joint_;
  std::vector<std::unique_ptr<StepCost>> others_;
  std::vector<Station> stations_;
};

}  // namespace rigsim::workloads
