#include "configs/sweep_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

#include "configs/catalog.h"
#include "configs/quantity_parser.h"
#include "configs/yaml_reader.h"

namespace rigsim::configs {
namespace {

constexpr std::size_t kMostValues = 100'000;
constexpr std::uint64_t kMostCombinations = 10'000'000;

std::optional<double> number_in(const YamlNode& node) {
  if (node.kind != YamlKind::kScalar || node.quoted) return std::nullopt;
  try {
    return parse_number(node.scalar);
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

std::vector<std::string> path_of(std::string_view key) {
  std::vector<std::string> path;
  while (true) {
    const std::size_t dot = key.find('.');
    path.emplace_back(key.substr(0, dot));
    if (dot == std::string_view::npos) return path;
    key.remove_prefix(dot + 1);
  }
}

/// Sets the axis's key in the scenario to `value`. Throws ConfigError where a part of the key is no
/// map there.
void put(YamlNode& root, const SweepAxis& axis, const YamlNode& value, const std::string& file) {
  YamlNode* node = &root;
  std::string so_far;
  for (const std::string& part : path_of(axis.key)) {
    if (node->kind == YamlKind::kNull) node->kind = YamlKind::kMap;
    if (node->kind != YamlKind::kMap) {
      throw ConfigError(
          {file, axis.line, axis.column, axis.key},
          fmt::format("{} is {} in the base, not a map that could have \"{}\"", so_far,
                      node->kind == YamlKind::kList ? "a list" : in_quotes(node->scalar), part));
    }
    so_far += (so_far.empty() ? "" : ".") + part;
    auto key = std::ranges::find(node->keys, part, &YamlKey::text);
    if (key == node->keys.end()) {
      node->keys.push_back({part, axis.line, axis.column});
      YamlNode empty;
      empty.line = axis.line;
      empty.column = axis.column;
      node->children.push_back(std::move(empty));
      node = &node->children.back();
    } else {
      node = &node->children[static_cast<std::size_t>(key - node->keys.begin())];
    }
  }
  *node = value;
}

/// Twelve digits are what a sum of decimal steps keeps of them.
YamlNode number_node(double number, const YamlNode& like) {
  YamlNode node;
  node.kind = YamlKind::kScalar;
  node.line = like.line;
  node.column = like.column;
  node.scalar = fmt::format("{:.12g}", number);
  return node;
}

/// {from, to, step} or {from, to, factor}.
std::vector<YamlNode> range_values(const ValueReader& range) {
  ObjectReader map = range.object();
  const auto from = map.required<double>("from");
  const auto to = map.required<double>("to");
  const auto step = map.optional_value("step");
  const auto factor = map.optional_value("factor");
  map.finish();
  if (step.has_value() == factor.has_value())
    range.fail("a range has from, to and either step or factor");
  if (to < from) map.value("to").fail(fmt::format("must be at least from = {}, got {}", from, to));
  if (step && !(step->as<double>() > 0))
    step->fail(fmt::format("must be above 0, got {}", step->as<double>()));
  if (factor && !(factor->as<double>() > 1))
    factor->fail(fmt::format("must be above 1, got {}", factor->as<double>()));
  if (factor && !(from > 0))
    map.value("from").fail(fmt::format("must be above 0 with a factor, got {}", from));
  constexpr double kRounding = 1e-9;  // a last value that rounding put just beyond `to` counts
  const double most = to + kRounding * (step ? step->as<double>() : to);
  std::vector<YamlNode> values;
  double value = from;
  while (value <= most) {
    if (values.size() == kMostValues)
      range.fail(fmt::format("has more than {} values", kMostValues));
    values.push_back(number_node(value, range.node()));
    value = step ? from + static_cast<double>(values.size()) * step->as<double>()
                 : value * factor->as<double>();
  }
  return values;
}

std::vector<YamlNode> read_values(const ValueReader& value) {
  if (value.is_map()) return range_values(value);
  std::vector<YamlNode> values;
  for (const ValueReader& item : value.some_items()) {
    if (item.is_map() || item.is_list()) item.fail("must be one value, got a map or a list");
    const auto same = [&](const YamlNode& other) {
      return other.kind == item.node().kind && other.scalar == item.node().scalar;
    };
    if (std::ranges::any_of(values, same))
      item.fail(fmt::format("stands in this axis twice: {}", in_quotes(item.node().scalar)));
    values.push_back(item.node());
  }
  if (values.size() > kMostValues) value.fail(fmt::format("has more than {} values", kMostValues));
  return values;
}

SweepAxis read_axis(const ValueReader& value, std::size_t dial, std::span<const SweepAxis> before) {
  ObjectReader map = value.object();
  const ValueReader key = map.value("key");
  SweepAxis axis{key.as<std::string>(), key.node().line, key.node().column, {}, dial};
  if (std::ranges::any_of(path_of(axis.key), &std::string::empty))
    key.fail(
        fmt::format("must be a key of the scenario, such as batch or serving.max_num_seqs, "
                    "got {}",
                    in_quotes(axis.key)));
  for (const SweepAxis& other : before) {
    if (axis.key == other.key || axis.key.starts_with(other.key + '.') ||
        other.key.starts_with(axis.key + '.'))
      key.fail(fmt::format("{} is set by the axis of line {}, too", axis.key, other.line));
  }
  axis.values = read_values(map.value("values"));
  map.finish();
  axis.numbers = std::ranges::all_of(
      axis.values, [](const YamlNode& node) { return number_in(node).has_value(); });
  return axis;
}

void add_axis(const ValueReader& value, SweepPlan& plan) {
  ObjectReader map = value.object();
  const std::size_t dial = plan.dials.size();
  if (!map.has("zip")) {
    plan.axes.push_back(read_axis(value, dial, plan.axes));
    plan.dials.push_back(plan.axes.back().values.size());
    return;
  }
  const auto zipped = map.value("zip").some_items();
  map.finish();
  for (const ValueReader& item : zipped) {
    SweepAxis axis = read_axis(item, dial, plan.axes);
    if (plan.dials.size() == dial) plan.dials.push_back(axis.values.size());
    if (axis.values.size() != plan.dials[dial])
      item.fail(fmt::format("axes of one zip have equally many values: {} has {}, the first {}",
                            axis.key, axis.values.size(), plan.dials[dial]));
    plan.axes.push_back(std::move(axis));
  }
}

bool same_value(const YamlNode& a, const YamlNode& b) {
  const auto x = number_in(a);
  const auto y = number_in(b);
  return x && y ? *x == *y : a.kind == b.kind && a.scalar == b.scalar;
}

SweepSkip::Term read_term(const ValueReader& value, const std::string& key, const SweepPlan& plan) {
  const auto axis = std::ranges::find(plan.axes, key, &SweepAxis::key);
  if (axis == plan.axes.end()) {
    std::vector<std::string> keys;
    for (const SweepAxis& each : plan.axes) keys.push_back(each.key);
    value.fail_choice(key, keys);
  }
  SweepSkip::Term term{static_cast<std::size_t>(axis - plan.axes.begin()),
                       std::vector<bool>(axis->values.size())};
  for (const ValueReader& wanted : value.is_list() ? value.some_items() : std::vector{value}) {
    bool found = false;
    for (std::size_t i = 0; i < axis->values.size(); ++i) {
      if (!same_value(axis->values[i], wanted.node())) continue;
      term.matches[i] = found = true;
    }
    if (found) continue;
    std::vector<std::string> texts;
    for (const YamlNode& each : axis->values) texts.push_back(each.scalar);
    wanted.fail_choice(wanted.node().scalar, texts);
  }
  return term;
}

SweepSkip read_skip(const ValueReader& value, const SweepPlan& plan) {
  ObjectReader map = value.object();
  SweepSkip skip;
  for (const YamlKey& key : value.node().keys)
    skip.terms.push_back(read_term(map.value(key.text), key.text, plan));
  if (skip.terms.empty()) value.fail("needs an axis and the values to leave out");
  return skip;
}

void check_size(const ValueReader& axes, const SweepPlan& plan) {
  std::uint64_t combinations = 1;
  for (const std::size_t positions : plan.dials) {
    combinations *= positions;
    if (combinations > kMostCombinations)
      axes.fail(fmt::format("make more than {} points", kMostCombinations));
  }
}

/// Reads the scenario with each position of each dial, the others at their first.
void check_values(const ValueReader& run, const Catalog& catalog, SweepPlan& plan) {
  std::uint64_t stride = plan.combinations();
  for (const std::size_t positions : plan.dials) {
    stride /= positions;
    for (std::uint64_t i = 0; i < positions; ++i) {
      const Scenario scenario = plan.scenario(i * stride, catalog);
      plan.engines.insert(scenario.engine);
      if (plan.run == SweepRun::kServe && scenario.traffic.text.empty())
        run.fail("serve needs traffic in the base or as an axis");
    }
  }
}

}  // namespace

std::string_view to_string(SweepRun run) {
  return run == SweepRun::kServe ? "serve" : "single-stream";
}

std::uint64_t SweepPlan::combinations() const {
  std::uint64_t all = 1;
  for (const std::size_t positions : dials) all *= positions;
  return all;
}

std::size_t SweepPlan::value_of(std::uint64_t combination, const SweepAxis& axis) const {
  for (std::size_t dial = dials.size() - 1; dial > axis.dial; --dial) combination /= dials[dial];
  return static_cast<std::size_t>(combination % dials[axis.dial]);
}

bool SweepPlan::skipped(std::uint64_t combination) const {
  const auto holds = [&](const SweepSkip::Term& term) {
    return term.matches[value_of(combination, axes[term.axis])];
  };
  return std::ranges::any_of(
      skips, [&](const SweepSkip& skip) { return std::ranges::all_of(skip.terms, holds); });
}

std::optional<std::uint64_t> SweepPlan::next_point(std::uint64_t from) const {
  const std::uint64_t all = combinations();
  while (from < all && skipped(from)) ++from;
  return from < all ? std::optional(from) : std::nullopt;
}

std::uint64_t SweepPlan::points() const {
  if (skips.empty()) return combinations();
  std::uint64_t count = 0;
  for (auto point = next_point(0); point; point = next_point(*point + 1)) ++count;
  return count;
}

Scenario SweepPlan::scenario(std::uint64_t combination, const Catalog& catalog) const {
  YamlDocument document = base;
  for (const SweepAxis& axis : axes)
    put(document.root, axis, axis.values[value_of(combination, axis)], document.file);
  Scenario scenario = read_scenario_unchecked(document, catalog);
  if (run == SweepRun::kServe) {  // made-up traffic has defaults of its own
    scenario.seed = scenario.traffic.settings.seed;
    scenario.prompt_tokens = scenario.traffic.settings.prompt_tokens;
    scenario.output_tokens = scenario.traffic.settings.output_tokens;
  }
  return scenario;
}

SweepPlan read_sweep(const YamlDocument& document, const Catalog& catalog) {
  ObjectReader map = ValueReader(document).object();
  SweepPlan plan;
  const ValueReader base = map.value("base");
  (void)base.object();
  plan.base = {document.file, base.node()};
  const ValueReader axes = map.value("axes");
  for (const ValueReader& item : axes.some_items()) add_axis(item, plan);
  check_size(axes, plan);
  if (const auto skip = map.optional_value("skip")) {
    for (const ValueReader& item : skip->items()) plan.skips.push_back(read_skip(item, plan));
  }
  const auto run = map.optional_value("run");
  if (run)
    plan.run = run->choice<SweepRun>(
        {{"single-stream", SweepRun::kSingleStream}, {"serve", SweepRun::kServe}});
  map.finish();
  check_values(run ? *run : map.whole(), catalog, plan);
  if (!plan.next_point(0)) map.value("skip").fail("leaves no point");
  return plan;
}

}  // namespace rigsim::configs
