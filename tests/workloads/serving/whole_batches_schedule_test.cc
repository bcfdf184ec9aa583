#include <gtest/gtest.h>

#include "tests/workloads/serving/schedule_trace.h"

namespace rigsim::workloads {
namespace {

using test::expect_schedule;
using Lines = std::vector<std::string>;

// After Algorithm 1 of Yu et al. (Orca, OSDI 2022), with orca_scheduler.py of Sarathi-Serve
// (13f16cf) beside it: at each iteration requests are selected in the order of arrival, at most
// max_bs = 5; a new one reserves the KV slots of all the tokens that it may ever have, here blocks
// for prompt + output - 1 (the last token is answered, never computed on), and the first that finds
// too few ends the selection. Prompts are computed whole, without a limit on a step's tokens.
// Nothing is preempted.
TEST(OrcaSchedule, IsThatOfThePaper) {
  const Lines expected{"1 x | 0:7@0 1:5@0 | | 8",
                       "8 x 0 1 | | | 8",
                       "1 x 1 | 2:14@0 | | 8",
                       "2 x 1 2 | | | 8",
                       "1 x | 3:3@0 4:15@0 5:6@0 | | 11",
                       "1 x 3 4 5 | | | 11",
                       "1 x 3 5 | 6:4@0 | | 8",
                       "1 x 3 5 | 7:11@0 | | 11",
                       "3 x 3 5 7 | | | 11",
                       "1 x 3 | 8:7@0 | | 8",
                       "5 x 3 8 | | | 8",
                       "1 x 8 | 9:2@0 | | 8",
                       "2 x 8 9 | | | 8",
                       "1 x 9 | 10:13@0 | | 8",
                       "2 x 9 10 | | | 8",
                       "1 x 9 | 11:8@0 | | 8",
                       "5 x 9 11 | | | 8",
                       "1 x 11 | 12:13@0 13:1@0 | | 11",
                       "1 x 12 13 | 14:10@0 | | 10",
                       "2 x 12 13 14 | | | 10",
                       "1 x 13 | 15:6@0 16:3@0 | | 10",
                       "4 x 13 15 16 | | | 10",
                       "1 x 15 16 | 17:12@0 | | 11",
                       "1 x 15 16 17 | | | 11",
                       "1 x 15 16 | 18:5@0 | | 11",
                       "2 x 15 18 | | | 8",
                       "1 x 18 | 19:14@0 | | 8",
                       "2 x 18 19 | | | 8",
                       "3 x 18 | | | 4"};
  expect_schedule(OrcaBatching{}, expected);
}

// FasterTransformer's batching, as the Orca paper describes it (section 2): a batch is formed of
// what waits, with Orca's reservation, and runs until all of its requests are done; who is done
// frees its blocks, its place stays empty.
TEST(StaticSchedule, RunsABatchToItsEnd) {
  const Lines expected{"1 x | 0:7@0 1:5@0 | | 8",
                       "8 x 0 1 | | | 8",
                       "3 x 1 | | | 4",
                       "1 x | 2:14@0 3:3@0 | | 8",
                       "2 x 2 3 | | | 8",
                       "10 x 3 | | | 4",
                       "1 x | 4:15@0 5:6@0 6:4@0 | | 8",
                       "1 x 4 5 | | | 7",
                       "5 x 5 | | | 3",
                       "1 x | 7:11@0 8:7@0 | | 8",
                       "3 x 7 8 | | | 8",
                       "5 x 8 | | | 4",
                       "1 x | 9:2@0 10:13@0 | | 8",
                       "2 x 9 10 | | | 8",
                       "9 x 9 | | | 4",
                       "1 x | 11:8@0 12:13@0 13:1@0 | | 11",
                       "3 x 11 12 13 | | | 11",
                       "3 x 11 13 | | | 7",
                       "2 x 13 | | | 3",
                       "1 x | 14:10@0 15:6@0 16:3@0 | | 10",
                       "2 x 14 15 16 | | | 10",
                       "5 x 15 16 | | | 7",
                       "2 x 15 | | | 4",
                       "1 x | 17:12@0 18:5@0 | | 8",
                       "1 x 17 18 | | | 8",
                       "7 x 18 | | | 4",
                       "1 x | 19:14@0 | | 4",
                       "2 x 19 | | | 4"};
  expect_schedule(StaticBatching{}, expected);
}

}  // namespace
}  // namespace rigsim::workloads
