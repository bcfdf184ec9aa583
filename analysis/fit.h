#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/comparison.h"
#include "configs/catalog.h"
#include "configs/scenario.h"
#include "workloads/fit_change.h"
#include "workloads/memory_plan.h"

namespace rigsim::analysis {

/// The memory that one context takes.
struct ContextFit {
  std::int64_t context = 0;  ///< tokens of each sequence
  bool fits = false;
  std::vector<MemoryUse> memory{};  ///< devices, then the host where it holds something
};

/// One weights format on one rig.
struct FormatFit {
  workloads::WeightsFormat weights{};
  sim::Bytes weight_bytes{};
  double bits_per_weight = 0;
  std::vector<ContextFit> contexts{};             ///< as asked, ascending
  std::optional<std::int64_t> largest_context{};  ///< at the batch asked; none: not one token
  std::optional<std::int64_t> largest_batch{};    ///< at the first context; none: not one
  std::vector<workloads::FitChange> changes{};    ///< where the first context does not fit
};

/// A model on a rig: every format that the engine reads, or the one asked for.
struct RigFit {
  std::string rig{};
  std::string model{};
  std::string engine{};
  std::int64_t batch = 1;
  workloads::ParallelPlan plan{};
  std::vector<FormatFit> formats{};

  /// Whether any format holds its first context.
  [[nodiscard]] bool any_fits() const;
};

/// A rig that holds a model.
struct RigThatHolds {
  std::string rig{};
  workloads::WeightsFormat weights{};  ///< the largest of the formats that fits
  sim::Bytes free{};                   ///< on the fullest device
  std::optional<std::int64_t> largest_context{};
  DatasheetFacts datasheet{};
};

/// The formats that `engine` can read, the smallest first by the weights of `model`.
[[nodiscard]] std::vector<workloads::WeightsFormat> readable_formats(
    const workloads::Model& model, const workloads::EngineProfile& engine);

/// Contexts worth a look: `asked`, then powers of two from 2048 up to the model's longest.
[[nodiscard]] std::vector<std::int64_t> contexts_of_interest(const workloads::Model& model,
                                                             std::int64_t asked);

/// Itemises `scenario` (its weights are replaced by each of `formats`) for each context.
/// Throws as deployment_request.
[[nodiscard]] RigFit fit_on_rig(const configs::Scenario& scenario,
                                const workloads::EngineProfile& engine,
                                std::span<const workloads::WeightsFormat> formats,
                                std::span<const std::int64_t> contexts);

/// The catalogue's ready-made rigs, then its other devices one by one, that hold `scenario` (whose
/// rig is not read) in any of `formats`; of each the largest format that fits. Devices that the
/// engine does not run on are passed over.
[[nodiscard]] std::vector<RigThatHolds> rigs_that_hold(
    const configs::Scenario& scenario, const workloads::EngineProfile& engine,
    std::span<const workloads::WeightsFormat> formats, const configs::Catalog& catalog);

}  // namespace rigsim::analysis
