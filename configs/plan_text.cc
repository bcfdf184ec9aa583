#include "configs/plan_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "configs/nearest_name.h"

namespace rigsim::configs {
namespace {

using workloads::ParallelPlan;
using workloads::SplitMode;
using workloads::StageBalance;

constexpr int kMostDegree = 65'536;
constexpr std::array<std::string_view, 13> kKeys = {
    "tp",     "pp",         "dp",  "ep",    "expert_imbalance", "sp",     "in_flight",
    "layers", "gpu_layers", "ngl", "split", "balance",          "devices"};

int whole(std::string_view key, std::string_view text, int least) {
  std::int64_t value = -1;
  try {
    value = parse_count(text);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("{}: {}", key, error.what()));
  }
  if (value < least || value > kMostDegree) {
    throw std::invalid_argument(
        fmt::format("{} must be from {} to {}, got {}", key, least, kMostDegree, value));
  }
  return static_cast<int>(value);
}

std::vector<std::string_view> split_at(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(mark, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

StageBalance balance_named(std::string_view name) {
  if (name == "memory") return StageBalance::kByMemory;
  if (name == "even") return StageBalance::kEven;
  throw std::invalid_argument(
      fmt::format("balance must be memory or even, got {}", in_quotes(name)));
}

SplitMode split_named(std::string_view name) {
  for (const SplitMode mode : {SplitMode::kLayer, SplitMode::kRow, SplitMode::kTensor}) {
    if (name == to_string(mode)) return mode;
  }
  throw std::invalid_argument(
      fmt::format("split must be layer, row or tensor, got {}", in_quotes(name)));
}

bool switched_on(std::string_view key, std::string_view text) {
  if (text == "on") return true;
  if (text == "off") return false;
  throw std::invalid_argument(fmt::format("{} must be on or off, got {}", key, in_quotes(text)));
}

/// A plain decimal number such as 1.25.
double factor(std::string_view key, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    throw std::invalid_argument(fmt::format("{} must be a number, got {}", key, in_quotes(text)));
  }
  return value;
}

void set(ParallelPlan& plan, std::string_view key, std::string_view text) {
  if (key == "tp") {
    plan.tp = whole(key, text, 1);
  } else if (key == "pp") {
    plan.pp = whole(key, text, 1);
  } else if (key == "dp") {
    plan.dp = whole(key, text, 1);
  } else if (key == "ep") {
    plan.ep = whole(key, text, 1);
  } else if (key == "expert_imbalance") {
    plan.expert_imbalance = factor(key, text);
  } else if (key == "sp") {
    plan.sequence_parallel = switched_on(key, text);
  } else if (key == "in_flight") {
    plan.in_flight = whole(key, text, 1);
  } else if (key == "devices") {
    for (const std::string_view device : split_at(text, '/'))
      plan.devices.push_back(static_cast<std::uint32_t>(whole(key, device, 0)));
  } else if (key == "gpu_layers" || key == "ngl") {
    plan.gpu_layers = whole(key, text, 0);
  } else if (key == "balance") {
    plan.balance = balance_named(text);
  } else if (key == "split") {
    plan.split = split_named(text);
  } else {
    for (const std::string_view layers : split_at(text, '/')) {
      plan.layers_per_stage.push_back(whole("layers", layers, 0));
    }
  }
}

void check_key(std::string_view key, std::vector<std::string_view>& seen) {
  if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
    const std::vector<std::string> known(kKeys.begin(), kKeys.end());
    throw std::invalid_argument(fmt::format(
        "plan: unknown key {}{} allowed: {}", in_quotes(key),
        did_you_mean(key, known).empty() ? ";" : did_you_mean(key, known), fmt::join(known, ", ")));
  }
  const std::string_view name = key == "ngl" ? "gpu_layers" : key;
  if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
    throw std::invalid_argument(fmt::format("plan: {} is given twice", key));
  }
  seen.push_back(name);
}

/// Layers by hand decide the number of stages.
void settle(ParallelPlan& plan, bool stages_given) {
  if (plan.layers_per_stage.empty() || stages_given) return;
  plan.pp = static_cast<int>(plan.layers_per_stage.size());
}

}  // namespace

ParallelPlan parse_plan(std::string_view text) {
  ParallelPlan plan;
  std::vector<std::string_view> seen;
  for (const std::string_view part : split_at(text, ',')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      throw std::invalid_argument(
          fmt::format("a plan is KEY=NUMBER,..., such as tp=2,pp=2; got {}", in_quotes(text)));
    }
    const std::string_view key = trimmed(part.substr(0, equals));
    check_key(key, seen);
    set(plan, key, trimmed(part.substr(equals + 1)));
  }
  settle(plan, std::find(seen.begin(), seen.end(), "pp") != seen.end());
  return plan;
}

std::string to_text(const ParallelPlan& plan) {
  std::string text = fmt::format("tp={},pp={},dp={},ep={}", plan.tp, plan.pp, plan.dp, plan.ep);
  if (!plan.layers_per_stage.empty()) {
    text += fmt::format(",layers={}", fmt::join(plan.layers_per_stage, "/"));
  }
  if (plan.split != SplitMode::kLayer) text += fmt::format(",split={}", to_string(plan.split));
  if (plan.gpu_layers) text += fmt::format(",gpu_layers={}", *plan.gpu_layers);
  if (plan.expert_imbalance != 1)
    text += fmt::format(",expert_imbalance={}", plan.expert_imbalance);
  if (plan.sequence_parallel) text += ",sp=on";
  if (plan.in_flight) text += fmt::format(",in_flight={}", *plan.in_flight);
  if (!plan.devices.empty()) text += fmt::format(",devices={}", fmt::join(plan.devices, "/"));
  return text + (plan.balance == StageBalance::kEven ? ",balance=even" : ",balance=memory");
}

ParallelPlan read_plan(const ValueReader& value) {
  if (value.is_scalar()) return value.checked([&] { return parse_plan(value.as<std::string>()); });
  ParallelPlan plan;
  ObjectReader map = value.object();
  for (const std::string_view key : kKeys) {
    const auto found = map.optional_value(key);
    if (!found) continue;
    if (found->is_list()) {
      if (key != "layers" && key != "devices") found->fail("expected a number, got a list");
      for (const ValueReader& item : found->items()) {
        item.checked([&] { set(plan, key, item.as<std::string>()); });
      }
    } else {
      found->checked([&] { set(plan, key, found->as<std::string>()); });
    }
  }
  if (map.has("ngl") && map.has("gpu_layers")) map.value("ngl").fail("gpu_layers is given twice");
  map.finish();
  settle(plan, map.has("pp"));
  return plan;
}

}  // namespace rigsim::configs
