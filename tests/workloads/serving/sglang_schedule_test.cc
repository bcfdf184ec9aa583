#include <gtest/gtest.h>

#include "tests/workloads/serving/schedule_trace.h"

namespace rigsim::workloads {
namespace {

using test::expect_schedule;
using test::schedule_of;
using test::traced_limits;
using Lines = std::vector<std::string>;

// Derived from SGLang 0.5.9's python/sglang/srt/managers: scheduler.py (get_next_batch_to_run,
// _get_new_batch_prefill_raw, update_running_batch), schedule_policy.py (PrefillAdder.add_one_req,
// add_chunked_req, budget_state) and schedule_batch.py (retract_decode), as read at
// 40349/sglang-v.0.5.9@00041e5, a copy of that release with an addition of its own (sub-contexts),
// which is left out. Pages of 4 tokens, chunks of 16, no radix cache:
//
// - A step is all prompts or all decoding, prompts first. One comes in while its tokens and those
// of
//   its answer are less than the free ones, less new_token_ratio x what running ones may still
//   answer (0.7 at first, 1 / 600 of the way to 0.098 less with each decode step) and what came in
//   before it in this step, answers whole. It is cut to what is left of the chunk, in whole pages.
// - Where tokens were too few the batch is full, until one that has ended is taken out of it: that
//   is when the next decode step is formed, so that prompts come in one step later.
// - Where pages are too few for a token each, who has answered least goes, of these the longest
//   prompt, and waits behind all others.
//
// So request 2 waits for 1 alone: 14 + 3 >= 44 - 20 - 0.7 x 13 while 0 and 1 decode. 4 comes with
// 12 of its tokens beside 3, and the chunk of 16 is used up.
TEST(SglangSchedule, IsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 | | 4",
                       "1 x 0 1 | | | 4",
                       "2 x 0 1 | | | 5",
                       "2 x 0 1 | | | 6",
                       "2 x 0 1 | | | 7",
                       "1 x 0 1 | | | 8",
                       "1 x 1 | | | 4",
                       "1 x | 2:14@0 | | 8",
                       "2 x 1 2 | | | 8",
                       "1 x | 3:3@0 4:12@0 | | 4",
                       "1 x | 4:3@12 5:6@0 | | 7",
                       "1 x 3 4 5 | | | 7",
                       "1 x 3 5 | | | 4",
                       "1 x | 6:4@0 | | 5",
                       "1 x | 7:11@0 | | 7",
                       "1 x 3 5 7 | | | 8",
                       "2 x 3 5 7 | | | 9",
                       "1 x 3 5 | | | 6",
                       "1 x | 8:7@0 | | 5",
                       "1 x 3 8 | | | 5",
                       "1 x | 9:2@0 | | 6",
                       "2 x 3 8 9 | | | 7",
                       "2 x 3 8 9 | | | 9",
                       "1 x 3 8 9 | | | 10",
                       "1 x 8 9 | | | 6",
                       "1 x 8 9 | | | 7",
                       "1 x 9 | | | 3",
                       "1 x | 10:13@0 | | 7",
                       "2 x 9 10 | | | 7",
                       "1 x 9 | | | 4",
                       "1 x | 11:8@0 12:8@0 | | 4",
                       "1 x | 12:5@8 13:1@0 | | 7",
                       "3 x 11 12 13 | | | 8",
                       "1 x 11 13 | | | 5",
                       "1 x | 14:10@0 | | 8",
                       "2 x 11 13 14 | | | 9",
                       "1 x 13 | | | 2",
                       "1 x | 15:6@0 16:3@0 | | 5",
                       "1 x 13 15 16 | | | 6",
                       "1 x 15 16 | | | 4",
                       "1 x | 17:12@0 | | 7",
                       "1 x 15 16 17 | | | 9",
                       "1 x 15 16 | | | 5",
                       "1 x | 18:5@0 | | 7",
                       "1 x 15 16 18 | | | 7",
                       "1 x 15 16 18 | | | 8",
                       "1 x 15 16 18 | | | 9",
                       "2 x 15 18 | | | 7",
                       "1 x 18 | | | 3",
                       "1 x | 19:14@0 | | 7",
                       "1 x 18 19 | | | 7",
                       "1 x 18 19 | | | 8"};
  expect_schedule(SglangBatching{}, expected);
}

// A fifth of the ratio and 9 blocks: too many come in, and some have to go.
TEST(SglangSchedule, RetractsWhoHasAnsweredLeast) {
  const Lines expected{"1 x | 0:7@0 1:5@0 | | 4",
                       "1 x | 2:14@0 | | 8",
                       "1 x 0 1 2 | | | 8",
                       "1 x 0 1 2 | | | 9",
                       "1 x 0 1 | | | 5",
                       "2 x 0 1 | | | 6",
                       "2 x 0 1 | | | 7",
                       "1 x 0 1 | | | 8",
                       "1 x 1 | | | 4",
                       "1 x | 3:3@0 | | 5",
                       "1 x 1 3 | | | 5",
                       "1 x 1 3 | | | 6",
                       "1 x 3 | | | 2",
                       "1 x | 4:15@0 | | 6",
                       "1 x 3 4 | | | 6",
                       "1 x 3 | | | 2",
                       "1 x | 5:6@0 6:4@0 | | 5",
                       "1 x | 7:11@0 | | 7",
                       "1 x 3 5 7 | | | 8",
                       "1 x 3 5 7 | | | 9",
                       "1 x 3 5 | | 7 | 6",
                       "1 x 3 5 | | | 6",
                       "2 x 3 5 | | | 7",
                       "1 x 3 | | | 4",
                       "1 x | 8:7@0 9:2@0 | | 3",
                       "1 x 8 9 | | | 3",
                       "1 x 8 9 | | | 4",
                       "3 x 8 9 | | | 5",
                       "1 x 8 9 | | | 6",
                       "2 x 8 9 | | | 7",
                       "1 x 9 | | | 3",
                       "1 x | 10:13@0 | | 7",
                       "1 x 9 10 | | | 7",
                       "1 x 9 10 | | | 8",
                       "1 x | 11:8@0 12:8@0 | | 4",
                       "1 x | 12:5@8 | | 6",
                       "3 x 11 12 | | | 7",
                       "1 x 11 | | | 3",
                       "1 x | 13:1@0 | | 4",
                       "2 x 11 13 | | | 5",
                       "1 x 13 | | | 1",
                       "1 x | 14:10@0 15:4@0 | | 5",
                       "1 x | 15:2@4 | | 6",
                       "2 x 13 14 15 | | | 7",
                       "1 x 13 15 | | | 5",
                       "1 x | 16:3@0 | | 6",
                       "1 x 13 15 16 | | | 6",
                       "1 x 13 15 16 | | | 8",
                       "1 x 15 16 | | | 5",
                       "1 x | 17:12@0 | | 8",
                       "1 x 15 16 | | 17 | 6",
                       "1 x 15 16 | | | 6",
                       "1 x 15 16 | | | 7",
                       "1 x 16 | | | 3",
                       "1 x | 18:5@0 19:8@0 | | 4",
                       "1 x | 19:6@8 | | 6",
                       "2 x 18 19 | | | 6",
                       "1 x 18 | | | 2",
                       "1 x | 7:14@0 | | 6",
                       "1 x | 17:13@0 | | 6",
                       "4 x 18 | | | 3",
                       "1 x 18 | | | 4"};
  BatchLimits limits = traced_limits();
  limits.kv_blocks = 9;
  expect_schedule(SglangBatching{.conservativeness = 0.2}, expected, limits);
}

// event_loop_overlap: a step is formed when the one in front of it starts. That a sequence has
// ended shows a step later, so it has a row more (+1) and its blocks until then; of a retracted one
// the token on its way is thrown away.
TEST(SglangSchedule, OverlappedIsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 | | 4",
                       "1 x | 2:14@0 | | 8",
                       "1 x 0 1 2 | | | 8",
                       "1 x 0 1 2 | | | 9",
                       "1 x 1 0 | | 2 | 5",
                       "2 x 1 0 | | | 6",
                       "2 x 1 0 | | | 7",
                       "1 x 1 0 | | | 8",
                       "1 x 1 +1 | | | 8",
                       "1 x 1 | | | 4",
                       "1 x | 3:3@0 | | 5",
                       "1 x 1 3 | | | 5",
                       "1 x 3 +1 | | | 7",
                       "1 x 3 | | | 2",
                       "1 x | 4:15@0 | | 6",
                       "1 x 3 4 | | | 6",
                       "1 x 3 +1 | | | 7",
                       "1 x 3 | | | 3",
                       "1 x | 5:6@0 | | 5",
                       "2 x 3 5 | | | 5",
                       "1 x 3 5 | | | 6",
                       "3 x 3 5 | | | 7",
                       "1 x +2 | | | 8",
                       "1 x | | | 0",
                       "1 x | 6:4@0 7:11@0 | | 4",
                       "1 x 7 +1 | | | 5",
                       "1 x 7 | | | 4",
                       "1 x | 2:16@0 | | 8",
                       "1 x 7 +1 | | | 9",
                       "1 x +1 | | | 4",
                       "1 x | 8:7@0 9:2@0 | | 3",
                       "1 x 8 9 | | | 3",
                       "1 x 8 9 | | | 4",
                       "3 x 8 9 | | | 5",
                       "1 x 8 9 | | | 6",
                       "2 x 8 9 | | | 7",
                       "1 x 9 +1 | | | 7",
                       "1 x 9 | | | 3",
                       "1 x | 10:13@0 | | 7",
                       "1 x 9 10 | | | 8",
                       "1 x 10 +1 | | | 8",
                       "1 x +1 | | | 4",
                       "1 x | 11:8@0 12:8@0 | | 4",
                       "1 x | 12:5@8 | | 6",
                       "3 x 11 12 | | | 7",
                       "1 x 11 +1 | | | 8",
                       "1 x 11 | | | 4",
                       "1 x | 13:1@0 | | 5",
                       "1 x 11 13 | | | 5",
                       "1 x 13 +1 | | | 5",
                       "1 x 13 | | | 1",
                       "1 x | 14:10@0 | | 4",
                       "2 x 13 14 | | | 5",
                       "1 x 13 +1 | | | 6",
                       "1 x 13 | | | 2",
                       "1 x | 15:6@0 | | 4",
                       "1 x 13 15 | | | 5",
                       "1 x 15 +1 | | | 5",
                       "1 x 15 | | | 3",
                       "1 x | 16:3@0 | | 4",
                       "1 x 15 16 | | | 4",
                       "2 x 15 16 | | | 5",
                       "2 x 15 16 | | | 6",
                       "1 x 15 16 | | | 7",
                       "1 x 16 +1 | | | 7",
                       "1 x +1 | | | 3",
                       "1 x | 17:12@0 18:4@0 | | 4",
                       "1 x | 18:1@4 | | 5",
                       "1 x 17 18 | | | 6",
                       "1 x 18 +1 | | | 6",
                       "1 x 18 | | | 2",
                       "1 x | 19:14@0 | | 6",
                       "2 x 18 19 | | | 7",
                       "1 x 18 +1 | | | 8",
                       "1 x 18 | | | 3",
                       "1 x 18 | | | 4",
                       "1 x +1 | | | 4",
                       "1 x | | | 0"};
  BatchLimits limits = traced_limits();
  limits.kv_blocks = 9;
  limits.async_scheduling = true;
  expect_schedule(SglangBatching{.conservativeness = 0.2}, expected, limits);
}

