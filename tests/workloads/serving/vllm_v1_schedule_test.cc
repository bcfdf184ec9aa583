#include <gtest/gtest.h>

#include "tests/workloads/serving/schedule_trace.h"

namespace rigsim::workloads {
namespace {

using test::expect_schedule;
using test::traced_limits;
using Lines = std::vector<std::string>;

// Derived from vLLM 0.19's vllm/v1/core/sched/scheduler.py, schedule(), and kv_cache_manager.py,
// allocate_slots(), as read at vllm-project/vllm@00024d3 and @003df29: versions around 0.19, the
// first without scheduler_reserve_full_isl, the second with a watermark, which is 0 by default.
//
// - A request has computed c of its t tokens (prompt and answered). The running ones come first, in
//   the order of admission, each with min(t - c, budget) tokens until the budget of 16 is used up.
// - It needs blocks for c + those tokens. Where they are not free the last of the running goes: its
//   blocks are free, its c is 0, it waits in front. The request itself may be the last.
// - Only where nobody was preempted are waiting ones admitted: while there are fewer than 5, the
//   budget lasts, and all t tokens fit the free blocks (scheduler_reserve_full_isl), though blocks
//   are taken for the chunk alone. Nothing is kept free (no watermark).
//
// So in step 2 the third prompt goes on with 10 tokens beside two that decode, and request 3 comes
// in; a token is left, but request 4 would need 4 blocks of 2. In step 12, 3 grows beyond 12 tokens
// and 4 goes; it comes back with its 15 tokens and the one that it had answered.
TEST(VllmV1Schedule, IsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 2:4@0 | | 5",
                       "1 x 0 1 | 2:10@4 3:3@0 | | 9",
                       "1 x 0 1 2 3 | | | 10",
                       "1 x 0 1 2 3 | | | 11",
                       "2 x 0 1 3 | | | 8",
                       "1 x 0 1 3 | | | 9",
                       "1 x 0 1 3 | | | 10",
                       "1 x 0 1 3 | | | 11",
                       "1 x 1 3 | 4:14@0 | | 11",
                       "1 x 1 3 | 4:1@14 | | 11",
                       "1 x 1 3 | | 4 | 8",
                       "1 x 3 | 4:15@0 | | 8",
                       "1 x 3 | 4:1@15 5:6@0 6:4@0 | | 11",
                       "1 x 5 | 7:11@0 8:4@0 | | 6",
                       "1 x 5 7 | 8:3@4 9:2@0 | | 8",
                       "1 x 5 7 8 9 | | | 10",
                       "1 x 5 7 8 9 | | | 11",
                       "2 x 5 8 9 | | | 8",
                       "1 x 8 9 | 10:13@0 11:1@0 | | 10",
                       "1 x 8 9 10 | | 11 | 10",
                       "1 x 8 9 10 | | | 11",
                       "1 x 8 9 | 11:8@0 | | 9",
                       "1 x 9 11 | 12:13@0 13:1@0 | | 11",
                       "1 x 9 11 12 13 | | | 11",
                       "1 x 9 11 12 | | 13 | 11",
                       "1 x 11 12 | 13:3@0 14:10@0 | | 11",
                       "1 x 11 13 14 | 15:6@0 16:3@0 | | 11",
                       "1 x 11 13 14 15 | | 16 | 11",
                       "1 x 13 15 | 16:4@0 17:10@0 | | 8",
                       "1 x 13 15 16 | 17:2@10 | | 10",
                       "1 x 13 15 16 17 | | | 11",
                       "1 x 13 15 16 | 18:5@0 | | 10",
                       "1 x 15 16 18 | 19:13@0 | | 11",
                       "1 x 15 16 18 | | 19 | 9",
                       "1 x 15 16 18 | | | 9",
                       "1 x 15 18 | 19:14@0 | | 11",
                       "2 x 18 19 | | | 7",
                       "1 x 18 | | | 3",
                       "1 x 18 | | | 4"};
  expect_schedule(VllmV1Batching{}, expected);
}

// The same with --scheduling-policy priority: the queue is a heap by priority, then arrival, and
// who goes is the last of the running by the same order, be it scheduled in this step already: then
// it is taken out again and its tokens are the budget's.
TEST(VllmV1Schedule, ByPriorityIsThatOfTheSource) {
  const Lines expected{"1 x | 1:5@0 0:7@0 2:4@0 | | 5",
                       "1 x 1 0 | 2:10@4 | | 8",
                       "2 x 1 0 2 | | | 9",
                       "1 x 1 0 | 4:14@0 | | 10",
                       "1 x 1 0 | 4:1@14 6:4@0 | | 11",
                       "1 x 1 0 4 | | | 11",
                       "1 x 1 0 | 8:7@0 3:3@0 | | 10",
                       "1 x 1 0 8 3 | | | 11",
                       "1 x 1 8 3 | 11:8@0 | | 11",
                       "1 x 1 8 11 | | 3 | 10",
                       "1 x 1 8 11 | | | 10",
                       "1 x 8 11 | 3:6@0 5:6@0 9:2@0 | | 11",
                       "1 x 8 11 3 5 | | 9 | 11",
                       "1 x 8 11 3 | | 5 | 10",
                       "1 x 8 11 3 | | | 11",
                       "1 x 3 | 14:10@0 5:5@0 | | 8",
                       "1 x 3 14 | 5:3@5 9:3@0 | | 9",
                       "1 x 3 14 5 9 | | | 10",
                       "3 x 3 5 9 | | | 9",
                       "1 x 9 | 17:12@0 12:3@0 | | 6",
                       "1 x 9 17 | 12:10@3 | | 11",
                       "1 x 9 12 | 13:1@0 16:3@0 18:5@0 | | 11",
                       "1 x 9 12 13 16 18 | | | 11",
                       "1 x 9 12 13 16 | | 18 | 10",
                       "1 x 9 13 16 | 18:7@0 | | 9",
                       "1 x 13 16 18 | 19:13@0 | | 10",
                       "1 x 13 16 18 | 19:1@13 | | 11",
                       "1 x 13 16 18 | | 19 | 8",
                       "1 x 13 16 18 | | | 8",
                       "1 x 13 18 | 19:14@0 | | 10",
                       "1 x 18 | 19:1@14 7:11@0 | | 11",
                       "1 x 19 7 | 10:13@0 | | 11",
                       "1 x 7 10 | 15:6@0 | | 10",
                       "1 x 7 10 15 | | | 10",
                       "1 x 15 | | | 2",
                       "4 x 15 | | | 3",
                       "3 x 15 | | | 4"};
  expect_schedule(VllmV1Batching{.by_priority = true}, expected);
}

// Request 0 is looked at first, needs a block, and is itself the least urgent: it goes, and
// schedule() ends with nothing. The engine asks again at once, and 1 goes on.
TEST(VllmV1Schedule, AsksAgainWhereTheFirstOneHadToGo) {
  BatchLimits limits = traced_limits();
  limits.kv_blocks = 2;
  expect_schedule(
      VllmV1Batching{.by_priority = true},
      {"1 x | 0:3@0 | | 1", "1 x 0 | 1:4@0 | | 2", "1 x 1 | | 0 | 2", "1 x | 0:5@0 | | 2"}, limits,
      {{0, 3, 3, 2}, {1, 4, 2, 1}});
}

// Without scheduler_reserve_full_isl the blocks of the first chunk are enough for admission.
TEST(VllmV1Schedule, AdmittingByTheFirstChunkIsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 2:4@0 | | 5",
                       "1 x 0 1 | 2:10@4 3:3@0 4:1@0 | | 10",
                       "1 x 0 1 2 3 | | 4 | 10",
                       "1 x 0 1 2 3 | | | 11",
                       "2 x 0 1 3 | | | 8",
                       "1 x 0 1 3 | | | 9",
                       "1 x 0 1 3 | | | 10",
                       "1 x 0 1 3 | | | 11",
                       "1 x 1 3 | 4:14@0 | | 11",
                       "1 x 1 3 | 4:1@14 | | 11",
                       "1 x 1 3 | | 4 | 8",
                       "1 x 3 | 4:15@0 | | 8",
                       "1 x 3 | 4:1@15 5:6@0 6:4@0 | | 11",
                       "1 x 5 | 7:11@0 8:4@0 | | 6",
                       "1 x 5 7 | 8:3@4 9:2@0 10:9@0 | | 11",
                       "1 x 5 7 8 9 | | 10 | 10",
                       "1 x 5 7 8 9 | | | 11",
                       "2 x 5 8 9 | | | 8",
                       "1 x 8 9 | 10:13@0 11:1@0 | | 10",
                       "1 x 8 9 10 | | 11 | 10",
                       "1 x 8 9 10 | | | 11",
                       "1 x 8 9 | 11:8@0 12:6@0 | | 11",
                       "1 x 9 11 | 12:7@6 13:1@0 | | 11",
                       "1 x 9 11 12 13 | | | 11",
                       "1 x 9 11 12 | | 13 | 11",
                       "1 x 11 12 | 13:3@0 14:10@0 | | 11",
                       "1 x 11 13 14 | 15:6@0 16:3@0 | | 11",
                       "1 x 11 13 14 15 | | 16 | 11",
                       "1 x 13 15 | 16:4@0 17:10@0 | | 8",
                       "1 x 13 15 16 | 17:2@10 | | 10",
                       "1 x 13 15 16 17 | | | 11",
                       "1 x 13 15 16 | 18:5@0 | | 10",
                       "1 x 15 16 18 | 19:13@0 | | 11",
                       "1 x 15 16 18 | | 19 | 9",
                       "1 x 15 16 18 | | | 9",
                       "1 x 15 18 | 19:14@0 | | 11",
                       "2 x 18 19 | | | 7",
                       "1 x 18 | | | 3",
                       "1 x 18 | | | 4"};
  expect_schedule(VllmV1Batching{.reserve_prompt = false}, expected);
}

