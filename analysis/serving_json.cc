#include "analysis/serving_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/figure.h"

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;
using workloads::RequestOutcome;

struct LatencySpec {
  const char* key;
  LatencySummary ServingMetrics::* member;
};
constexpr LatencySpec kLatencies[] = {
    {"queueing_s", &ServingMetrics::queueing_s}, {"ttft_s", &ServingMetrics::ttft_s},
    {"tpot_s", &ServingMetrics::tpot_s},         {"itl_s", &ServingMetrics::itl_s},
    {"e2e_s", &ServingMetrics::e2e_s},           {"normalised_s", &ServingMetrics::normalised_s}};

Json numbers(const LatencySummary& l) {
  if (l.count == 0)
    return {{"mean", nullptr}, {"p50", nullptr}, {"p90", nullptr},
            {"p95", nullptr},  {"p99", nullptr}, {"p999", nullptr}};
  return {{"mean", l.mean}, {"p50", l.p50}, {"p90", l.p90},
          {"p95", l.p95},   {"p99", l.p99}, {"p999", l.p999}};
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

/// Each number's lesser, or greater, of two runs.
template <class Pick>
LatencySummary picked(const LatencySummary& a, const LatencySummary& b, Pick pick) {
  return {a.count,
          pick(a.mean, b.mean),
          pick(a.p50, b.p50),
          pick(a.p90, b.p90),
          pick(a.p95, b.p95),
          pick(a.p99, b.p99),
          pick(a.p999, b.p999)};
}

/// Half-widths of all numbers over replications, of the mean alone within a run.
Json chance(const ChanceIntervals& chance, LatencySummary ServingMetrics::* member) {
  const LatencySummary& l = chance.half_width.*member;
  if (l.count == 0) return {};
  return chance.replications > 1 ? numbers(l) : Json{{"mean", l.mean}};
}

Json latency(const ServingRun& run, LatencySummary ServingMetrics::* member) {
  const LatencySummary& nominal = run.metrics.*member;
  Json json = numbers(nominal);
  const auto least = [](double x, double y) { return std::min(x, y); };
  const auto most = [](double x, double y) { return std::max(x, y); };
  const auto bound = [&](auto pick) {
    if (!run.slow || !run.fast) return Json();
    return numbers(picked(nominal, picked((*run.slow).*member, (*run.fast).*member, pick), pick));
  };
  json["low"] = bound(least);
  json["high"] = bound(most);
  json["evidence"] = to_string(run.band.evidence);
  if (run.chance) json["chance_half_width"] = chance(*run.chance, member);
  return json;
}

/// A figure of the metrics with its band from the slower and the faster run; without them its
/// bounds are null.
template <class F>
Json figure_of(const ServingRun& run, F number) {
  const double value = number(run.metrics);
  const auto band = run.band_of(number);
  Json json = figure_json(
      {value, band ? band->first : value, band ? band->second : value, run.band.evidence, {}});
  if (!band) json["low"] = json["high"] = nullptr;
  return json;
}

Json rate(const ServingRun& run, double ServingMetrics::* member) {
  Json json = figure_of(run, [&](const ServingMetrics& m) { return m.*member; });
  if (run.chance && run.chance->replications > 1)
    json["chance_half_width"] = run.chance->half_width.*member;
  return json;
}

/// How intervals of chance were found, and what was left out before.
Json chance_of_run(const ServingRun& run) {
  if (!run.chance) return {};
  const bool replicated = run.chance->replications > 1;
  return {{"method", replicated ? "replications" : "batch means"},
          {"replications", run.chance->replications},
          {"level", kChanceLevel},
          {"lag1_autocorrelation", or_null(run.chance->lag1)}};
}

Json goodput(const ServingMetrics& m, const ServiceLevel& level) {
  if (!level.any()) return {};
  return {{"requests_per_s", *m.good_requests_per_s},
          {"fraction", *m.good_fraction},
          {"level",
           {{"ttft_s", or_null(level.ttft_s)},
            {"tpot_s", or_null(level.tpot_s)},
            {"e2e_s", or_null(level.e2e_s)}}}};
}

/// A figure of the devices' use.
Json use(const ServingRun& run, double ServingUse::* member) {
  return figure_of(run, [&](const ServingMetrics& m) { return m.use.*member; });
}

/// How the engine speculates; null where it does not.
Json speculative(const workloads::ServingSetup& setup) {
  if (!setup.speculating) return {};
  const workloads::SpeculativeChoice& choice = setup.speculating->choice;
  Json json{{"draft", nullptr}, {"draft_weights", nullptr}};
  if (const auto& draft = setup.speculating->draft)
    json = {{"draft", draft->model.name}, {"draft_weights", draft->weights.name}};
  json["tokens"] = choice.tokens;
  json["acceptance"] = setup.config.limits.speculation.acceptance;
  json["expected_acceptance_length"] =
      workloads::mean_acceptance_length(setup.config.limits.speculation);
  return json;
}

Json limits(const workloads::ServingSetup& setup) {
  const workloads::BatchLimits& l = setup.config.limits;
  const workloads::Deployment& d = setup.deployment;
  return {{"name", d.engine.name},
          {"version", d.engine.version},
          {"tensor_parallel", d.tensor_parallel()},
          {"batching", std::string(workloads::name_of(setup.config.batching))},
          {"replicas", setup.config.replicas},
          {"prefill_replicas", setup.config.kv_links ? setup.config.kv_links->prefill_replicas : 0},
          {"routing", std::string(workloads::name_of(setup.config.routing))},
          {"max_sequences", l.max_sequences},
          {"step_tokens", l.step_tokens},
          {"kv_block_tokens", l.kv_block_tokens},
          {"prefix_caching", l.prefix_caching},
          {"async_scheduling", l.async_scheduling},
          {"stages", setup.deployment.replica(0).size()},
          {"in_flight", setup.config.in_flight},
          {"max_context", setup.config.max_context},
          {"first_step_s", sim::to_seconds(setup.config.first_step)},
          {"speculative", speculative(setup)}};
}

/// A figure of what was speculated; null where the engine does not.
template <class T>
Json speculated(const workloads::ServingSetup& setup, T value) {
  return setup.speculating ? Json(value) : Json();
}

/// What was swapped out to host memory and back; null where sequences are computed anew.
Json swap(const ServingMetrics& m, const workloads::ServingSetup& setup) {
  const std::int64_t blocks = setup.config.limits.swap_blocks;
  if (blocks == 0) return {};
  const std::int64_t block = setup.host_kv.block_bytes.count();
  return {{"space_blocks", blocks},
          {"out_bytes", m.swapped_out_blocks * block},
          {"in_bytes", m.swapped_in_blocks * block},
          {"busy_fraction", m.swap_fraction}};
}

/// The prefix cache's tier in host memory; null without one.
Json host_kv(const ServingMetrics& m, const workloads::ServingSetup& setup) {
  const std::int64_t blocks = setup.config.limits.host_blocks;
  if (blocks == 0) return {};
  const std::int64_t block = setup.host_kv.block_bytes.count();
  return {{"blocks", blocks},
          {"prompt_tokens", m.host_prompt_tokens},
          {"stored_bytes", m.host_stored_blocks * block},
          {"loaded_bytes", m.host_loaded_blocks * block}};
}

Json memory(const workloads::ServingSetup& setup) {
  Json devices = Json::array();
  for (const workloads::DeviceMemory& device : setup.memory.devices) {
    devices.push_back({{"capacity_bytes", device.capacity.count()},
                       {"weights_bytes", device.items.weights.count()},
                       {"activations_bytes", device.items.activations.count()},
                       {"runtime_bytes", device.items.runtime.count()}});
  }
  return devices;
}

}  // namespace