// Requests 1 and 2 have 16 and 32 tokens of the prompt that 0 leaves; 3 and 4 share 32 that nobody
// has, so that 4 goes behind 5: it finds them when 3 has computed them.
TEST(SglangSchedule, TakesTheLongestCachedPrefixFirst) {
  BatchLimits limits = traced_limits();
  limits.kv_blocks = 200;
  limits.step_tokens = 104;
  limits.prefix_caching = true;
  const std::vector<test::TracedRequest> requests{
      {0, 40, 1, 0, {1, 2, 3, 4, 5}},      {1, 41, 1, 0, {1, 2, 13, 14, 15}},
      {1, 44, 1, 0, {1, 2, 3, 4, 25}},     {1, 44, 1, 0, {31, 32, 33, 34, 35}},
      {1, 44, 1, 0, {31, 32, 33, 34, 36}}, {1, 20, 1, 0, {41, 42}}};
  expect_schedule(
      SglangBatching{.longest_prefix_first = true},
      {"1 x | 0:40@0 | | 10", "1 x | 2:12@32 1:25@16 3:44@0 5:20@0 | | 34", "1 x | 4:12@32 | | 11"},
      limits, requests);
  const Lines in_turn = schedule_of(SglangBatching{}, requests, limits);
  EXPECT_EQ(in_turn[1], "1 x | 1:25@16 2:12@32 3:44@0 4:20@0 | | 34");
}

}  // namespace
}  // namespace rigsim::workloads
