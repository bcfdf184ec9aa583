#include "analysis/comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "analysis/comparison_why.h"
#include "configs/collective_profile.h"
#include "workloads/default_plan.h"
#include "workloads/placement_search.h"

namespace rigsim::analysis {
namespace {

using workloads::Deployment;
using workloads::Evidence;
using workloads::Phase;
using workloads::PhaseResult;

constexpr std::array<FigureSpec, 6> kFigures = {{
    {"decode_tokens_per_s", "decode", "s-1", true, &Performance::decode_tokens_per_s},
    {"prefill_tokens_per_s", "prefill", "s-1", true, &Performance::prefill_tokens_per_s},
    {"ttft_s", "time to first token", "s", false, &Performance::ttft_s},
    {"tpot_s", "time per output token", "s", false, &Performance::tpot_s},
    {"bubble_fraction", "bubble", "1", false, &Performance::bubble_fraction},
    {"exposed_transfer_fraction", "exposed transfer", "1", false,
     &Performance::exposed_transfer_fraction},
}};

/// A band never reaches zero or infinity.
constexpr double kWidest = 0.95;

double half_width(const workloads::BackendProfile& backend, Phase phase, Evidence evidence) {
  return half_width_of(phase == Phase::kPrefill ? backend.prefill_band : backend.decode_band,
                       evidence);
}

/// The widest band of the backends that work.
double half_width(const Deployment& deployment, Phase phase, Evidence evidence) {
  double widest = 0;
  for (const workloads::DeployedStage& stage : deployment.stages) {
    if (stage.on_host) {
      widest = std::max(widest, half_width(deployment.host_backend, phase, evidence));
    }
    for (const std::uint32_t device : stage.devices) {
      widest = std::max(widest, half_width(deployment.backends[device], phase, evidence));
    }
  }
  return std::min(widest, kWidest);
}

Figure rate(double value, double half, Evidence evidence) {
  return {value, value * (1 - half), value * (1 + half), evidence, "s-1"};
}

Figure time(sim::Duration duration, double half, Evidence evidence) {
  const double value = sim::to_seconds(duration);
  return {value, value / (1 + half), value / (1 - half), evidence, "s"};
}

Figure fraction(double value, double half, Evidence evidence) {
  const auto moved = [&](double factor) {
    const double part = value * factor;
    const double all = part + (1 - value);
    return all > 0 ? part / all : 0;
  };
  return {value, moved(1 - half), moved(1 + half), evidence, "1"};
}

PhaseTimes times(const PhaseResult& phase) {
  PhaseTimes result{phase.device_share(), phase.critical_path, sim::to_seconds(phase.duration)};
  // Where the host does everything, its path is all there is.
  if (result.device_share.total_s() <= 0) {
    result.device_share = phase.critical_path.scaled(1 / result.seconds);
  }
  return result;
}

void put_fractions(Performance& performance, const PhaseTimes& phase, double half,
                   Evidence evidence) {
  performance.bubble_fraction = fraction(phase.device_share.bubble_s, half, evidence);
  performance.exposed_transfer_fraction =
      fraction(phase.critical_path.link_s / phase.seconds, half, evidence);
}

Performance performance_of(const Deployment& deployment, const workloads::SingleStreamResult& run) {
  Performance result;
  if (run.prefill.duration > sim::Duration::zero()) {
    const Evidence evidence = run.prefill.evidence.weakest_large();
    const double half = half_width(deployment, Phase::kPrefill, evidence);
    result.prefill = times(run.prefill);
    result.prefill_tokens_per_s = rate(run.prefill.tokens_per_s(), half, evidence);
    result.ttft_s = time(run.ttft, half, evidence);
    put_fractions(result, *result.prefill, half, evidence);
  }
  if (run.decode.duration > sim::Duration::zero()) {
    const Evidence evidence = run.decode.evidence.weakest_large();
    const double half = half_width(deployment, Phase::kDecode, evidence);
    result.decode = times(run.decode);
    result.decode_tokens_per_s = rate(run.decode.tokens_per_s(), half, evidence);
    result.tpot_s = time(run.tpot, half, evidence);
    put_fractions(result, *result.decode, half, evidence);
  }
  return result;
}

/// `total` plus a device's `price`; none once a price is missing.
void add(std::optional<double>& total, const std::optional<double>& price) {
  if (!total || !price) {
    total.reset();
  } else {
    *total += *price;
  }
}

/// A figure's band of one rig, in the order of worth; price and power stand beside Performance.
using Value = std::optional<Figure>;

Value power_value(const RigResult& rig) {
  const double watts = rig.datasheet.power.count();
  return Figure{watts, watts, watts, Evidence::kDatasheet, "W"};
}

Value price_value(const RigResult& rig) {
  const auto& [power, low, high, launch] = rig.datasheet;
  if (!low || !high) return std::nullopt;
  return Figure{(*low + *high) / 2, *low, *high, Evidence::kDatasheet, "USD"};
}

bool better(const Figure& a, const Figure& b, bool more) {
  return more ? a.value > b.value : a.value < b.value;
}

bool apart(const Figure& winner, const Figure& other, bool more) {
  return more ? winner.low > other.high : winner.high < other.low;
}

/// The best of `values` ([rigs]; none: out of the race).
Winner winner(std::string_view figure, const std::vector<Value>& values, bool more) {
  Winner result{figure, std::nullopt, true};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    if (!result.rig || better(*values[i], *values[*result.rig], more)) result.rig = i;
  }
  for (std::size_t i = 0; result.rig && i < values.size(); ++i) {
    if (i == *result.rig || !values[i]) continue;
    const Figure& best = *values[*result.rig];
    if (!better(best, *values[i], more)) return {figure, std::nullopt, false};
    result.clear = result.clear && apart(best, *values[i], more);
  }
  if (!result.rig) result.clear = false;
  return result;
}

std::vector<Winner> winners(const std::vector<RigResult>& rigs) {
  const auto race = [&](std::string_view key, bool more, auto&& value) {
    std::vector<Value> values;
    for (const RigResult& rig : rigs) values.push_back(rig.fits ? value(rig) : std::nullopt);
    return winner(key, values, more);
  };
  std::vector<Winner> result;
  for (const FigureSpec& spec : kFigures) {
    result.push_back(race(spec.key, spec.more_is_better,
                          [&](const RigResult& rig) { return (*rig.performance).*spec.member; }));
  }
  result.push_back(race("power_w", false, power_value));
  result.push_back(race("price_usd", false, price_value));
  return result;
}

/// `scenario` under `engine`, all but the plan.
workloads::DeploymentRequest unplanned_request(const configs::Scenario& scenario,
                                               const workloads::EngineProfile& engine) {
  workloads::DeploymentRequest request;
  request.model = scenario.model;
  request.weights = scenario.weights;
  request.kv_format = scenario.kv_cache;
  request.engine = engine;
  request.rig = scenario.rig;
  request.context = scenario.context.value_or(scenario.prompt_tokens + scenario.output_tokens);
  request.batch = scenario.batch;
  if (scenario.rig.devices.size() > 1) request.collectives = configs::collective_profile();
  return request;
}

}  // namespace

