#pragma once

#include <gtest/gtest.h>

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
    EXPECT_GE(steps.start, last_end_[steps.replica]);
    last_end_[steps.replica] = steps.start + steps.duration();
    EXPECT_GE(steps.kv_blocks_held, 0);
    EXPECT_LE(steps.kv_blocks_held, config_.limits.kv_blocks);
    EXPECT_LE(steps.decodes + steps.chunks, config_.limits.max_sequences);
    if (steps.prompt_tokens > 0) {
      EXPECT_LE(steps.decodes + steps.prompt_tokens, most_tokens());
    }
    prompt_tokens += steps.prompt_tokens;
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
  }

  std::int64_t prompt_tokens = 0;
  std::int64_t answered = 0;
  std::int64_t expected = 0;
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

  const Traffic& traffic_;
  const ServerConfig& config_;
  std::vector<int> ended_;
  std::map<std::uint32_t, Ticks> last_end_;
};

}  // namespace rigsim::workloads::test
