#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "configs/sweep_file.h"

namespace rigsim::analysis {

enum class PointStatus {
  kDone,
  kDoesNotFit,
  kRefused,  ///< its parts do not go together
  kFailed    ///< something else went wrong, such as a file that is missing
};
[[nodiscard]] std::string_view to_string(PointStatus status);

/// A column of results.
struct SweepMetric {
  std::string name{};
  std::string units{};  ///< UDUNITS
  std::string description{};
  bool text = false;
};

/// A number (NaN: none) or a text (empty: none).
using SweepCell = std::variant<double, std::string>;

/// What came out of a point. A copy of it needs nothing else.
struct PointResult {
  PointStatus status = PointStatus::kDone;
  std::string reason{};              ///< why it has no figures
  std::vector<SweepCell> metrics{};  ///< [sweep_metrics()]
};

/// A point of the plan with its result.
struct SweepPoint {
  std::uint64_t combination = 0;
  std::uint64_t id = 0;  ///< 0: its scenario cannot be read
  PointResult result{};
  bool reused = false;  ///< it was there before
};

/// The columns that a run has, in order.
[[nodiscard]] const std::vector<SweepMetric>& sweep_metrics(configs::SweepRun run);

/// What all points are run with; read by all threads, written by none.
struct SweepFacts {
  const configs::SweepPlan& plan;
  const configs::Catalog& catalog;
  std::map<std::string, configs::EngineFile> engines;  ///< by Scenario::engine

  std::string own_catalog;  ///< text of the user's additions to the catalogue, for the points' ids

  /// Reads the engines of the plan. Throws as configs::engine_named. Plan and catalogue must
  /// outlive this.
  SweepFacts(const configs::SweepPlan& plan, const configs::Catalog& catalog,
             std::string own_catalog = {});
};

/// The run was asked to stop.
struct SweepStopped {};

/// Runs the scenario. `stop` (or none) is asked now and then while requests are served. Throws
/// SweepStopped, std::invalid_argument for what does not go together, configs::UnreadableInput.
[[nodiscard]] PointResult run_point(const SweepFacts& facts, const configs::Scenario& scenario,
                                    const std::function<bool()>& stop = {});

/// What `make` gives; what it throws of faults becomes a result. SweepStopped and std::bad_alloc
/// pass.
[[nodiscard]] PointResult with_faults_kept(configs::SweepRun run,
                                           const std::function<PointResult()>& make);

}  // namespace rigsim::analysis
