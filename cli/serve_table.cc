#include "cli/serve_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/number_text.h"
#include "cli/table.h"
#include "workloads/serving/longest_request.h"
#include "workloads/serving/serving_choice.h"

namespace rigsim::cli {
namespace {

using analysis::LatencySummary;
using analysis::ServingMetrics;
using analysis::ServingRun;

std::string band_text(const ServingRun& run, double ServingMetrics::* member) {
  constexpr int kDigits = 4;
  const std::string value = significant(run.metrics.*member, kDigits);
  const auto band = run.band_of([&](const ServingMetrics& m) { return m.*member; });
  if (!band) return value;
  return fmt::format("{} ({}-{})", value, significant(band->first, kDigits),
                     significant(band->second, kDigits));
}

std::string mean_band(const ServingRun& run, LatencySummary ServingMetrics::* member) {
  const auto band = run.band_of([&](const ServingMetrics& m) { return (m.*member).mean; });
  if (!band) return "none";
  return fmt::format("{} - {}", time_text(band->first), time_text(band->second));
}

/// "+-1.2 ms": of the mean.
std::string chance_text(const analysis::ChanceIntervals& chance,
                        LatencySummary ServingMetrics::* member) {
  const LatencySummary& half_width = chance.half_width.*member;
  return half_width.count > 0 ? "+-" + time_text(half_width.mean) : "-";
}

/// What the column of chance is, and what was left out.
std::string counted_text(const ServingRun& run) {
  std::string text;
  if (run.warm_up_requests > 0)
    text += wrapped(fmt::format("Warm-up: the first {} requests ({}) are not counted.",
                                run.warm_up_requests, time_text(sim::to_seconds(run.warm_up))));
  if (!run.chance) return text;
  const char* level = "Chance: the 95 % interval of the mean";
  if (run.chance->replications > 1)
    return text +
           wrapped(fmt::format("{} over {} draws of the traffic; figures are means of these.",
                               level, run.chance->replications));
  constexpr double kDependent = 0.3;
  return text + wrapped(fmt::format(
                    "{} by 20 batches of this run{}.", level,
                    *run.chance->lag1 > kDependent
                        ? fmt::format(", too short: they are alike (autocorrelation {:.2f}; "
                                      "--replications tells)",
                                      *run.chance->lag1)
                        : std::string()));
}

Table latency_table(const ServingRun& run) {
  Table table{{{"latency"},
               {"mean", Align::kRight},
               {"p50", Align::kRight},
               {"p90", Align::kRight},
               {"p95", Align::kRight},
               {"p99", Align::kRight},
               {"p99.9", Align::kRight},
               {"90 % band of the mean", Align::kRight}},
              {}};
  if (run.chance) table.columns.push_back({"chance", Align::kRight});
  const auto row = [&](const char* name, LatencySummary ServingMetrics::* member) {
    const LatencySummary& l = run.metrics.*member;
    table.rows.push_back({name});
    if (l.count == 0) {
      table.rows.back().resize(table.columns.size(), "-");
      return;
    }
    for (const double value : {l.mean, l.p50, l.p90, l.p95, l.p99, l.p999})
      table.rows.back().push_back(time_text(value));
    table.rows.back().push_back(mean_band(run, member));
    if (run.chance) table.rows.back().push_back(chance_text(*run.chance, member));
  };
  row("queueing", &ServingMetrics::queueing_s);
  if (run.metrics.kv_transfer_s.count > 0) {
    row("KV cache waits", &ServingMetrics::kv_wait_s);
    row("KV cache moves", &ServingMetrics::kv_transfer_s);
  }
  row("TTFT", &ServingMetrics::ttft_s);
  row("TPOT", &ServingMetrics::tpot_s);
  row("ITL", &ServingMetrics::itl_s);
  row("E2E", &ServingMetrics::e2e_s);
  row("E2E per output token", &ServingMetrics::normalised_s);
  return table;
}

std::string throughput_text(const ServingRun& run) {
  return fmt::format("{} output tokens/s, {} requests/s, {} tokens/s with prompts; {} s in all",
                     band_text(run, &ServingMetrics::output_tokens_per_s),
                     band_text(run, &ServingMetrics::requests_per_s),
                     band_text(run, &ServingMetrics::total_tokens_per_s),
                     band_text(run, &ServingMetrics::duration_s));
}

std::string replicas_text(const ServingMetrics& m, const workloads::ServingSetup& setup) {
  return fmt::format(
      "{} replica{}{}, {} batching, {} KV blocks of {} tokens each: busy {:.0f} %, {:.1f} "
      "sequences "
      "a step, KV cache {:.0f} % used ({:.0f} % at most), {} preemptions, {} steps, at most {} "
      "waiting",
      setup.config.replicas, setup.config.replicas == 1 ? "" : "s",
      setup.config.kv_links
          ? fmt::format(" ({} of them for prompts)", setup.config.kv_links->prefill_replicas)
          : "",
      workloads::name_of(setup.config.batching), setup.kv_blocks,
      setup.config.limits.kv_block_tokens, 100 * m.busy_fraction, m.mean_batch,
      100 * m.kv_used_fraction, 100 * m.kv_used_fraction_max, m.preemptions, m.steps,
      m.waiting_max);
}

/// What moved between devices and host memory.
std::string host_text(const ServingMetrics& m, const workloads::ServingSetup& setup,
                      const workloads::Traffic& traffic) {
  const workloads::BatchLimits& limits = setup.config.limits;
  const auto gigabytes = [&](std::int64_t blocks) {
    constexpr int kDigits = 3;
    return significant(static_cast<double>(blocks * setup.host_kv.block_bytes.count()) / 1e9,
                       kDigits);
  };
  const std::string unknown = setup.deployment.rig.host.memory > sim::Bytes{}
                                  ? ""
                                  : " (how much memory its host has the rig does not say)";
  if (limits.swap_blocks > 0) {
    constexpr int kDigits = 3;
    return wrapped(fmt::format(
        "Swapping: {} GB of keys and values to host memory and {} GB back, {} % of the time that "
        "steps run; a replica has {} KV blocks there{}.",
        gigabytes(m.swapped_out_blocks), gigabytes(m.swapped_in_blocks),
        significant(100 * m.swap_fraction, kDigits), limits.swap_blocks, unknown));
  }
  if (limits.host_blocks == 0) return {};
  return wrapped(fmt::format(
      "Prefix cache: {} prompt tokens found on the devices, {} behind them in host memory, where a "
      "replica has {} KV blocks; {} GB stored there, {} GB loaded, for prompts and for preempted "
      "sequences{}.{}",
      m.cached_prompt_tokens, m.host_prompt_tokens, limits.host_blocks,
      gigabytes(m.host_stored_blocks), gigabytes(m.host_loaded_blocks), unknown,
      traffic.prefix_hashes.empty()
          ? " The traffic has no prefix hashes: no prompt is found again, "
            "only what preempted sequences left."
          : ""));
}

std::string speculation_text(const ServingMetrics& m, const workloads::ServingSetup& setup) {
  if (!setup.speculating) return {};
  const auto& draft = setup.speculating->draft;
  constexpr int kDigits = 3;
  return wrapped(fmt::format(
      "{} drafts {} tokens for each sequence and step; {} % of {} were accepted: {} tokens are "
      "answered at once in the mean.",
      draft ? fmt::format("{} ({})", draft->model.name, draft->weights.name) : "N-gram lookup",
      setup.speculating->choice.tokens, significant(100 * m.accepted_fraction, kDigits),
      m.draft_tokens, significant(m.acceptance_length, kDigits)));
}

std::string use_text(const ServingMetrics& m) {
  const analysis::ServingUse& use = m.use;
  constexpr int kDigits = 3;
  std::string text = fmt::format(
      "While steps run the devices do {} % of their 16-bit FLOPs (MFU) and move {} % of what their "
      "memory can (MBU)",
      significant(100 * use.mfu, kDigits), significant(100 * use.mbu, kDigits));
  if (use.link_fraction > 0)
    text += fmt::format(", and wait {} % for links", significant(100 * use.link_fraction, kDigits));
  text += fmt::format(". They draw {} W, {} J an output token (of the devices alone, {}).",
                      significant(use.mean_power_w, kDigits),
                      significant(use.energy_per_output_token_j, kDigits),
                      use.power_fitted ? "by a power sweep of this chip" : "by a chip of its kin");
  return wrapped(text);
}

std::string pipeline_text(const ServingMetrics& m, const workloads::ServingSetup& setup) {
  if (m.stage_busy.empty()) return {};
  std::string stages;
  for (const double busy : m.stage_busy)
    stages += fmt::format("{}{:.0f}", stages.empty() ? "" : ", ", 100 * busy);
  return wrapped(fmt::format(
      "Pipeline: {} at most{}; stages busy {} %; bubble {:.1f} % (a stage's "
      "idle time while its replica has steps on their way).",
      setup.config.in_flight == 1 ? "1 step on its way"
                                  : fmt::format("{} steps on their way", setup.config.in_flight),
      setup.config.limits.async_scheduling ? ", but each waits for the tokens of the one in front"
                                           : "",
      stages, 100 * m.bubble_fraction));
}

std::string lock_step_text(const ServingMetrics& m, const workloads::ServingSetup& setup) {
  if (!workloads::in_lock_step(setup)) return {};
  return wrapped(fmt::format(
      "Lock step: experts are spread over all replicas, which begin and end each step together; "
      "they wait {} % of that time for the slowest of them.",
      significant(100 * m.lockstep_wait_fraction, 3)));
}

std::string bands_text(const ServingRun& run) {
  std::string none;
  if (!run.slow || !run.fast) {
    none = fmt::format(" None here: on the {} ones the swap space is full, where vLLM ends.",
                       run.slow   ? "faster"
                       : run.fast ? "slower"
                                  : "slower and the faster");
  }
  return wrapped(fmt::format(
      "Bands: the same traffic on devices whose rates are {:.1f} % lower and higher ({:.1f} % "
      "where a step works on prompts); the evidence is {}.{}",
      100 * run.band.decode, 100 * run.band.prompt, to_string(run.band.evidence), none));
}

std::string goodput_text(const ServingMetrics& m) {
  if (!m.good_fraction) return {};
  return wrapped(fmt::format("Goodput: {} requests/s keep the limits, {:.1f} % of all",
                             significant(*m.good_requests_per_s, 4), 100 * *m.good_fraction));
}

/// What keeps requests from being longer.
std::string limit_of_tokens(const workloads::ServingSetup& setup,
                            const workloads::LongestRequest& longest) {
  const workloads::ServerConfig& config = setup.config;
  const auto is_limit = [&](auto lift) {
    workloads::ServerConfig lifted = config;
    lift(lifted);
    return workloads::longest_request(lifted).tokens > longest.tokens;
  };
  if (is_limit([](auto& c) { c.max_context = 0; })) {
    if (std::holds_alternative<workloads::LlamaCppBatching>(config.batching))
      return "the context of a slot (--context; fewer slots, --max-num-seqs, leave room for more)";
    return config.max_context < setup.deployment.model.max_context
               ? "the context (--context allows more)"
               : "the context, the longest that the model was made for";
  }
  if (is_limit([](auto& c) { c.limits.step_tokens = workloads::MostOfServing::kTokens; }))
    return "what a step computes at once (--max-num-batched-tokens)";
  return fmt::format("what {} batching runs in a KV cache of {} tokens",
                     workloads::name_of(config.batching),
                     config.limits.kv_blocks * config.limits.kv_block_tokens);
}

std::string turned_away_text(const ServingRun& run, const workloads::ServingSetup& setup,
                             const workloads::Traffic& traffic) {
  if (run.metrics.too_long == 0) return {};
  std::int64_t tokens = 0, prompt = 0;
  for (std::size_t i = 0; i < run.records.size(); ++i) {
    if (run.records[i].outcome != workloads::RequestOutcome::kTooLong) continue;
    const workloads::TrafficRequest& request = traffic.requests[i];
    tokens = std::max(tokens, request.prompt_tokens + request.output_tokens);
    prompt = std::max(prompt, request.prompt_tokens);
  }
  const workloads::LongestRequest longest = workloads::longest_request(setup.config);
  std::string text =
      fmt::format("{} of {} requests were turned away.", run.metrics.too_long, run.metrics.offered);
  if (tokens > longest.tokens)
    text += fmt::format(" The longest has {} tokens with its answer; at most {} are {}.", tokens,
                        longest.tokens, limit_of_tokens(setup, longest));
  // A prompt alone is bound by more than the sum of both where batches take prompts whole.
  if (prompt > longest.prompt_tokens && longest.prompt_tokens + 1 < longest.tokens)
    text += fmt::format(
        " The longest prompt has {} tokens; prompts are taken whole, no longer than "
        "the {} tokens of a step (--max-num-batched-tokens).",
        prompt, longest.prompt_tokens);
  return wrapped(text + " --truncate shortens them to what can be run.");
}

std::string warnings_text(const ServingMetrics& m, const workloads::ServingSetup& setup) {
  std::string text;
  if (m.queue_growth) {
    text +=
        wrapped(fmt::format("Unstable: the queue grows. Of the requests that arrive in the second "
                            "half {:.0f} % pile up, "
                            "so that latencies are as long as one looks; the rig serves about "
                            "{} requests/s of this kind.",
                            100 * *m.queue_growth, significant(m.requests_per_s, 3)));
  }
  const auto devices = setup.deployment.rig.devices.size();
  const auto& plan = setup.deployment.plan;
  const auto used = static_cast<std::size_t>(plan.tp * plan.pp * setup.config.replicas);
  if (used < devices) {
    text += wrapped(fmt::format("{} of {} devices idle: --plan dp=N puts replicas on them.",
                                devices - used, devices));
  }
  if (setup.config.first_step > sim::Duration::zero()) {
    text += wrapped(fmt::format("The first step takes {} longer (--cold-start).",
                                time_text(sim::to_seconds(setup.config.first_step))));
  }
  return text;
}

}  // namespace

std::string serving_text(const ServingRun& run, const workloads::ServingSetup& setup,
                         const workloads::Traffic& traffic, const std::string& title,
                         const Console& console) {
  const ServingMetrics& m = run.metrics;
  std::string text = console.bold(title) + '\n';
  text +=
      wrapped(fmt::format("{}: {} requests, {} served; {} prompt and {} output tokens.",
                          traffic.source, m.offered, m.finished, m.prompt_tokens, m.output_tokens));
  text += '\n' + wrapped(throughput_text(run)) + '\n';
  text += to_text(latency_table(run), console) + '\n';
  text += wrapped(replicas_text(m, setup));
  text += host_text(m, setup, traffic);
  text += speculation_text(m, setup);
  text += use_text(m);
  text += pipeline_text(m, setup);
  text += lock_step_text(m, setup);
  text += goodput_text(m);
  text += bands_text(run);
  text += counted_text(run);
  const std::string warnings = turned_away_text(run, setup, traffic) + warnings_text(m, setup);
  return warnings.empty() ? text : text + '\n' + warnings;
}

}  // namespace rigsim::cli
