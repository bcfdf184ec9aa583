#include <gtest/gtest.h>

#include "tests/workloads/serving/schedule_trace.h"

namespace rigsim::workloads {
namespace {

using test::expect_schedule;
using Lines = std::vector<std::string>;

// Derived from TGI 2.3's backends/v3/src: batching_task of backend.rs and State::next_batch of
// queue.rs, as read at huggingface/text-generation-inference@1d0847a and @b3760df, and
// SimpleAllocator of block_allocator.rs (@136bcc8). Twelve blocks of 4 tokens, one of them kept for
// health checks, max_batch_prefill_tokens 16, max_batch_size 5:
//
// - A batch of prompts is what waits in turn: while their tokens are at most 16, and with all that
//   they may answer at most the 48 tokens less the blocks of those that run. Blocks for prompt +
//   output - 1 are theirs at once. It runs alone, while the others pause.
// - With sequences running, at least floor(0.3 x running) prompts have to be in it. One such batch
//   may come, then all decode. The first batch after a pause may be followed by a second at once.
TEST(TgiSchedule, IsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 | | 8", "8 x 0 1 | | | 8",
                       "1 x | 2:14@0 | | 8",      "2 x 1 2 | | | 8",
                       "1 x | 3:3@0 | | 8",       "1 x 1 3 | | | 8",
                       "1 x | 4:15@0 | | 8",      "1 x 3 4 | | | 8",
                       "1 x | 5:6@0 6:4@0 | | 8", "1 x 3 5 | | | 7",
                       "1 x | 7:11@0 | | 11",     "3 x 3 5 7 | | | 11",
                       "1 x | 8:7@0 | | 11",      "2 x 3 5 8 | | | 11",
                       "4 x 3 8 | | | 8",         "1 x | 9:2@0 | | 8",
                       "2 x 8 9 | | | 8",         "1 x | 10:13@0 | | 8",
                       "2 x 9 10 | | | 8",        "1 x | 11:8@0 | | 8",
                       "6 x 9 11 | | | 8",        "1 x | 12:13@0 13:1@0 | | 11",
                       "1 x 9 12 13 | | | 11",    "1 x | 14:10@0 | | 10",
                       "2 x 12 13 14 | | | 10",   "1 x | 15:6@0 16:3@0 | | 10",
                       "5 x 13 15 16 | | | 10",   "1 x | 17:12@0 | | 11",
                       "1 x 15 16 17 | | | 11",   "1 x | 18:5@0 | | 11",
                       "1 x 15 16 18 | | | 11",   "2 x 15 18 | | | 8",
                       "1 x | 19:14@0 | | 8",     "2 x 18 19 | | | 8",
                       "3 x 18 | | | 4"};
  expect_schedule(TgiBatching{}, expected);
}

// waiting_served_ratio 1.2, max_waiting_tokens 4: one prompt has to wait for as many as run, or
// until three steps have decoded since the last ones.
TEST(TgiSchedule, PromptsWaitForOthersButNotForLong) {
  const Lines expected{
      "1 x | 0:7@0 1:5@0 | | 8", "8 x 0 1 | | | 8",     "1 x | 2:14@0 | | 8",
      "2 x 1 2 | | | 8",         "1 x | 3:3@0 | | 8",   "1 x 1 3 | | | 8",
      "1 x | 4:15@0 | | 8",      "1 x 3 4 | | | 8",     "1 x | 5:6@0 6:4@0 | | 8",
      "3 x 3 5 | | | 7",         "1 x | 7:11@0 | | 11", "3 x 3 5 7 | | | 11",
      "1 x | 8:7@0 | | 8",       "4 x 3 8 | | | 8",     "1 x | 9:2@0 | | 8",
      "4 x 8 9 | | | 8",         "1 x | 10:13@0 | | 8", "2 x 9 10 | | | 8",
      "1 x | 11:8@0 | | 8",      "5 x 9 11 | | | 8",    "1 x | 12:13@0 13:1@0 | | 11",
      "1 x 11 12 13 | | | 11",   "2 x 12 13 | | | 7",   "1 x | 14:10@0 15:6@0 | | 10",
      "2 x 13 14 15 | | | 10",   "1 x 13 15 | | | 7",   "1 x | 16:3@0 | | 10",
      "2 x 13 15 16 | | | 10",   "1 x 15 16 | | | 7",   "1 x | 17:12@0 | | 11",
      "1 x 15 16 17 | | | 11",   "2 x 15 16 | | | 7",   "1 x | 18:5@0 | | 7",
      "1 x 16 18 | | | 7",       "1 x | 19:14@0 | | 8", "2 x 18 19 | | | 8",
      "5 x 18 | | | 4"};
  expect_schedule(TgiBatching{.waiting_served_ratio = 1.2, .max_waiting_tokens = 4}, expected);
}

}  // namespace
}  // namespace rigsim::workloads