std::span<const FigureSpec> figure_specs() { return kFigures; }

DatasheetFacts datasheet_facts(const topology::Rig& rig) {
  DatasheetFacts facts{sim::Watts{}, 0.0, 0.0, 0.0};
  for (const topology::InstalledDevice& installed : rig.devices) {
    facts.power += installed.power_limit.value_or(installed.device.tdp);
    add(facts.street_price_low, installed.device.street_price_low_usd);
    add(facts.street_price_high, installed.device.street_price_high_usd);
    add(facts.launch_price, installed.device.launch_price_usd);
  }
  return facts;
}

std::vector<MemoryUse> memory_uses(const topology::Rig& rig, const workloads::ParallelPlan& plan,
                                   const workloads::MemoryPlan& memory) {
  std::vector<MemoryUse> uses;
  for (std::size_t i = 0; i < memory.devices.size(); ++i) {
    uses.push_back({rig.devices[workloads::device_at(plan, i)].name, memory.devices[i].items,
                    memory.devices[i].capacity});
  }
  if (memory.host.total() > sim::Bytes{})
    uses.push_back({"host", memory.host, memory.host_capacity});
  return uses;
}

std::vector<workloads::WeightsFormat> formats_like(const workloads::WeightsFormat& format) {
  std::vector<workloads::WeightsFormat> formats;
  for (const workloads::WeightsFormat& other : workloads::known_weights_formats()) {
    if (other.rule.index() == format.rule.index()) formats.push_back(other);
  }
  return formats;
}

workloads::ParallelPlan default_plan(const configs::Scenario& scenario,
                                     const workloads::EngineProfile& engine) {
  return workloads::default_plan(unplanned_request(scenario, engine));
}

