#pragma once

#include <optional>
#include <span>

#include "workloads/serving/pass_stations.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/serving/speculative_step_cost.h"

namespace rigsim::workloads {

/// What the steps of a setup's replicas pass. What they cost is worked out once, for any number of
/// runs one after the other.
class ServingStations {
 public:
  /// `setup` must outlive this. Throws as PassStations and SpeculativeStepCost.
  explicit ServingStations(const ServingSetup& setup, Slowness slowness = {});

  ServingStations(const ServingStations&) = delete;
  ServingStations& operator=(const ServingStations&) = delete;

  [[nodiscard]] std::span<const Station> stations() const {
    return passes_ ? passes_->stations() : std::span(&speculating_, 1);
  }

 private:
  std::optional<PassStations> passes_;
  std::optional<SpeculativeStepCost> speculative_;
  Station speculating_;
};

}  // namespace rigsim::workloads