Json to_json(const ServingRun& run, const workloads::ServingSetup& setup,
             const ServiceLevel& level) {
  const ServingMetrics& m = run.metrics;
  Json json{{"requests", m.finished},
            {"offered_requests", m.offered},
            {"too_long_requests", m.too_long},
            {"duration_s", rate(run, &ServingMetrics::duration_s)},
            {"output_tokens_per_s", rate(run, &ServingMetrics::output_tokens_per_s)},
            {"total_tokens_per_s", rate(run, &ServingMetrics::total_tokens_per_s)},
            {"requests_per_s", rate(run, &ServingMetrics::requests_per_s)}};
  for (const LatencySpec& spec : kLatencies) json[spec.key] = latency(run, spec.member);
  if (setup.config.kv_links) {
    json["kv_wait_s"] = latency(run, &ServingMetrics::kv_wait_s);
    json["kv_transfer_s"] = latency(run, &ServingMetrics::kv_transfer_s);
  }
  json["goodput"] = goodput(m, level);
  json["kv_blocks"] = setup.kv_blocks;
  json["preemptions"] = m.preemptions;
  json["swap"] = swap(m, setup);
  json["host_kv"] = host_kv(m, setup);
  json["busy_fraction"] = m.busy_fraction;
  json["stage_busy_fractions"] =
      m.stage_busy.empty() ? std::vector<double>{m.busy_fraction} : m.stage_busy;
  json["bubble_fraction"] = m.bubble_fraction;
  json["lockstep_wait_fraction"] = in_lock_step(setup) ? Json(m.lockstep_wait_fraction) : Json();
  json["mean_batch"] = m.mean_batch;
  json["mfu"] = use(run, &ServingUse::mfu);
  json["mbu"] = use(run, &ServingUse::mbu);
  json["link_fraction"] = m.use.link_fraction;
  json["energy_j"] = use(run, &ServingUse::energy_j);
  json["energy_per_output_token_j"] = use(run, &ServingUse::energy_per_output_token_j);
  json["mean_power_w"] = use(run, &ServingUse::mean_power_w);
  json["power_model"] = m.use.power_fitted ? "fitted" : "kin";
  json["kv_used_fraction"] = m.kv_used_fraction;
  json["kv_used_fraction_max"] = m.kv_used_fraction_max;
  json["waiting_max"] = m.waiting_max;
  json["steps"] = m.steps;
  json["prompt_tokens"] = m.prompt_tokens;
  json["output_tokens"] = m.output_tokens;
  json["draft_tokens"] = speculated(setup, m.draft_tokens);
  json["accepted_draft_tokens"] = speculated(setup, m.accepted_tokens);
  json["accepted_fraction"] = speculated(setup, m.accepted_fraction);
  json["acceptance_length"] = speculated(setup, m.acceptance_length);
  json["cached_prompt_tokens"] = m.cached_prompt_tokens;
  json["computed_prompt_tokens"] = m.computed_prompt_tokens;
  json["queue_growth"] = or_null(m.queue_growth);
  json["evidence"] = to_string(run.band.evidence);
  json["decode_rate_half_width"] = run.band.decode;
  json["prompt_rate_half_width"] = run.band.prompt;
  json["chance"] = chance_of_run(run);
  json["warm_up"] = {{"requests", run.warm_up_requests},
                     {"duration_s", sim::to_seconds(run.warm_up)}};
  json["engine"] = limits(setup);
  json["memory"] = memory(setup);
  return json;
}