// With --long-prefill-token-threshold 6 no chunk of a prompt is longer, running or waiting.
TEST(VllmV1Schedule, WithShortChunksIsThatOfTheSource) {
  const Lines expected{"1 x | 0:6@0 1:5@0 2:5@0 | | 6",
                       "1 x 1 | 0:1@6 2:6@5 3:3@0 | | 8",
                       "1 x 0 1 3 | 2:3@11 | | 9",
                       "1 x 0 1 2 3 | | | 11",
                       "1 x 0 1 2 | | 3 | 10",
                       "1 x 0 1 | 3:6@0 | | 8",
                       "1 x 0 1 3 | | | 8",
                       "1 x 0 1 3 | | | 9",
                       "2 x 0 1 3 | | | 11",
                       "1 x 1 3 | 4:6@0 5:6@0 | | 11",
                       "1 x 1 3 | 4:6@6 | 5 | 10",
                       "1 x 3 | 4:3@12 5:6@0 6:4@0 | | 11",
                       "1 x 3 4 | 5:1@6 | | 10",
                       "1 x 3 5 | 7:6@0 8:6@0 9:2@0 | | 11",
                       "1 x 5 9 | 7:5@6 8:1@6 | | 9",
                       "1 x 5 7 8 9 | | | 9",
                       "1 x 5 7 8 | | 9 | 10",
                       "1 x 5 7 8 | | | 10",
                       "1 x 8 | 9:5@0 10:6@0 11:4@0 | | 8",
                       "1 x 8 9 | 10:6@6 11:4@4 | | 10",
                       "1 x 8 9 | 10:1@12 | 11 | 10",
                       "1 x 8 9 10 | | | 10",
                       "1 x 8 9 10 | | | 11",
                       "1 x 9 | 11:6@0 12:6@0 13:1@0 14:2@0 | | 9",
                       "1 x 9 13 | 11:3@6 12:6@6 | 14 | 10",
                       "1 x 9 11 13 | 12:1@12 | | 11",
                       "1 x 9 11 12 | | 13 | 11",
                       "1 x 11 12 | 13:4@0 14:6@0 | | 10",
                       "1 x 11 12 13 | | 14 | 10",
                       "1 x 11 13 | 14:6@0 15:6@0 16:2@0 | | 11",
                       "1 x 13 15 | 14:4@6 16:1@2 17:6@0 | | 10",
                       "1 x 13 14 15 16 | 17:6@6 | | 11",
                       "1 x 13 14 15 16 | | 17 | 11",
                       "1 x 15 16 | 17:6@0 18:5@0 | | 9",
                       "1 x 15 16 18 | 17:6@6 | | 10",
                       "1 x 15 16 18 | 17:1@12 | | 11",
                       "1 x 15 16 18 | | | 9",
                       "1 x 15 16 18 | | | 10",
                       "1 x 15 18 | 19:6@0 | | 9",
                       "1 x 18 | 19:6@6 | | 6",
                       "1 x 18 | 19:2@12 | | 7",
                       "1 x 18 19 | | | 8",
                       "1 x 19 | | | 4"};
  expect_schedule(VllmV1Batching{.long_prefill_tokens = 6}, expected);
}

}  // namespace
}  // namespace rigsim::workloads
