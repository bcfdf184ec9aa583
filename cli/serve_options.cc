#include "cli/serve_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "configs/config_error.h"
#include "configs/quantity_parser.h"

namespace rigsim::cli {
namespace {

using workloads::ServingProfile;

constexpr std::int64_t kMostSequences = 1'000'000;
constexpr std::int64_t kMostTokens = 100'000'000;

std::optional<bool> on_or_off(const ParsedOptions& options, std::string_view name) {
  const auto text = options.text(name);
  if (!text) return std::nullopt;
  return options.checked(name, [&] {
    if (*text == "on") return true;
    if (*text == "off") return false;
    throw std::invalid_argument("must be on or off, got " + configs::in_quotes(*text));
  });
}

bool draws_top_p(const ParsedOptions& options) {
  const auto text = options.text("sampling");
  if (!text) return false;
  return options.checked("sampling", [&] {
    if (*text == "greedy") return false;
    if (*text == "top-p") return true;
    throw std::invalid_argument("must be greedy or top-p, got " + configs::in_quotes(*text));
  });
}

double limit_of(const ParsedOptions& options, std::string_view text) {
  return options.checked(
      "slo", [&] { return sim::to_seconds(configs::parse_quantity<sim::Duration>(text)); });
}

}  // namespace

std::vector<OptionSpec> serving_options() {
  return {
      {"batching", "NAME", "vllm-v1, vllm-v0, sarathi, orca or static (default: the engine's)"},
      {"max-num-seqs", "N", "sequences that run at once on a replica"},
      {"max-num-batched-tokens", "N", "new tokens of one step"},
      {"prefix-caching", "on|off", "find known prefixes again (traces with prefix hashes)"},
      {"sampling", "HOW", "greedy (default), or top-p: as the engine draws among the likeliest"},
      {"async-scheduling", "on|off", "schedule a step while the one before runs"},
      {"kv-blocks", "N", "KV blocks of a replica, instead of what the memory plan gives"},
      {"routing", "HOW", "among replicas: round-robin (default), least-outstanding, prefix-aware"},
      {"slo", "LIMITS", "what a good request keeps: ttft=2s,tpot=50ms,e2e=30s"},
      {"cold-start", "", "the first step initialises the engine: it takes longer"},
      {"exact-steps", "", "step by step, also where only contexts grow; same times"},
  };
}

ServingProfile read_serving_profile(const ParsedOptions& options,
                                    const configs::EngineFile& engine) {
  const auto batching = options.text("batching");
  if (!engine.serving && !batching) {
    throw configs::ConfigError(
        {{}, 0, 0, "--engine"},
        fmt::format("{} is not known as a server; give --engine vllm, tensorrt-llm or lmdeploy, or "
                    "--batching to say how its batches are formed",
                    engine.profile.name));
  }
  ServingProfile profile = engine.serving.value_or(ServingProfile{});
  if (!engine.serving) {
    profile.limits.step_tokens = engine.profile.batch_tokens;
    profile.limits.prefix_caching = false;
  }
  if (batching) {
    profile.batching =
        options.checked("batching", [&] { return workloads::batching_named(*batching); });
    // Only V1 schedules ahead of the device.
    if (!std::holds_alternative<workloads::VllmV1Batching>(profile.batching))
      profile.limits.async_scheduling = false;
  }
  auto& limits = profile.limits;
  limits.max_sequences =
      options.count("max-num-seqs", 1, kMostSequences).value_or(limits.max_sequences);
  limits.step_tokens =
      options.count("max-num-batched-tokens", 1, kMostTokens).value_or(limits.step_tokens);
  limits.prefix_caching = on_or_off(options, "prefix-caching").value_or(limits.prefix_caching);
  limits.async_scheduling =
      on_or_off(options, "async-scheduling").value_or(limits.async_scheduling);
  profile.host.overlapped = limits.async_scheduling;
  if (!options.has("cold-start")) profile.first_step_us = 0;
  if (draws_top_p(options)) profile.host.sampling = profile.top_p;
  return profile;
}

void apply_serving_options(const ParsedOptions& options, workloads::ServingSetup& setup) {
  if (const auto blocks = options.count("kv-blocks", 2, std::int64_t{1} << 40)) {
    setup.config.limits.kv_blocks += *blocks - setup.kv_blocks;
    setup.kv_blocks = *blocks;
  }
  if (const auto routing = options.text("routing")) {
    setup.config.routing =
        options.checked("routing", [&] { return workloads::routing_named(*routing); });
  }
  // V0 takes whole prompts: max_num_batched_tokens is at least the longest sequence.
  auto& limits = setup.config.limits;
  if (std::holds_alternative<workloads::VllmV0Batching>(setup.config.batching) &&
      !options.has("max-num-batched-tokens"))
    limits.step_tokens = std::max(limits.step_tokens, setup.config.max_context);
  if (options.has("exact-steps")) setup.config.mode = workloads::StepMode::kExact;
}

analysis::ServiceLevel read_service_level(const ParsedOptions& options) {
  analysis::ServiceLevel level;
  const auto text = options.text("slo");
  if (!text) return level;
  for (std::size_t at = 0; at <= text->size();) {
    const std::size_t end = std::min(text->find(',', at), text->size());
    const std::string_view part = std::string_view(*text).substr(at, end - at);
    const std::size_t equals = part.find('=');
    const std::string_view key = part.substr(0, equals);
    std::optional<double>* limit = key == "ttft"   ? &level.ttft_s
                                   : key == "tpot" ? &level.tpot_s
                                   : key == "e2e"  ? &level.e2e_s
                                                   : nullptr;
    if (limit == nullptr || equals == std::string_view::npos) {
      throw configs::ConfigError(
          {{}, 0, 0, "--slo"},
          fmt::format("must be ttft=TIME, tpot=TIME and e2e=TIME behind commas, got {}",
                      configs::in_quotes(part)));
    }
    *limit = limit_of(options, part.substr(equals + 1));
    at = end + 1;
  }
  return level;
}

}  // namespace rigsim::cli
