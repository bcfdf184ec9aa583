#include <gtest/gtest.h>

#include "tests/workloads/serving/schedule_trace.h"

namespace rigsim::workloads {
namespace {

using test::expect_schedule;
using Lines = std::vector<std::string>;

// Derived from vLLM 0.6's vllm/core/scheduler.py (_schedule_default, _schedule_prefills,
// _schedule_running), as read at ROCm/vllm@0f579c2, and block_manager_v2.py, at
// vllm-project/vllm@0067ddf:
//
// - A step is all prompts or all decoding. Prompts (and what was preempted, as one prompt) go
//   first, whole: while the next fits what is left of 16 tokens, fewer than 5 run, and its blocks
//   leave the watermark free: int(0.1 x 11) = 1.
// - Else each running one gets a token, in order. Before each, one block must be free, needed or
//   not; while none is, the last of those not yet scheduled is preempted, at the end the one
//   itself. Then nothing is left to run and the engine's next turn plans prompts again.
// - The preempted wait in front, the oldest of them first.
TEST(VllmV0Schedule, IsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 | | 4",
                       "1 x | 2:14@0 | | 8",
                       "1 x | 3:3@0 | | 9",
                       "1 x 0 1 2 3 | | | 9",
                       "1 x 0 1 2 3 | | | 11",
                       "1 x 0 1 3 | | | 7",
                       "2 x 0 1 3 | | | 8",
                       "2 x 0 1 3 | | | 10",
                       "1 x 0 1 | | 3 | 8",
                       "1 x | 3:11@0 | | 7",
                       "1 x 1 3 | | | 7",
                       "2 x 1 3 | | | 8",
                       "1 x | 4:15@0 | | 8",
                       "1 x | 5:6@0 | | 10",
                       "1 x 3 4 5 | | | 10",
                       "1 x | 6:4@0 7:11@0 | | 6",
                       "1 x | 8:7@0 9:2@0 | | 8",
                       "1 x 5 7 8 9 | | | 8",
                       "1 x 5 7 8 | | 9 | 10",
                       "1 x 5 7 8 | | | 10",
                       "1 x | 9:4@0 | | 7",
                       "2 x 5 8 9 | | | 8",
                       "1 x | 10:13@0 | | 9",
                       "2 x 8 9 10 | | | 10",
                       "1 x | 11:8@0 | | 8",
                       "1 x 8 9 11 | | | 10",
                       "1 x | 12:13@0 | | 10",
                       "3 x 9 11 12 | | | 10",
                       "1 x | 13:1@0 14:10@0 | | 10",
                       "1 x 9 11 13 | | 14 | 9",
                       "1 x | 14:11@0 | | 8",
                       "1 x | 15:6@0 | | 10",
                       "1 x 11 13 14 15 | | | 10",
                       "1 x | 16:3@0 17:12@0 | | 7",
                       "1 x | 18:5@0 | | 9",
                       "1 x 13 15 16 17 18 | | | 10",
                       "1 x | 19:14@0 | | 10",
                       "1 x 13 15 16 18 | | 19 | 9",
                       "1 x 13 15 16 18 | | | 9",
                       "2 x 13 15 16 18 | | | 10",
                       "1 x 13 15 16 | | 18 | 10",
                       "1 x | 18:11@0 | | 10",
                       "1 x 15 16 18 | | | 10",
                       "1 x 15 18 | | | 8",
                       "1 x | 19:15@0 | | 4",
                       "1 x 19 | | | 4"};
  expect_schedule(VllmV0Batching{.watermark = 0.1}, expected);
}

}  // namespace
}  // namespace rigsim::workloads
