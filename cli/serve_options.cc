#include "cli/serve_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "cli/traffic_options.h"
#include "configs/config_error.h"
#include "configs/quantity_parser.h"

namespace rigsim::cli {
namespace {

using workloads::ServingChoice;

using Most = workloads::MostOfServing;

std::optional<bool> on_or_off(const ParsedOptions& options, std::string_view name) {
  const auto text = options.text(name);
  if (!text) return std::nullopt;
  return options.checked(name, [&] {
    if (*text == "on") return true;
    if (*text == "off") return false;
    throw std::invalid_argument("must be on or off, got " + configs::in_quotes(*text));
  });
}

std::optional<workloads::Sampling> sampling_of(const ParsedOptions& options) {
  const auto text = options.text("sampling");
  if (!text) return std::nullopt;
  return options.checked("sampling", [&] { return workloads::sampling_named(*text); });
}

double limit_of(const ParsedOptions& options, std::string_view text) {
  return options.checked(
      "slo", [&] { return sim::to_seconds(configs::parse_quantity<sim::Duration>(text)); });
}

/// --slo ttft=2s,tpot=50ms,e2e=30s.
workloads::ServiceLevel service_level(const ParsedOptions& options) {
  workloads::ServiceLevel level;
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
    if (limit != nullptr && *limit)
      throw configs::ConfigError({{}, 0, 0, "--slo"}, fmt::format("{} is given twice", key));
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

}  // namespace

std::vector<OptionSpec> serving_options() {
  return {
      {"batching", "NAME[:OPTIONS]",
       "vllm-v1, vllm-v0, sarathi, orca, static, sglang, llama.cpp or tgi (default: the engine's)"},
      {"max-num-seqs", "N", "sequences that run at once on a replica"},
      {"max-num-batched-tokens", "N", "new tokens of one step"},
      {"prefix-caching", "on|off", "find known prefixes again (traces with prefix hashes)"},
      {"sampling", "HOW", "greedy (default), or top-p: as the engine draws among the likeliest"},
      {"async-scheduling", "on|off",
       "schedule a step while the one before runs (default: the engine's; pipelines: off)"},
      {"kv-blocks", "N", "KV blocks of a replica, instead of what the memory plan gives"},
      {"prefill-replicas", "N",
       "so many of the plan's replicas only compute prompts for the others"},
      {"host-kv", "SIZE",
       "host memory of a replica behind its prefix cache, as 64GiB (--kv-offloading-size)"},
      {"routing", "HOW", "among replicas: round-robin, least-outstanding, prefix-aware, vllm"},
      {"speculative", "HOW",
       "tokens drafted ahead: draft=MODEL,tokens=5,acceptance=0.7, or "
       "ngram,tokens=5,acceptance=0.4"},
      {"slo", "LIMITS", "what a good request keeps: ttft=2s,tpot=50ms,e2e=30s"},
      {"warmup", "WHAT", "not counted at the start: auto (MSER-5), N requests, or a time: 2min"},
      {"replications", "N", "draw made-up traffic N times, for intervals of chance (default 1)"},
      {"cold-start", "", "the first step initialises the engine: it takes longer"},
      {"exact-steps", "", "step by step, also where only contexts grow; same times"},
  };
}

ServingChoice read_serving_choice(const ParsedOptions& options, const ServingChoice& base) {
  ServingChoice choice;
  if (const auto batching = options.text("batching"))
    choice.batching =
        options.checked("batching", [&] { return workloads::batching_named(*batching); });
  choice.max_sequences = options.count("max-num-seqs", 1, Most::kSequences);
  choice.step_tokens = options.count("max-num-batched-tokens", 1, Most::kTokens);
  choice.prefix_caching = on_or_off(options, "prefix-caching");
  choice.sampling = sampling_of(options);
  choice.async_scheduling = on_or_off(options, "async-scheduling");
  choice.kv_blocks = options.count("kv-blocks", 2, Most::kBlocks);
  choice.prefill_replicas = options.count("prefill-replicas", 1, Most::kReplicas);
  if (const auto size = options.text("host-kv"))
    choice.host_kv =
        options.checked("host-kv", [&] { return configs::parse_quantity<sim::Bytes>(*size); });
  if (const auto routing = options.text("routing"))
    choice.routing = options.checked("routing", [&] { return workloads::routing_named(*routing); });
  if (const auto how = options.text("speculative"))
    choice.speculative =
        options.checked("speculative", [&] { return workloads::speculative_named(*how); });
  choice.cold_start = options.has("cold-start");
  choice.level = service_level(options);
  return workloads::merged(base, choice);
}

analysis::WarmUp read_warm_up(const ParsedOptions& options) {
  const auto text = options.text("warmup");
  if (!text) return analysis::NoWarmUp{};
  if (*text == "auto") return analysis::AutomaticWarmUp{};
  return options.checked("warmup", [&]() -> analysis::WarmUp {
    if (text->find_first_not_of("0123456789") == std::string::npos)
      return configs::parse_count(*text);
    return configs::parse_quantity<sim::Duration>(*text);
  });
}

std::int64_t read_replications(const ParsedOptions& options,
                               const configs::ScenarioTraffic& traffic) {
  constexpr std::int64_t kMost = 1000;
  const std::int64_t count = options.count("replications", 1, kMost).value_or(1);
  if (count > 1 && !configs::is_made_up(traffic.text))
    throw configs::ConfigError({{}, 0, 0, "--replications"},
                               "a trace is always the same; give traffic that is made up, such as "
                               "poisson:4/s,lengths=" +
                                   traffic.text);
  return count;
}

namespace {

/// Throws configs::ConfigError where an option says a length that the traffic has itself.
void check_lengths(const ParsedOptions& options, const std::string& traffic) {
  const auto says = [&](const std::string& key) {
    return traffic.find(':' + key + '=') != traffic.npos ||
           traffic.find(',' + key + '=') != traffic.npos;
  };
  const bool all = !configs::is_made_up(traffic) || says("lengths");
  for (const auto& [option, key] : {std::pair("prompt", "prompt"), {"output-tokens", "output"}}) {
    if (!options.has(option) || (!all && !says(key))) continue;
    throw configs::ConfigError({{}, 0, 0, "--" + std::string(option)},
                               fmt::format("{} has lengths of its own; leave one of the two out",
                                           configs::in_quotes(traffic)));
  }
}

}  // namespace

configs::ScenarioTraffic read_traffic_choice(const ParsedOptions& options,
                                             const configs::ScenarioTraffic& base) {
  configs::ScenarioTraffic traffic = base;
  traffic.settings = read_traffic_settings(options, base.settings);
  auto& settings = traffic.settings;
  settings.prompt_tokens =
      options.count("prompt", 1, Most::kTokens).value_or(settings.prompt_tokens);
  settings.output_tokens =
      options.count("output-tokens", 1, Most::kTokens).value_or(settings.output_tokens);
  traffic.truncate |= options.has("truncate");
  if (base.text.empty() || options.has("traffic")) {
    traffic.text = options.needed("traffic");
    traffic.place = {{}, 0, 0, "--traffic"};
    settings.folder.clear();
  }
  check_lengths(options, traffic.text);
  return traffic;
}

}  // namespace rigsim::cli
