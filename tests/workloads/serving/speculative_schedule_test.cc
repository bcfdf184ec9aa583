#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/serving/schedule_trace.h"

namespace rigsim::workloads {
namespace {

using test::expect_schedule;
using Lines = std::vector<std::string>;

BatchLimits speculating_limits(std::vector<double> acceptance, std::int64_t lookahead) {
  BatchLimits limits = test::traced_limits();
  limits.speculation.tokens = std::ssize(acceptance);
  limits.speculation.acceptance = std::move(acceptance);
  limits.speculation.lookahead = lookahead;
  limits.speculation.max_context = 40;
  return limits;
}

// Derived from vLLM 0.19's vllm/v1/core/sched/scheduler.py, schedule() and update_from_output(), as
// VllmV1Schedule in vllm_v1_schedule_test.cc, of which these are the requests and limits:
//
// - A request that has answered has K drafts: its tokens are t + K, it gets t + K - c = 1 + K of
//   the budget, fewer where that ends.
// - When the step has ended, c falls by the rejected drafts; blocks stay. What goes beyond the end
//   of the answer is computed all the same.
// - A preempted request loses its drafts; its prompt and answer come back as a prompt.
//
// Without a draft model nothing is scheduled ahead and no slot is needed beyond c. In the second
// step 0 and 1 have 4 tokens each, and 2 takes the 8 that are left.
TEST(SpeculativeSchedule, WithoutADraftModelIsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 2:4@0 | | 5",
                       "1 x 0+3 1+3 | 2:8@4 | | 9",
                       "1 x 0+3 1+3 | 2:2@12 | | 11",
                       "1 x 0+3 1+3 | | 2 | 7",
                       "1 x 1+3 | 2:12@0 | | 7",
                       "1 x 1+3 | 2:3@12 3:3@0 | | 10",
                       "1 x 2+3 3+3 | 4:8@0 | | 9",
                       "1 x 3+3 | 4:7@8 5:5@0 | | 9",
                       "1 x 3+3 4+3 | 5:1@5 6:4@0 | | 11",
                       "1 x 3+3 5+3 | 7:8@0 | | 9",
                       "1 x 3+3 5+3 | 7:3@8 | | 10",
                       "1 x 3+3 5+3 | | 7 | 9",
                       "1 x | 7:12@0 8:4@0 | | 4",
                       "1 x 7+3 | 8:3@4 9:2@0 10:7@0 | | 9",
                       "1 x 8+3 9+3 | 10:6@7 11:2@0 | | 10",
                       "1 x 8+3 9+3 10+3 | | 11 | 11",
                       "1 x 9+3 10+3 | 11:8@0 | | 9",
                       "1 x 9+3 11+3 | 12:8@0 | | 8",
                       "1 x 9+3 11+3 | 12:5@8 | | 11",
                       "1 x 9+3 11+3 | | 12 | 9",
                       "1 x | 12:14@0 13:1@0 14:1@0 | | 6",
                       "1 x 12+3 13+3 | 14:8@1 | | 10",
                       "1 x 13+3 | 14:1@9 15:6@0 16:3@0 17:2@0 | | 9",
                       "1 x 13+3 14+3 15+3 16+3 | | 17 | 11",
                       "1 x 13+3 15+3 16+3 | 17:4@0 | | 8",
                       "1 x 13+3 15+3 16+3 | | 17 | 10",
                       "1 x 15+3 16+3 | 17:8@0 | | 10",
                       "1 x | 17:4@8 18:5@0 19:7@0 | | 7",
                       "1 x 17+3 18+3 | 19:7@7 | | 11",
                       "1 x 18+3 19+3 | | | 9",
                       "2 x 18+3 | | | 4"};
  expect_schedule(VllmV1Batching{}, expected, speculating_limits({0.6, 0.6, 0.6}, 0));
}

// With asynchronous scheduling (async_scheduler.py) a step is planned when the one in front has
// not ended: c counts its drafts as if all were accepted, placeholders p = 1 + K stand for what it
// answers, and t + p + K - c = 1 + K tokens follow. Not where c + 2 - p reaches prompt and answer:
// then the step in front is sure to end it. So the row behind an answer that ends sooner comes to
// nothing. Each running request needs blocks for K slots more than it computes
// (num_lookahead_tokens of a draft model), at most for the longest sequence (20 tokens here), which
// drafts must not pass: in step 6 request 1 has c = 17 and gets 2 tokens.
TEST(SpeculativeSchedule, AheadWithADraftModelIsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 2:4@0 | | 5",
                       "1 x 0+2 1+2 | 2:10@4 | | 10",
                       "1 x 0+2 1+2 | | 2 | 8",
                       "2 x 0+2 1+2 | | | 9",
                       "1 x 0+2 1+2 | | | 10",
                       "1 x 1+1 | 2:14@0 | | 9",
                       "1 x | 2:1@14 3:3@0 4:12@0 | | 9",
                       "1 x 2+2 3+2 | | 4 | 7",
                       "1 x 3+2 | | | 8",
                       "1 x 3+2 | 4:13@0 | | 8",
                       "1 x 3+2 | 4:2@13 5:6@0 | | 11",
                       "1 x 3+2 4+2 | | 5 | 10",
                       "1 x 3+2 | | | 10",
                       "1 x | 5:7@0 6:4@0 7:5@0 | | 10",
                       "1 x 5+2 | 7:6@5 8:7@0 | | 10",
                       "1 x 5+2 7+2 8+2 | | | 11",
                       "1 x 5+2 7+2 | | 8 | 10",
                       "1 x | 8:10@0 9:2@0 10:4@0 | | 5",
                       "1 x 8+2 9+2 | 10:9@4 | | 10",
                       "1 x 8+2 9+2 | | 10 | 8",
                       "1 x 8+2 9+2 | | | 8",
                       "1 x 9+2 | 10:13@0 | | 8",
                       "1 x 9+2 | 10:1@13 11:8@0 | | 10",
                       "1 x 9+2 10+2 | | 11 | 10",
                       "1 x | 11:9@0 | | 8",
                       "1 x 11+2 | 12:13@0 | | 8",
                       "1 x 11+2 12+2 | 13:1@0 | | 11",
                       "1 x 11+2 12+2 | | 13 | 10",
                       "1 x | 13:2@0 14:10@0 15:4@0 | | 10",
                       "1 x 13+2 14+2 | 15:2@4 16:3@0 | | 9",
                       "1 x 13+2 14+2 15+2 | | 16 | 11",
                       "1 x 13+2 15+2 | 16:4@0 17:6@0 | | 10",
                       "1 x 13+2 15+2 | | 17 16 | 9",
                       "1 x 15+2 | 16:5@0 17:8@0 | | 9",
                       "1 x 16+2 | 17:4@8 18:5@0 | | 9",
                       "1 x 16+2 17+2 | | 18 | 9",
                       "1 x 16+2 | 18:6@0 | | 11",
                       "1 x 18+2 | 19:13@0 | | 11",
                       "1 x 18+2 | 19:1@13 | | 8",
                       "1 x 18+2 19+2 | | | 10",
                       "1 x 18+2 19+1 | | | 10",
                       "1 x | | | 0"};
  BatchLimits limits = speculating_limits({0.8, 0.5}, 2);
  limits.async_scheduling = true;
  limits.speculation.max_context = 20;
  expect_schedule(VllmV1Batching{}, expected, limits);
}