void check_devices(const topology::Rig& rig, const workloads::EngineProfile& engine) {
  if (engine.vendors.empty()) return;
  for (const topology::InstalledDevice& installed : rig.devices) {
    const topology::Device& device = installed.device;
    if (device.vendor.empty() ||
        std::ranges::find(engine.vendors, device.vendor) != engine.vendors.end())
      continue;
    throw std::invalid_argument(
        fmt::format("the engine {} runs on GPUs of {} only, and {} is of {}", engine.name,
                    fmt::join(engine.vendors, " and "), device.name, device.vendor));
  }
}

void check_weights(const workloads::WeightsFormat& weights,
                   const workloads::EngineProfile& engine) {
  const auto* gguf = std::get_if<workloads::GgufFile>(&weights.rule);
  if (engine.style == workloads::KernelStyle::kGgml && gguf == nullptr) {
    throw std::invalid_argument(
        fmt::format("the engine {} reads GGUF formats only, such as Q4_K_M or F16; got weights {}",
                    engine.name, weights.name));
  }
  const bool plain = weights.name == "F16" || weights.name == "BF16" || weights.name == "F32";
  if (gguf != nullptr && !plain && !engine.gguf_blocks) {
    throw std::invalid_argument(
        fmt::format("the engine {} does not read GGUF files; got weights {}, allowed are F16, BF16 "
                    "and those of "
                    "its own quantisations, such as awq or gptq",
                    engine.name, weights.name));
  }
}

void check_kv_cache(workloads::KvFormat format, const workloads::EngineProfile& engine) {
  using workloads::KvFormat;
  const bool fp8 = format == KvFormat::kFp8E4m3 || format == KvFormat::kFp8E5m2;
  const bool plain =
      format == KvFormat::kF32 || format == KvFormat::kF16 || format == KvFormat::kBf16;
  const bool ggml = engine.style == workloads::KernelStyle::kGgml;
  if (plain || fp8 != ggml) return;
  throw std::invalid_argument(
      fmt::format("the engine {} has no KV cache in {}; allowed are f16, bf16, f32 and {}",
                  engine.name, workloads::info(format).name,
                  ggml ? "q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl" : "fp8_e4m3, fp8_e5m2"));
}

workloads::DeploymentRequest deployment_request(const configs::Scenario& scenario,
                                                const workloads::EngineProfile& engine) {
  configs::validate(scenario);
  workloads::DeploymentRequest request = unplanned_request(scenario, engine);
  const std::int64_t tokens = request.context;
  if (tokens > scenario.model.max_context) {
    throw std::invalid_argument(fmt::format("{} tokens of context, but {} was made for at most {}",
                                            tokens, scenario.model.name,
                                            scenario.model.max_context));
  }
  check_devices(scenario.rig, engine);
  check_weights(scenario.weights, engine);
  check_kv_cache(scenario.kv_cache, engine);
  request.plan = scenario.plan ? *scenario.plan : workloads::default_plan(request);
  return request;
}

workloads::ParallelPlan best_placement(const configs::Scenario& scenario,
                                       const workloads::EngineProfile& engine) {
  const auto request = deployment_request(scenario, engine);
  workloads::ParallelPlan plan = request.plan;
  plan.devices = workloads::search_placement(request);
  return plan;
}

RigResult evaluate(const configs::Scenario& scenario, const workloads::EngineProfile& engine,
                   workloads::PassObserver* observer) {
  RigResult result;
  result.name = scenario.rig.name;
  result.request = deployment_request(scenario, engine);
  result.work.prompt_tokens = scenario.prompt_tokens;
  result.work.output_tokens = scenario.output_tokens;
  result.work.batch = scenario.batch;
  result.datasheet = datasheet_facts(scenario.rig);
  // A deployment that cannot be is an error, whether it would fit or not.
  const Deployment deployment = workloads::deploy(result.request);
  const workloads::MemoryRequest memory = workloads::memory_request(result.request);
  const workloads::MemoryPlan plan = workloads::plan_memory(memory);
  result.fits = plan.fits();
  result.memory = memory_uses(scenario.rig, result.request.plan, plan);
  if (!result.fits) {
    result.changes = workloads::smallest_changes(memory, formats_like(scenario.weights));
    return result;
  }
  result.run = workloads::run_single_stream(deployment, result.work, observer);
  result.performance = performance_of(deployment, *result.run);
  return result;
}

Comparison compare(std::vector<RigResult> rigs) {
  for (std::size_t i = 0; i < rigs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (rigs[i].name != rigs[j].name) continue;
      throw std::invalid_argument(fmt::format("two rigs are named \"{}\"", rigs[i].name));
    }
  }
  Comparison comparison{std::move(rigs), {}, {}};
  comparison.winners = winners(comparison.rigs);
  comparison.why = explanation(comparison.rigs);
  return comparison;
}

}  // namespace rigsim::analysis
