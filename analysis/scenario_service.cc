#include "analysis/scenario_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "analysis/comparison.h"
#include "configs/config_error.h"
#include "workloads/serving/host_tier_rules.h"
#include "workloads/serving/kv_links.h"
#include "workloads/serving/longest_request.h"

namespace rigsim::analysis {

using workloads::ServingChoice;
using workloads::ServingProfile;
using workloads::ServingSetup;

namespace {

/// What the engine, or the batching, cannot do.
void check_choice(const std::string& engine, const ServingProfile& profile,
                  const ServingChoice& choice) {
  const bool knows_top_p = profile.top_p.step_us > 0 || profile.top_p.logit_bytes > 0;
  if (choice.sampling == workloads::Sampling::kTopP && !knows_top_p) {
    throw configs::ConfigError(
        {{}, 0, 0, "--sampling"},
        fmt::format("what top-p takes is not known of {}; allowed is greedy", engine));
  }
  const workloads::Batching& batching = choice.batching.value_or(profile.batching);
  if (choice.async_scheduling == true &&
      !std::holds_alternative<workloads::VllmV1Batching>(batching) &&
      !std::holds_alternative<workloads::SglangBatching>(batching)) {
    throw configs::ConfigError(
        {{}, 0, 0, "--async-scheduling"},
        fmt::format("{} batching does not schedule ahead; vllm-v1 and sglang do",
                    workloads::name_of(batching)));
  }
}

}  // namespace

ServingProfile serving_profile(const configs::EngineFile& engine, const ServingChoice& choice) {
  if (!engine.serving && !choice.batching) {
    throw configs::ConfigError(
        {{}, 0, 0, "--engine"},
        fmt::format("{} is not known as a server; give --engine llama.cpp, lmdeploy, sglang, "
                    "tensorrt-llm, tgi or vllm, or --batching to say how its batches are formed",
                    engine.profile.name));
  }
  ServingProfile profile = engine.serving.value_or(ServingProfile{});
  if (!engine.serving) {
    profile.limits.step_tokens = engine.profile.batch_tokens;
    profile.limits.prefix_caching = false;
  }
  check_choice(engine.profile.name, profile, choice);
  return workloads::chosen(std::move(profile), choice);
}

workloads::DeploymentRequest serving_request(const configs::Scenario& scenario,
                                             const workloads::EngineProfile& engine) {
  configs::Scenario shortest = scenario;
  shortest.prompt_tokens = 1;
  shortest.output_tokens = 1;
  shortest.batch = 1;
  workloads::DeploymentRequest request = deployment_request(shortest, engine);
  request.context = scenario.context.value_or(scenario.model.max_context);
  return request;
}

std::optional<workloads::Speculating> speculating(const ServingChoice& choice,
                                                  const workloads::DeploymentRequest& request,
                                                  const ServingProfile& profile,
                                                  const configs::Catalog& catalog) {
  if (!choice.speculative) return std::nullopt;
  const workloads::SpeculativeChoice& said = *choice.speculative;
  if (said.draft.empty() && choice.async_scheduling == true) {
    throw std::invalid_argument(
        "n-grams are looked up between two steps, so that none is scheduled ahead; a draft model "
        "allows it");
  }
  workloads::check_speculation(request.plan, profile.batching, request.engine,
                               choice.prefill_replicas.has_value());
  workloads::Speculating result{said, {}};
  if (!said.draft.empty()) {
    configs::ModelFile file = catalog.model_file(said.draft);
    const std::string weights = !said.draft_weights.empty()
                                    ? said.draft_weights
                                    : file.weights_format.value_or(std::string("bf16"));
    result.draft = {std::move(file.model), catalog.weights_format(weights)};
    (void)workloads::draft_memory(workloads::draft_request(request, *result.draft));
  }
  workloads::BatchLimits limits = profile.limits;
  workloads::ServingHost host = profile.host;
  if (!profile.sized_by_memory) workloads::speculate(result, limits, host);
  return result;
}

ServingSetup serving_setup(const configs::Scenario& scenario, const configs::EngineFile& engine,
                           const configs::Catalog& catalog) {
  const ServingChoice& choice = scenario.serving;
  ServingProfile profile = serving_profile(engine, choice);
  workloads::check_slots(profile, engine.profile.memory);
  const workloads::DeploymentRequest request = serving_request(scenario, engine.profile);
  const std::int64_t prefill = choice.prefill_replicas.value_or(0);
  if (prefill > 0) workloads::check_prefill_replicas(request.plan, prefill, profile.batching);
  if (choice.host_kv) {
    workloads::require_host_tier({profile.batching, profile.limits.prefix_caching,
                                  request.plan.pp > 1, prefill > 0,
                                  choice.speculative.has_value()});
  }
  profile.speculating = speculating(choice, request, profile, catalog);
  ServingSetup setup =
      workloads::serving_setup(request, profile, static_cast<std::int32_t>(prefill));
  if (setup.kv_blocks >= 2) workloads::apply(choice, setup);
  return setup;
}

FittedTraffic fitted_traffic(const configs::ScenarioTraffic& traffic, const ServingSetup& setup) {
  FittedTraffic fitted{[&] {
    try {
      return configs::load_traffic(traffic.text, traffic.settings);
    } catch (const configs::ConfigError&) {
      throw;
    } catch (const std::invalid_argument& error) {
      throw configs::ConfigError(traffic.place, error.what());
    }
  }()};
  if (traffic.truncate) {
    const workloads::LongestRequest longest = workloads::longest_request(setup.config);
    if (longest.tokens > 1 && longest.prompt_tokens > 0) {
      fitted.cut = workloads::fit_context(fitted.loaded.traffic, longest.tokens,
                                          workloads::TooLong::kTruncate, longest.prompt_tokens);
    }
  }
  return fitted;
}

}  // namespace rigsim::analysis