TEST(SpeculativeSchedule, ByPriorityIsThatOfTheSource) {
  const Lines expected{"1 x | 1:5@0 0:7@0 2:4@0 | | 5",
                       "1 x 1+2 0+2 | 2:10@4 | | 10",
                       "1 x 1+2 0+2 | | 2 | 8",
                       "2 x 1+2 0+2 | | | 9",
                       "1 x 1+2 0+2 | | | 10",
                       "1 x 1+2 | 4:13@0 | | 10",
                       "1 x | 4:2@13 6:4@0 8:7@0 3:3@0 | | 9",
                       "1 x 4+2 8+2 3+2 | | | 11",
                       "1 x 8+2 | | 3 | 9",
                       "1 x 8+2 | 11:8@0 3:5@0 | | 9",
                       "1 x 8+2 11+2 | | 3 | 9",
                       "1 x 11+2 | 3:7@0 5:6@0 | | 8",
                       "1 x 11+2 3+2 5+2 | | | 11",
                       "1 x 3+2 | | 5 | 9",
                       "1 x 3+2 | 14:10@0 5:3@0 | | 9",
                       "1 x 3+2 14+2 | | 5 | 9",
                       "1 x 3+2 14+2 | | | 10",
                       "1 x | 17:12@0 5:4@0 | | 9",
                       "1 x 17+2 | 5:4@4 9:2@0 | | 9",
                       "1 x 5+2 9+2 | | | 11",
                       "1 x 5+2 9+2 | 12:10@0 | | 10",
                       "1 x 9+2 | 12:3@10 | | 11",
                       "1 x 9+2 12+2 | 13:1@0 16:3@0 | | 11",
                       "1 x 9+2 12+2 | | 16 13 | 10",
                       "1 x 9+2 | 13:2@0 16:4@0 18:5@0 | | 9",
                       "1 x 13+2 16+2 18+2 | | | 8",
                       "1 x 13+2 16+2 18+2 | | | 10",
                       "1 x 13+2 16+2 18+2 | | | 11",
                       "1 x 13+2 | | 18 | 8",
                       "1 x | 19:14@0 2:2@0 | | 5",
                       "1 x 19+2 | 2:13@2 | | 10",
                       "1 x 19+2 2+2 | | | 11",
                       "1 x | 7:11@0 | | 8",
                       "1 x 7+2 | 10:13@0 | | 8",
                       "1 x 7+2 10+2 | | | 10",
                       "1 x 10+2 | 15:6@0 | | 8",
                       "1 x 15+2 | | | 3",
                       "1 x 15+2 | | | 4",
                       "2 x 15+2 | | | 5",
                       "1 x | | | 0"};
  BatchLimits limits = speculating_limits({0.8, 0.5}, 2);
  limits.async_scheduling = true;
  expect_schedule(VllmV1Batching{.by_priority = true}, expected, limits);
}

}  // namespace
}  // namespace rigsim::workloads
