#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string k1f1b =
    "pipeline --schedule 1f1b --stages 4 --micro-batches 8 --forward 10ms --backward 20ms";

// (8 + 3) x 30 ms = 330 ms, bubble 3/11; stage 0 waits 3 x 20 ms to fill and 3 x 10 ms to drain.
TEST(Pipeline, OfEqualStagesEqualsItsClosedForm) {
  const json answer = document(k1f1b + " --json");
  EXPECT_DOUBLE_EQ(answer.at("makespan_s"), 0.33);
  EXPECT_DOUBLE_EQ(answer.at("bubble_fraction"), 3.0 / 11);
  EXPECT_DOUBLE_EQ(answer.at("closed_form").at("bubble_fraction"), 3.0 / 11);
  EXPECT_EQ(answer.at("closed_form").at("applies"), true);
  ASSERT_EQ(answer.at("stages").size(), 4U);
  const json& first = answer.at("stages")[0];
  EXPECT_DOUBLE_EQ(first.at("busy_s"), 0.24);
  EXPECT_DOUBLE_EQ(first.at("fill_s"), 0.06);
  EXPECT_DOUBLE_EQ(first.at("drain_s"), 0.03);
  EXPECT_EQ(first.at("imbalance_s"), 0);
  EXPECT_EQ(first.at("most_activations"), 4);
  EXPECT_EQ(answer.at("ops").size(), 4U * 8 * 2);
}

TEST(Pipeline, KnowsEverySchedule) {
  const auto bubble = [](const std::string& schedule) {
    return document("pipeline --stages 4 --micro-batches 8 --forward 10ms --json --schedule " +
                    schedule)
        .at("bubble_fraction")
        .get<double>();
  };
  EXPECT_DOUBLE_EQ(bubble("serial"), 3.0 / 4);
  EXPECT_DOUBLE_EQ(bubble("inference"), 3.0 / 11);
  EXPECT_DOUBLE_EQ(bubble("gpipe"), 3.0 / 11);
  EXPECT_DOUBLE_EQ(bubble("interleaved"), 3.0 / 19);
  EXPECT_DOUBLE_EQ(bubble("interleaved --chunks 4"), 3.0 / 35);
  EXPECT_DOUBLE_EQ(bubble("ZB-H1"), 3.0 / 27);  // F = B = W: 3 of 24 + 3
}

// Two micro-batches over a link of 25 GB/s: 50 MB take 2 ms and 5 us of latency. The first is
// waited for, the second comes while stage 1 still works.
TEST(Pipeline, TellsHiddenFromExposedTransfers) {
  const json answer = document(
      "pipeline --schedule inference --stages 2 --micro-batches 2 --forward 10ms "
      "--link 25GB/s --activation 50MB --latency 5us --json");
  EXPECT_DOUBLE_EQ(answer.at("makespan_s"), 0.032005);
  EXPECT_DOUBLE_EQ(answer.at("transfers").at("total_s"), 0.00401);
  EXPECT_DOUBLE_EQ(answer.at("transfers").at("exposed_s"), 0.002005);
  EXPECT_DOUBLE_EQ(answer.at("transfers").at("hidden_s"), 0.00401);
  EXPECT_DOUBLE_EQ(answer.at("stages")[1].at("transfer_s"), 0.002005);
  EXPECT_EQ(answer.at("closed_form").at("applies"), false);
}

// 10 + 3 x 14 ms; the first stage waits 3 x 4 ms for the second.
TEST(Pipeline, TakesATimeForEachStage) {
  const json answer =
      document("pipeline --schedule inference --stage-times 10ms,14ms --micro-batches 3 --json");
  EXPECT_DOUBLE_EQ(answer.at("makespan_s"), 0.052);
  EXPECT_DOUBLE_EQ(answer.at("stages")[0].at("imbalance_s"), 0.012);
}

TEST(Pipeline, DrawsATimelineOfTheWidthAskedFor) {
  const Outcome run = rigsim(
      "pipeline --schedule gpipe --stages 2 --micro-batches 2 --forward 10ms --backward 20ms "
      "--width 38");
  EXPECT_EQ(run.code, 0) << run.err;
  // (2 + 1) x 30 ms in 36 cells of 2.5 ms.
  EXPECT_THAT(run.out, HasSubstr("\n0 F0==F1==............B1======B0======\n"
                                 "1 ....F0==F1==B1======B0======........\n"));
  EXPECT_THAT(run.out, HasSubstr("gpipe, 2 stages, 2 micro-batches: 90.000 ms, bubble 33.3 %."));
}

TEST(Pipeline, ManyStagesAreAlignedInTheirTimeline) {
  const Outcome run =
      rigsim("pipeline --schedule inference --stages 11 --micro-batches 1 --forward 1ms");
  EXPECT_THAT(run.out, HasSubstr("\n 9 "));
  EXPECT_THAT(run.out, HasSubstr("\n10 "));
}

void expect_error(const std::string& line, const std::string& message) {
  const Outcome run = rigsim("pipeline " + line);
  EXPECT_EQ(run.code, 2) << line;
  EXPECT_EQ(run.out, "") << line;
  EXPECT_THAT(run.err, HasSubstr(message)) << line;
}

TEST(Pipeline, RefusesWhatItCannotRunAndSaysWhy) {
  expect_error("--schedule 1f1d --stages 4 --forward 1ms",
               "--schedule: unknown schedule \"1f1d\", did you mean \"1f1b\"? allowed are serial");
  expect_error("--schedule interleaved --stages 4 --micro-batches 6 --forward 1ms",
               "must be a multiple of the 4 stages");
  expect_error("--schedule gpipe --stages 4 --chunks 2 --forward 1ms",
               "only the interleaved schedule");
  expect_error("--schedule gpipe --forward 1ms", "--stages: is needed");
  expect_error("--schedule gpipe --stages 4", "--forward: is needed");
  expect_error("--schedule gpipe --stages 4 --forward 1", "--forward: ");
  expect_error("--schedule gpipe --stages 4 --stage-times 1ms,2ms", "2 times for 4 stages");
  expect_error("--schedule gpipe --forward 1ms --stage-times 1ms,2ms", "one of them is needed");
  expect_error("--schedule serial --stages 2 --forward 1ms --backward 1ms",
               "--backward: the serial schedule has no backward passes");
  expect_error("--schedule zb-h1 --stages 2 --forward 1ms --backward 1ms --weight-gradient 2ms",
               "--weight-gradient: 2 ms of stage 0");
  expect_error("--schedule gpipe --stages 2 --forward 1ms --link 1GB/s", "needs --activation");
  expect_error("--schedule gpipe --stages 2 --forward 1ms --activation 1MB", "needs --link");
  expect_error("--schedule gpipe --stages 4000 --micro-batches 1000000 --forward 1ms",
               "at most 3000000 are allowed");
  expect_error("--schedule gpipe --stages 4 --micro-batches 64 --forward 100000s",
               "--forward: the passes add up to 7.68e+07 s, at most 9.16e+06 s are allowed");
  expect_error("--schedule inference --stages 9 --forward 1s --transfer 2000000s",
               "--transfer: an op finishes beyond the clock's range");
}

}  // namespace
}  // namespace rigsim::cli::test
