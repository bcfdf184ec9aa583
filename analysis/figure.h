#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "workloads/engine_profile.h"

namespace rigsim::analysis {

/// A predicted number with its 90 % error band and the layer of the cost model that gave it.
struct Figure {
  double value = 0;
  double low = 0;
  double high = 0;
  workloads::Evidence evidence = workloads::Evidence::kDatasheet;
  std::string unit;  ///< "tokens/s", "s"; empty: a ratio

  /// (high - low) / 2 over the value; 0 for a value of 0.
  [[nodiscard]] double relative_half_width() const;
  /// Whether `measured` lies in [low, high].
  [[nodiscard]] bool holds(double measured) const { return low <= measured && measured <= high; }
};

/// `value` with the band value x (1 - half_width) to value x (1 + half_width), not below 0.
/// Throws std::invalid_argument unless half_width is finite and >= 0.
[[nodiscard]] Figure with_band(double value, double half_width, workloads::Evidence evidence,
                               std::string unit);

/// The half-width that `band` gives for `evidence`.
[[nodiscard]] double half_width_of(const workloads::ErrorBand& band, workloads::Evidence evidence);

/// `{value, low, high, evidence}`; the unit stands in the key.
[[nodiscard]] nlohmann::ordered_json figure_json(const Figure& figure);

}  // namespace rigsim::analysis