Json vllm_bench_json(const ServingRun& run, const workloads::Traffic& traffic,
                     const std::string& model, const TokenTimes* tokens) {
  const ServingMetrics& m = run.first;
  Json json{{"backend", "rigsim"},
            {"model_id", model},
            {"num_prompts", m.offered},
            {"duration", m.duration_s},
            {"completed", m.finished},
            {"failed", m.offered - m.finished},
            {"total_input_tokens", m.prompt_tokens},
            {"total_output_tokens", m.output_tokens},
            {"request_throughput", m.requests_per_s},
            {"request_goodput", or_null(m.good_requests_per_s)},
            {"output_throughput", m.output_tokens_per_s},
            {"total_token_throughput", m.total_tokens_per_s}};
  constexpr double kMillis = 1e3;
  const auto add = [&](const std::string& name, const LatencySummary& l) {
    json["mean_" + name + "_ms"] = l.mean * kMillis;
    json["median_" + name + "_ms"] = l.p50 * kMillis;
    json["p90_" + name + "_ms"] = l.p90 * kMillis;
    json["p95_" + name + "_ms"] = l.p95 * kMillis;
    json["p99_" + name + "_ms"] = l.p99 * kMillis;
  };
  add("ttft", m.ttft_s);
  add("tpot", m.tpot_s);
  add("itl", m.itl_s);
  add("e2el", m.e2e_s);
  if (m.draft_tokens > 0) {
    constexpr double kPercent = 100;
    json["spec_decode_acceptance_rate"] = m.accepted_fraction * kPercent;
    json["spec_decode_acceptance_length"] = m.acceptance_length;
    json["spec_decode_draft_tokens"] = m.draft_tokens;
    json["spec_decode_accepted_tokens"] = m.accepted_tokens;
  }
  for (const char* list : {"input_lens", "output_lens", "ttfts", "start_times", "errors"})
    json[list] = Json::array();
  for (std::size_t i = run.warm_up_requests; i < run.records.size(); ++i) {
    const auto& record = run.records[i];
    const bool done = record.outcome == RequestOutcome::kFinished;
    json["input_lens"].push_back(traffic.requests[i].prompt_tokens);
    json["output_lens"].push_back(done ? traffic.requests[i].output_tokens : 0);
    json["ttfts"].push_back(done ? sim::to_seconds(record.first_token - record.arrival) : 0.0);
    json["start_times"].push_back(sim::to_seconds(record.arrival - sim::Time{}));
    if (tokens != nullptr) json["itls"].push_back(tokens->gaps(i));
    json["errors"].push_back(done ? "" : "longer than the replica can hold");
  }
  return json;
}

}  // namespace rigsim::analysis
