#include "workloads/serving/serving_choice.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <variant>

namespace rigsim::workloads {
namespace {

template <class T>
void take(std::optional<T>& into, const std::optional<T>& from) {
  if (from) into = from;
}

}  // namespace

Sampling sampling_named(std::string_view name) {
  if (name == "greedy") return Sampling::kGreedy;
  if (name == "top-p") return Sampling::kTopP;
  throw std::invalid_argument("must be greedy or top-p, got \"" + std::string(name) + "\"");
}

std::string_view name_of(Sampling sampling) {
  return sampling == Sampling::kTopP ? "top-p" : "greedy";
}

ServingChoice merged(const ServingChoice& earlier, const ServingChoice& later) {
  ServingChoice both = earlier;
  take(both.batching, later.batching);
  take(both.max_sequences, later.max_sequences);
  take(both.step_tokens, later.step_tokens);
  take(both.prefix_caching, later.prefix_caching);
  take(both.sampling, later.sampling);
  take(both.async_scheduling, later.async_scheduling);
  take(both.kv_blocks, later.kv_blocks);
  take(both.prefill_replicas, later.prefill_replicas);
  take(both.host_kv, later.host_kv);
  take(both.routing, later.routing);
  take(both.speculative, later.speculative);
  take(both.level.ttft_s, later.level.ttft_s);
  take(both.level.tpot_s, later.level.tpot_s);
  take(both.level.e2e_s, later.level.e2e_s);
  both.cold_start = earlier.cold_start || later.cold_start;
  return both;
}

ServingProfile chosen(ServingProfile profile, const ServingChoice& choice) {
  BatchLimits& limits = profile.limits;
  if (choice.batching) {
    profile.batching = *choice.batching;
    // Only V1 and SGLang schedule ahead of the device.
    if (!std::holds_alternative<VllmV1Batching>(profile.batching) &&
        !std::holds_alternative<SglangBatching>(profile.batching))
      limits.async_scheduling = false;
  }
  limits.max_sequences = choice.max_sequences.value_or(limits.max_sequences);
  profile.step_tokens_said = choice.step_tokens.has_value();
  limits.step_tokens = choice.step_tokens.value_or(limits.step_tokens);
  limits.prefix_caching = choice.prefix_caching.value_or(limits.prefix_caching);
  limits.async_scheduling = choice.async_scheduling.value_or(limits.async_scheduling);
  profile.async_pipelines = choice.async_scheduling.has_value();
  profile.host.overlapped = limits.async_scheduling;
  if (choice.sampling == Sampling::kTopP) profile.host.sampling = profile.top_p;
  profile.host_kv = choice.host_kv.value_or(sim::Bytes{});
  if (!choice.cold_start) profile.first_step_us = 0;
  return profile;
}

void apply(const ServingChoice& choice, ServingSetup& setup) {
  if (choice.kv_blocks) {
    setup.config.limits.kv_blocks += *choice.kv_blocks - setup.kv_blocks;
    setup.kv_blocks = *choice.kv_blocks;
    if (std::holds_alternative<LlamaCppBatching>(setup.config.batching)) {
      const BatchLimits& limits = setup.config.limits;
      setup.config.max_context =
          std::min(setup.config.max_context,
                   limits.kv_blocks / limits.max_sequences * limits.kv_block_tokens);
    }
  }
  if (choice.routing) setup.config.routing = *choice.routing;
}

}  // namespace rigsim::workloads
