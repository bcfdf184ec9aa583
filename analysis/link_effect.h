#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "analysis/error_statistics.h"
#include "analysis/validation.h"
#include "configs/catalog.h"
#include "configs/link_effects.h"

namespace rigsim::analysis {

/// What the simulator says of one arm.
struct PredictedArm {
  double tokens_per_s = 0;  ///< all sequences
  double link_share = 0;    ///< of the time, what waits for copies and exchanges
};

/// A comparison with both arms simulated.
struct PredictedEffect {
  configs::LinkEffect effect;
  PredictedArm a;
  PredictedArm b;

  /// How many times a the simulator gives b.
  [[nodiscard]] double ratio() const { return b.tokens_per_s / a.tokens_per_s; }
  /// Whether it says faster, slower or no different (a change of at most 5 %) as the source does.
  /// Of a measured change below 5 % any predicted one below 5 % is right.
  [[nodiscard]] bool sign_right() const;
  /// Whether the ratios differ by at most 0.10.
  [[nodiscard]] bool within_ten_points() const;
};

/// Row-split runs of one rig and phase.
struct RowSplitSummary {
  std::string rig;    ///< or "all"
  std::string phase;  ///< "decode" or "prefill"
  ErrorStatistics statistics;
};

/// Predicted against measured, of everything that ships about links and models.
struct LinkReport {
  std::vector<PredictedEffect> effects;
  std::vector<configs::LinkEffect> excluded;
  ValidationReport row_split;           ///< llama.cpp's row split, run by run
  std::vector<RowSplitSummary> by_rig;  ///< of it
};

/// Simulates both arms of a scored comparison. Throws std::invalid_argument as configs::link_rig(),
/// the catalogue and workloads::deploy() do, naming the comparison.
[[nodiscard]] PredictedEffect predict_effect(const configs::LinkEffect& effect,
                                             const configs::Catalog& catalog);

/// Simulates all scored `effects` and `row_split` runs; the order is theirs.
[[nodiscard]] LinkReport link_report(std::span<const configs::LinkEffect> effects,
                                     std::span<const configs::MeasuredRow> row_split,
                                     const configs::Catalog& catalog);

/// `{comparisons[], excluded[], summary, row_split {summary[], rows[]}}`.
[[nodiscard]] nlohmann::ordered_json link_report_json(const LinkReport& report);

/// The report for people.
[[nodiscard]] std::string link_report_table(const LinkReport& report);

}  // namespace rigsim::analysis
