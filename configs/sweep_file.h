#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "configs/scenario.h"
#include "configs/yaml_document.h"

namespace rigsim::configs {

class Catalog;

/// What is run at each point.
enum class SweepRun {
  kSingleStream,  ///< prompt and output of one batch, as `rigsim run`
  kServe          ///< the scenario's traffic, as `rigsim serve`
};
[[nodiscard]] std::string_view to_string(SweepRun run);

/// A key of the scenario and what it is set to.
struct SweepAxis {
  std::string key;  ///< "batch", "serving.max_num_seqs"
  int line = 0;     ///< where the key stands
  int column = 0;
  std::vector<YamlNode> values;  ///< scalars; null: the key is not said
  std::size_t dial = 0;          ///< axes with one dial move together (zip)
  bool numbers = false;          ///< all values are numbers without a unit

  /// Of a value, as text; null: empty.
  [[nodiscard]] const std::string& text(std::size_t value) const { return values[value].scalar; }
};

/// Points that are left out: those where each of these axes has one of its values.
struct SweepSkip {
  struct Term {
    std::size_t axis = 0;
    std::vector<bool> matches;  ///< [values of the axis]
  };
  std::vector<Term> terms;
};

/// A base scenario and axes through it. Its combinations are numbered from 0, the last dial turning
/// fastest; those that no condition skips are its points.
struct SweepPlan {
  YamlDocument base;
  std::vector<SweepAxis> axes;
  std::vector<std::size_t> dials;  ///< positions of each
  std::vector<SweepSkip> skips;
  SweepRun run = SweepRun::kSingleStream;
  std::set<std::string> engines;  ///< of all points, as Scenario::engine

  [[nodiscard]] std::uint64_t combinations() const;
  /// Which of the axis's values a combination has.
  [[nodiscard]] std::size_t value_of(std::uint64_t combination, const SweepAxis& axis) const;
  [[nodiscard]] bool skipped(std::uint64_t combination) const;
  /// The first combination from `from` on that is a point; none behind the last.
  [[nodiscard]] std::optional<std::uint64_t> next_point(std::uint64_t from) const;
  /// How many points there are; looks at each combination.
  [[nodiscard]] std::uint64_t points() const;

  /// The scenario of a point. Throws ConfigError at the value that cannot be, UnreadableInput.
  /// Numbers that do not go together are not looked at: see configs::validate.
  [[nodiscard]] Scenario scenario(std::uint64_t combination, const Catalog& catalog) const;
};

/// Reads a sweep:
///     base: a scenario, see read_scenario
///     axes: a list of {key: NAME, values: VALUES} and {zip: [axes of one length]}
///           VALUES: a list, {from, to, step} or {from, to, factor}, both ends included
///     skip: a list of maps, axis: value or list of values (may be left out)
///     run: single-stream or serve (single-stream where it is left out)
/// Every value of every axis is read once into the base. Throws ConfigError with the place: what is
/// wrong with the sweep, or with a value; UnreadableInput.
[[nodiscard]] SweepPlan read_sweep(const YamlDocument& document, const Catalog& catalog);

}  // namespace rigsim::configs
