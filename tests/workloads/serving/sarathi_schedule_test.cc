#include <gtest/gtest.h>

#include "tests/workloads/serving/schedule_trace.h"

namespace rigsim::workloads {
namespace {

using test::expect_schedule;
using Lines = std::vector<std::string>;

// Derived from Sarathi-Serve's sarathi/core/scheduler/sarathi_scheduler.py and
// base_block_space_manager.py, as read in stored versions of the main branch (13f16cf, 24dbdd2):
//
// - Running ones are sorted by arrival. Those that decode get a token each; before each a block
//   must be free, needed or not, or the last of those not yet looked at is preempted.
// - Prompts that are under way get min(what is missing, 16 - tokens so far), in order.
// - Then waiting ones, also in a step that preempted: while the blocks of all their tokens leave
//   int(0.1 x 11) = 1 free, fewer than 5 run, and tokens are left. All blocks are theirs at once.
TEST(SarathiSchedule, IsThatOfTheSource) {
  const Lines expected{"1 x | 0:7@0 1:5@0 2:4@0 | | 8",
                       "1 x 0 1 | 2:10@4 3:3@0 | | 9",
                       "1 x 0 1 2 3 | | | 10",
                       "1 x 0 1 2 3 | | | 11",
                       "2 x 0 1 3 | | | 8",
                       "1 x 0 1 3 | | | 9",
                       "1 x 0 1 3 | | | 10",
                       "1 x 0 1 | | 3 | 8",
                       "1 x 1 | 3:10@0 | | 7",
                       "2 x 1 3 | | | 7",
                       "1 x 3 | 4:15@0 | | 8",
                       "1 x 3 4 | 5:6@0 | | 10",
                       "1 x 3 5 | 6:4@0 7:10@0 | | 10",
                       "1 x 5 | 7:1@10 8:7@0 9:2@0 | | 8",
                       "1 x 5 7 8 9 | | | 9",
                       "1 x 5 7 8 | | 9 | 10",
                       "1 x 5 7 8 | | | 10",
                       "1 x 5 8 | 9:4@0 | | 7",
                       "1 x 8 9 | 10:13@0 | | 9",
                       "2 x 8 9 10 | | | 10",
                       "1 x 8 9 | 11:8@0 | | 8",
                       "1 x 9 11 | 12:13@0 | | 10",
                       "3 x 9 11 12 | | | 10",
                       "1 x 9 11 | 13:1@0 | | 9",
                       "1 x 11 13 | 14:10@0 15:4@0 | | 10",
                       "1 x 13 14 | 15:2@4 16:3@0 17:9@0 | | 10",
                       "1 x 13 14 15 16 | 17:3@9 | | 10",
                       "1 x 13 15 16 17 | | | 10",
                       "1 x 13 15 16 | 18:5@0 | | 9",
                       "2 x 13 15 16 18 | | | 9",
                       "1 x 13 15 16 | | 18 | 9",
                       "1 x 15 16 | 18:8@0 | | 9",
                       "2 x 15 18 | | | 7",
                       "1 x 18 | 19:14@0 | | 7",
                       "1 x 18 19 | | | 7",
                       "1 x 18 19 | | | 8"};
  expect_schedule(SarathiBatching{.watermark = 0.1}, expected);
}

}  // namespace
}  // namespace rigsim::workloads
