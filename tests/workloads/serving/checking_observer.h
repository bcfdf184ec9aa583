#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "workloads/serving/server.h"

namespace rigsim::workloads::test {

/// Holds a serving run to what must be conserved: every request ends once; tokens in = tokens out;
/// no step exceeds its limits; steps follow each other.
class CheckingObserver final : public ServingObserver {
 public:
  CheckingObserver(const Traffic& traffic, const ServerConfig& config)
      : traffic_(traffic), config_(config), ended_(traffic.requests.size(), 0) {}

  void steps_executed(const StepRecord& steps) override {
    expect_to_follow(steps);
    EXPECT_GE(steps.kv_blocks_held, 0);
    EXPECT_LE(steps.kv_blocks_held, config_.limits.kv_blocks);
    EXPECT_LE(steps.decodes + steps.chunks, config_.limits.max_sequences);
    if (steps.prompt_tokens > 0 || steps.drafts > 0) {
      EXPECT_LE(steps.decodes + steps.drafts + steps.prompt_tokens, most_tokens());
    }
    EXPECT_LE(steps.drafted, std::min(steps.decodes, steps.drafts));
    EXPECT_LE(steps.drafts, steps.drafted * config_.limits.speculation.tokens);
    EXPECT_LE(steps.accepted, steps.drafts);
    EXPECT_LE(steps.more_tokens, steps.accepted);
    answered += steps.more_tokens;
    drafts += steps.drafts;
    accepted += steps.accepted;
    rows_drafted += steps.drafted;
    prompt_tokens += steps.prompt_tokens;
    swapped_out += steps.swapped_out;
    swapped_in += steps.swapped_in;
    host_loaded += steps.host_loaded;
    if (!config_.limits.async_scheduling && config_.in_flight == 1) {
      EXPECT_LE(swapped_out - swapped_in, config_.limits.swap_blocks * config_.replicas);
    }
    steps_run += steps.steps;
    ++rows;
  }
  void gaps_seen(const GapRun& gaps) override {
    answered += gaps.gaps * gaps.sequences;
    if (gaps.slope == 0) {
      gaps_by_length[gaps.first] += gaps.gaps * gaps.sequences;
      return;
    }
    for (std::int64_t i = 0; i < gaps.gaps; ++i)
      gaps_by_length[gaps.first + i * gaps.slope] += gaps.sequences;
  }
  void request_ended(std::uint32_t request, const RequestRecord& record) override {
    EXPECT_EQ(++ended_[request], 1) << "request " << request;
    if (record.outcome != RequestOutcome::kFinished) return;
    ++answered;
    expected += traffic_.requests[request].output_tokens;
    EXPECT_LE(record.arrival, record.scheduled);
    EXPECT_LE(record.scheduled, record.first_token);
    EXPECT_LE(record.first_token, record.finished);
  }
  void finish() const {
    for (std::size_t i = 0; i < ended_.size(); ++i) EXPECT_EQ(ended_[i], 1) << "request " << i;
    EXPECT_EQ(answered, expected);
    // Only one that ends on its way out, its last token being on the way, does not come back.
    EXPECT_LE(swapped_in, swapped_out);
    if (!config_.limits.async_scheduling && config_.in_flight == 1) {
      EXPECT_EQ(swapped_in, swapped_out);
    }
    for (const auto& [replica, time] : times_) {
      EXPECT_LE(time.busy, time.end - time.begin);
      for (const Ticks stage : time.stages) EXPECT_LE(stage, time.busy);
    }
  }
  /// [replicas] How long each has steps on their way, and then how long each of its stages
  /// computes.
  [[nodiscard]] std::vector<std::vector<Ticks>> busy() const {
    std::vector<std::vector<Ticks>> result;
    for (const auto& [replica, time] : times_) {
      result.push_back({time.busy});
      result.back().insert(result.back().end(), time.stages.begin(), time.stages.end());
    }
    return result;
  }

  /// [replicas] How long each waits for the slowest, in lock step.
  [[nodiscard]] std::vector<Ticks> waited() const {
    std::vector<Ticks> result;
    for (const auto& [replica, time] : times_) result.push_back(time.waited);
    return result;
  }

  std::int64_t prompt_tokens = 0;
  std::int64_t swapped_out = 0;
  std::int64_t swapped_in = 0;
  std::int64_t host_loaded = 0;
  std::int64_t answered = 0;
  std::int64_t expected = 0;
  std::int64_t drafts = 0;
  std::int64_t accepted = 0;      // of these
  std::int64_t rows_drafted = 0;  // sequences in a step
  std::int64_t steps_run = 0;
  std::int64_t rows = 0;
  std::map<Ticks, std::int64_t> gaps_by_length;

 private:
  /// Of a step with prompts.
  [[nodiscard]] std::int64_t most_tokens() const {
    const BatchLimits& limits = config_.limits;
    if (std::holds_alternative<OrcaBatching>(config_.batching) ||
        std::holds_alternative<StaticBatching>(config_.batching))
      return std::int64_t{1} << 62;
    if (!std::holds_alternative<TgiBatching>(config_.batching)) return limits.step_tokens;
    const std::int64_t block = limits.kv_block_tokens;  // TGI goes to the next block
    return (limits.step_tokens + block - 1) / block * block;
  }

  struct Times {
    Ticks begin = 0;
    Ticks end = 0;
    Ticks busy = 0;
    Ticks waited = 0;
    std::vector<Ticks> stages;
  };

  /// Steps on their way at once come batch by batch.
  void expect_to_follow(const StepRecord& steps) {
    const auto [known, made] = times_.try_emplace(steps.replica, Times{steps.start, 0, 0, 0, {}});
    Times& time = known->second;
    if (steps.stages.empty() && config_.in_flight == 1) {
      EXPECT_GE(steps.start, time.end);
    }
    EXPECT_GE(steps.duration(), steps.busy());
    EXPECT_GE(steps.busy(), 0);
    EXPECT_GE(steps.start, time.begin);
    time.end = std::max(time.end, steps.start + steps.duration());
    time.busy += steps.busy();
    EXPECT_GE(steps.waited, 0);
    EXPECT_LE(steps.waited, steps.duration());
    time.waited += steps.waited;
    time.stages.resize(steps.stages.size());
    for (std::size_t s = 0; s < steps.stages.size(); ++s) time.stages[s] += steps.stages[s];
  }

  const Traffic& traffic_;
  const ServerConfig& config_;
  std::vector<int> ended_;
  std::map<std::uint32_t, Times> times_;
};

}  // namespace rigsim::workloads::test
