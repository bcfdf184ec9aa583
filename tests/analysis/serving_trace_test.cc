#include "analysis/serving_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/analysis/hdf5_read.h"

namespace rigsim::analysis {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

// Ten steps of 0.1 s from 0.5 s on: half of the first two windows of a second is busy.
TEST(ServingTrace, KeepsTheRunOverTime) {
  const testing::TemporaryDirectory directory;
  const workloads::Traffic traffic;
  workloads::ServerConfig config;
  config.limits.kv_blocks = 40;
  ServingTrace trace(directory / "t.h5", {}, traffic, config, 2);
  workloads::StepRecord steps;
  steps.start = workloads::ticks_of_seconds(0.5);
  steps.first = workloads::ticks_of_seconds(0.1);
  steps.steps = 10;
  steps.decodes = 4;
  steps.kv_blocks_held = 10;
  steps.preemptions = 2;
  const std::vector<workloads::Ticks> stages{workloads::ticks_of_seconds(0.8),
                                             workloads::ticks_of_seconds(0.4)};
  steps.stages = stages;
  trace.steps_executed(steps);
  trace.finish();
  testing::Reader reader(directory / "t.h5");
  EXPECT_THAT(reader.column<std::int64_t>("/steps/preemptions"), ElementsAre(2));
  EXPECT_THAT(reader.column<double>("/series/start"), ElementsAre(0, 1));
  EXPECT_THAT(reader.column<double>("/series/busy_fraction"),
              ElementsAre(DoubleNear(0.5, 1e-9), DoubleNear(0.5, 1e-9)));
  EXPECT_THAT(reader.column<double>("/series/batch"),
              ElementsAre(DoubleNear(4, 1e-9), DoubleNear(4, 1e-9)));
  EXPECT_THAT(reader.column<double>("/series/kv_used_fraction"),
              ElementsAre(DoubleNear(0.25, 1e-9), DoubleNear(0.25, 1e-9)));
  EXPECT_THAT(reader.column<double>("/series/bubble_fraction"),
              ElementsAre(DoubleNear(0.4, 1e-9), DoubleNear(0.4, 1e-9)));
  EXPECT_THAT(reader.column<double>("/series/output_tokens_per_s"),
              ElementsAre(DoubleNear(20, 1e-6), DoubleNear(20, 1e-6)));
  EXPECT_THAT(reader.column<std::int64_t>("/series/preemptions"), ElementsAre(0, 2));
}

// 4 sequences answered 4 + 3 tokens in a tenth of a second.
TEST(ServingTrace, SaysWhatWasDraftedAndAccepted) {
  const testing::TemporaryDirectory directory;
  const workloads::Traffic traffic;
  workloads::ServerConfig config;
  config.limits.kv_blocks = 40;
  config.limits.speculation.tokens = 2;
  ServingTrace trace(directory / "t.h5", {}, traffic, config);
  workloads::StepRecord step;
  step.first = workloads::ticks_of_seconds(0.1);
  step.decodes = 4;
  step.drafts = 8;
  step.accepted = 4;
  step.more_tokens = 3;
  trace.steps_executed(step);
  trace.finish();
  testing::Reader reader(directory / "t.h5");
  EXPECT_THAT(reader.column<std::int64_t>("/steps/draft_tokens"), ElementsAre(8));
  EXPECT_THAT(reader.column<std::int64_t>("/steps/accepted_tokens"), ElementsAre(4));
  EXPECT_THAT(reader.column<double>("/series/output_tokens_per_s"),
              ElementsAre(DoubleNear(7, 1e-6)));
}

}  // namespace
}  // namespace rigsim::analysis
