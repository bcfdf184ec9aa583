#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/schedule_trace.h"
#include "workloads/serving/batch_state.h"

namespace rigsim::workloads {
namespace {

using test::CheckingObserver;
using test::expect_schedule;
using Lines = std::vector<std::string>;

constexpr VllmV0Batching kSwap{.watermark = 0.1, .swap = true};

BatchLimits limits_with(std::int64_t swap_blocks) {
  BatchLimits limits = test::traced_limits();
  limits.swap_blocks = swap_blocks;
  return limits;
}

// Derived from vLLM 0.6's vllm/core/scheduler.py with --preemption-mode swap (_preempt_by_swap,
// _schedule_swapped) and block_manager_v2.py (_can_swap):
//
// - Who has to go, in the order of vLLM V0's schedule, leaves its blocks on the host: its tokens
//   stand in ceil(computed / 4) of them. It waits behind those that are there.
// - While anyone is swapped out no prompt comes in. In a step in which nobody has to go, and after
//   all that run have their blocks, the first of the swapped ones comes back where its full blocks
//   and one for its next token leave the watermark free: int(0.1 x 11) = 1. It decodes in that
//   step.
// - In the ninth line the 10 tokens of request 3 (its prompt and 7 steps) stand in 3 blocks: they
//   leave 11 - 8 free. Next 3 of 0 to 3 are answered, 2 full blocks and one fit, and 3 comes back.
//
// The lines come from a program that follows the source's loops; with recomputation it gives those
// of vllm_v0_schedule_test.cc.
TEST(VllmV0Swap, IsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 | | 4",
                       "1 x | 2:14@0 | | 8",
                       "1 x | 3:3@0 | | 9",
                       "1 x 0 1 2 3 | | | 9",
                       "1 x 0 1 2 3 | | | 11",
                       "1 x 0 1 3 | | | 7",
                       "2 x 0 1 3 | | | 8",
                       "2 x 0 1 3 | | | 10",
                       "1 x 0 1 | | 3 | 8 out 3",
                       "1 x 1 3 | | | 7 in 3",
                       "1 x 1 3 | | | 7",
                       "1 x 1 3 | | | 8",
                       "1 x | 4:15@0 | | 8",
                       "1 x | 5:6@0 | | 10",
                       "1 x 3 4 5 | | | 10",
                       "1 x | 6:4@0 7:11@0 | | 10",
                       "1 x 3 5 7 | | | 9",
                       "1 x | 8:7@0 9:2@0 | | 8",
                       "1 x 5 7 8 9 | | | 10",
                       "1 x 5 7 8 | | 9 | 10 out 1",
                       "1 x 5 8 9 | | | 7 in 1",
                       "1 x 5 8 9 | | | 8",
                       "1 x | 10:13@0 | | 9",
                       "1 x 8 9 10 | | | 9",
                       "1 x 8 9 10 | | | 10",
                       "1 x | 11:8@0 | | 8",
                       "1 x 8 9 11 | | | 9",
                       "1 x 8 9 11 | | | 10",
                       "1 x | 12:13@0 | | 10",
                       "2 x 9 11 12 | | | 10",
                       "1 x 9 11 | | 12 | 7 out 4",
                       "1 x 9 11 | | | 8",
                       "1 x 12 | | | 4 in 4",
                       "1 x | 13:1@0 14:10@0 | | 4",
                       "1 x | 15:6@0 16:3@0 | | 7",
                       "1 x | 17:12@0 | | 10",
                       "1 x 13 14 15 16 17 | | | 11",
                       "1 x | 18:5@0 | | 9",
                       "1 x 13 14 15 16 18 | | | 10",
                       "1 x 13 15 16 18 | | | 8",
                       "1 x 13 15 16 18 | | | 9",
                       "1 x 13 15 16 18 | | | 10",
                       "1 x 13 15 16 | | 18 | 8 out 3",
                       "1 x 13 15 16 | | | 9",
                       "1 x 13 15 18 | | | 10 in 3",
                       "1 x 15 18 | | | 7",
                       "1 x | 19:14@0 | | 7",
                       "1 x 18 19 | | | 7",
                       "1 x 18 19 | | | 8"};
  expect_schedule(kSwap, expected, limits_with(20));
}

// Request 12 goes with 15 tokens: 4 blocks.
TEST(VllmV0Swap, EndsWhereTheSwapSpaceIsFull) {
  EXPECT_NO_THROW((void)test::schedule_of(kSwap, test::traced_requests(), limits_with(4)));
  EXPECT_THROW((void)test::schedule_of(kSwap, test::traced_requests(), limits_with(3)),
               SwapSpaceFull);
}

// Full blocks alone, and yet the check counts one more for the next token, as the source's.
TEST(VllmV0Swap, CountsABlockForTheNextToken) {
  const auto swap_out = [](std::int64_t swap_blocks) {
    BatchState state(limits_with(swap_blocks));
    Sequence sequence;
    sequence.prompt = sequence.target = 8;
    sequence.output = 4;
    state.arrive(sequence, {}, false);
    StepPlan plan;
    const Slot slot = state.admit({});
    state.grow(slot, 8);
    state.schedule_chunk(slot, 8, plan);
    state.swap_out(slot, plan);
    EXPECT_EQ(plan.copies.out, 2);
    EXPECT_EQ(state.pool().held(), 0);
    return state.swap_held();
  };
  EXPECT_EQ(swap_out(3), 2);
  EXPECT_THROW(swap_out(2), SwapSpaceFull);
}

/// A prompt of n tokens takes 10 n + n^2 / 100 us, a step of decoding 1 ms.
class QuadraticCost final : public StepCost {
 public:
  StepRun decode(const DecodeLoad&) override {
    return {to_ticks(std::chrono::milliseconds(1)), 0, std::int64_t{1} << 40};
  }
  Ticks mixed(const DecodeLoad&, std::span<const PromptChunk> chunks) override {
    std::int64_t hundredths = 0;
    for (const PromptChunk& each : chunks)
      hundredths += 1'000 * each.tokens + each.tokens * each.tokens;
    return to_ticks(std::chrono::nanoseconds(10 * hundredths));
  }
};

struct Ends {
  sim::Time first;
  sim::Time second;
};

/// Two requests of `prompt` tokens at once, blocks of 16 tokens: as many as both prompts take and
/// one more. A block takes 100 us to the host and 200 us back.
Ends two_requests(std::int64_t prompt, bool swap) {
  Traffic traffic;
  traffic.requests.assign(2, TrafficRequest{});
  for (TrafficRequest& request : traffic.requests) {
    request.prompt_tokens = prompt;
    request.output_tokens = 32;
  }
  ServerConfig config;
  config.batching = VllmV0Batching{.watermark = 0, .swap = swap};
  config.limits.step_tokens = 100'000;
  config.limits.prefix_caching = false;
  config.limits.kv_blocks = 2 * (prompt / 16) + 1;
  config.limits.swap_blocks = 10'000;
  QuadraticCost cost;
  const Station station{
      &cost,
      StationKind::kStage,
      {},
      nullptr,
      {to_ticks(std::chrono::microseconds(100)), to_ticks(std::chrono::microseconds(200))}};
  CheckingObserver observer(traffic, config);
  const auto records = serve(traffic, config, std::span(&station, 1), observer);
  observer.finish();
  EXPECT_EQ(records[1].preemptions, 1U);
  if (swap) {
    EXPECT_EQ(observer.swapped_out, prompt / 16);
  }
  return {records[0].finished, records[1].finished};
}

sim::Duration us(std::int64_t count) { return std::chrono::microseconds(count); }

// L = 16 b tokens: both prompts take 2 (10 L + L^2 / 100) us. Then the first takes the only block
// that is left, and the second has to go with its b blocks, which delays that step by 100 b us. The
// first needs 31 steps for its other tokens. After these the second comes back: by 200 b us and 31
// steps, or as a prompt of L + 1 tokens, which answers one of its 31.
TEST(VllmV0Swap, TakesTheTimeOfTheCopies) {
  for (const std::int64_t prompt : {32, 160, 1'600}) {
    const std::int64_t blocks = prompt / 16;
    const auto computed = [](std::int64_t tokens) {
      return std::chrono::nanoseconds(10 * (1'000 * tokens + tokens * tokens));
    };
    const Ends swap = two_requests(prompt, true);
    const sim::Duration prompts = 2 * computed(prompt);
    EXPECT_EQ(swap.first - sim::Time{}, prompts + us(31'000 + 100 * blocks));
    EXPECT_EQ(swap.second - swap.first, us(31'000 + 200 * blocks));
    const Ends anew = two_requests(prompt, false);
    EXPECT_EQ(anew.first - sim::Time{}, prompts + us(31'000));
    EXPECT_EQ(anew.second - anew.first, us(30'000) + computed(prompt + 1));
  }
}

// Both ways answer 32 tokens. Swapping costs 300 us for 16 tokens, and a step: 18.75 L + 1,000 us;
// computing anew 10 (L + 1) + (L + 1)^2 / 100. They meet at L = 974.6: below it pays to compute.
TEST(VllmV0Swap, PaysFromWhereAttentionGrowsBeyondTheLink) {
  for (const std::int64_t prompt : {32, 512, 960}) {
    EXPECT_GT(two_requests(prompt, true).second, two_requests(prompt, false).second) << prompt;
  }
  for (const std::int64_t prompt : {976, 2'048, 8'192}) {
    EXPECT_LT(two_requests(prompt, true).second, two_requests(prompt, false).second) << prompt;
  }
}

}  // namespace
}  // namespace rigsim::workloads
