#include "analysis/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

#include "analysis/fit.h"
#include "configs/catalog.h"
#include "configs/engine_file.h"

namespace rigsim::analysis {
namespace {

using configs::Catalog;
using configs::Scenario;
using testing::HasSubstr;

const Catalog& catalog() {
  static const Catalog loaded = Catalog::load();
  return loaded;
}

workloads::EngineProfile engine(const char* name = "llama.cpp") {
  return configs::engine_named(name).profile;
}

Scenario scenario(const char* rig, const char* model = "llama-3-8b", const char* weights = "f16") {
  Scenario result;
  result.rig = catalog().rig(rig);
  result.model = catalog().model(model);
  result.weights = catalog().weights_format(weights);
  result.prompt_tokens = 64;
  result.output_tokens = 8;
  return result;
}

TEST(Evaluate, TheFiguresAreTheRuns) {
  const RigResult result = evaluate(scenario("2x4090"), engine());
  ASSERT_TRUE(result.fits);
  const workloads::SingleStreamResult& run = *result.run;
  EXPECT_EQ(run.decode.tokens, 7);  // the prompt gives the first of 8
  EXPECT_EQ(result.performance->decode_tokens_per_s->value,
            7 / sim::to_seconds(run.decode.duration));
  EXPECT_EQ(result.performance->ttft_s->value, sim::to_seconds(run.ttft));
  EXPECT_EQ(result.performance->bubble_fraction->value, run.decode.device_share().bubble_s);
  EXPECT_EQ(result.performance->exposed_transfer_fraction->value,
            run.decode.critical_path.link_s / sim::to_seconds(run.decode.duration));
}

// A rate is off by +-h, the time behind it by 1 / (1 +- h).
TEST(Evaluate, BandsAreTheBackendsForThePhaseAndItsEvidence) {
  workloads::EngineProfile profile = engine();
  for (auto& backend : profile.backends) {
    backend.decode_band.fitted = 0.1;
    backend.prefill_band.fitted = 0.25;
  }
  const Performance figures = *evaluate(scenario("a6000"), profile).performance;
  const Figure& decode = *figures.decode_tokens_per_s;
  ASSERT_EQ(decode.evidence, workloads::Evidence::kFitted);
  EXPECT_DOUBLE_EQ(decode.low, 0.9 * decode.value);
  EXPECT_DOUBLE_EQ(decode.high, 1.1 * decode.value);
  EXPECT_DOUBLE_EQ(figures.ttft_s->low, figures.ttft_s->value / 1.25);
  EXPECT_DOUBLE_EQ(figures.ttft_s->high, figures.ttft_s->value / 0.75);
}

// Half of the time idle, and that half off by 10 %: 0.5 x 1.1 / (0.5 x 1.1 + 0.5) = 0.5238.
TEST(Evaluate, AFractionStaysAFraction) {
  workloads::EngineProfile profile = engine();
  for (auto& backend : profile.backends) backend.decode_band.fitted = 0.1;
  const Figure bubble = *evaluate(scenario("2x4090"), profile).performance->bubble_fraction;
  const double f = bubble.value;
  EXPECT_GT(f, 0.4);
  EXPECT_DOUBLE_EQ(bubble.high, 1.1 * f / (1.1 * f + 1 - f));
  EXPECT_DOUBLE_EQ(bubble.low, 0.9 * f / (0.9 * f + 1 - f));
}

TEST(Evaluate, WithoutAPromptThereIsNoPrefill) {
  Scenario generation = scenario("a6000");
  generation.prompt_tokens = 0;
  const RigResult result = evaluate(generation, engine());
  EXPECT_EQ(result.run->decode.tokens, 8);
  EXPECT_FALSE(result.performance->ttft_s);
  EXPECT_FALSE(result.performance->prefill);
  EXPECT_TRUE(result.performance->tpot_s);
}

TEST(Evaluate, WithOneOutputTokenThereIsNoDecode) {
  Scenario prompt = scenario("2x4090");
  prompt.output_tokens = 1;
  const RigResult result = evaluate(prompt, engine());
  EXPECT_FALSE(result.performance->decode_tokens_per_s);
  EXPECT_TRUE(result.performance->bubble_fraction) << "then it is the prompt's";
}

TEST(Evaluate, WhatDoesNotFitSaysWhatWould) {
  const RigResult result = evaluate(scenario("4090", "llama-3-70b", "q4_k_m"), engine());
  EXPECT_FALSE(result.fits);
  EXPECT_FALSE(result.performance);
  EXPECT_FALSE(result.changes.empty());
}

TEST(Evaluate, RefusesWhatTheModelOrTheEngineCannot) {
  Scenario longer = scenario("a6000");
  longer.prompt_tokens = 8192;
  EXPECT_THROW((void)evaluate(longer, engine()), std::invalid_argument);
  EXPECT_THROW((void)evaluate(scenario("a6000", "llama-3-8b", "awq"), engine()),
               std::invalid_argument);
  Scenario split = scenario("2x4090");
  split.plan = workloads::ParallelPlan{};
  split.plan->tp = 2;
  EXPECT_THROW((void)evaluate(split, engine()), std::invalid_argument);
  EXPECT_NO_THROW((void)evaluate(split, engine("vllm")));
}

TEST(DefaultPlan, IsOneStagePerDeviceOrTensorParallelWhereTheEngineCan) {
  EXPECT_EQ(default_plan(scenario("4x4090"), engine()).pp, 4);
  EXPECT_EQ(default_plan(scenario("4x4090"), engine("vllm")).tp, 4);
  EXPECT_EQ(default_plan(scenario("4x4090"), engine("vllm")).pp, 1);
}

const Winner& winner(const Comparison& comparison, std::string_view figure) {
  for (const Winner& candidate : comparison.winners) {
    if (candidate.figure == figure) return candidate;
  }
  throw std::runtime_error("no such figure");
}

RigResult with_figures(const char* name, double decode, double half_width) {
  RigResult rig = evaluate(scenario("a6000"), engine());
  rig.name = name;
  rig.performance->decode_tokens_per_s =
      with_band(decode, half_width, workloads::Evidence::kFitted, "s-1");
  return rig;
}

// 100 +- 5 is 95 to 105, 90 +- 5 % is 85.5 to 94.5: apart. With 10 % they touch.
TEST(Compare, AWinnerIsClearWhereTheBandsAreApart) {
  const Comparison clear = compare({with_figures("a", 90, 0.05), with_figures("b", 100, 0.05)});
  EXPECT_EQ(winner(clear, "decode_tokens_per_s").rig, 1U);
  EXPECT_TRUE(winner(clear, "decode_tokens_per_s").clear);
  const Comparison close = compare({with_figures("a", 90, 0.1), with_figures("b", 100, 0.1)});
  EXPECT_EQ(winner(close, "decode_tokens_per_s").rig, 1U);
  EXPECT_FALSE(winner(close, "decode_tokens_per_s").clear);
}

TEST(Compare, ATieHasNoWinner) {
  const Comparison tie = compare({with_figures("a", 90, 0.1), with_figures("b", 90, 0.1)});
  EXPECT_EQ(winner(tie, "decode_tokens_per_s").rig, std::nullopt);
}

TEST(Compare, ThirdPlacesDoNotUnmakeAWinner) {
  const Comparison three = compare(
      {with_figures("a", 90, 0.01), with_figures("b", 100, 0.01), with_figures("c", 90, 0.01)});
  EXPECT_EQ(winner(three, "decode_tokens_per_s").rig, 1U);
  EXPECT_TRUE(winner(three, "decode_tokens_per_s").clear);
}

TEST(Compare, RefusesTwoRigsOfOneName) {
  EXPECT_THROW((void)compare({with_figures("a", 90, 0.1), with_figures("a", 80, 0.1)}),
               std::invalid_argument);
}

TEST(Compare, WhySpeaksOfTheSecondsOfTheCriticalPath) {
  const Comparison comparison =
      compare({evaluate(scenario("2x4090"), engine()), evaluate(scenario("a6000"), engine())});
  EXPECT_THAT(comparison.why, HasSubstr("ms memory"));
  EXPECT_THAT(comparison.why, HasSubstr("most of the difference is memory (1008 GB/s a device "
                                        "against 768 GB/s)"));
  EXPECT_THAT(comparison.why, HasSubstr("Twice the memory bandwidth would save 2x4090 at most"));
}

TEST(DatasheetFacts, SumOverTheDevicesAndAreAbsentUnlessKnownOfAll) {
  topology::Rig rig = catalog().rig("2x4090");
  EXPECT_EQ(datasheet_facts(rig).power, sim::Watts(900));
  EXPECT_EQ(datasheet_facts(rig).launch_price, 3198);
  rig.devices[1].device.launch_price_usd.reset();
  EXPECT_EQ(datasheet_facts(rig).launch_price, std::nullopt);
}

TEST(ReadableFormats, AreSortedBySizeAndWhatTheEngineReads) {
  const auto model = catalog().model("llama-3-8b");
  const auto formats = readable_formats(model, engine());
  ASSERT_EQ(formats.size(), 30U);
  EXPECT_EQ(formats.front().name, "IQ1_S");
  EXPECT_EQ(formats.back().name, "F32");
  EXPECT_EQ(readable_formats(model, engine("vllm")).size(), 45U);
}

TEST(ContextsOfInterest, AreTheOneAskedAndPowersOfTwoToTheLongest) {
  EXPECT_THAT(contexts_of_interest(catalog().model("llama-3-8b"), 5000),
              testing::ElementsAre(5000, 2048, 4096, 8192));
  EXPECT_THAT(contexts_of_interest(catalog().model("llama-3-8b"), 8192),
              testing::ElementsAre(8192, 2048, 4096));
}

TEST(RigsThatHold, GiveEachRigItsLargestFormat) {
  Scenario any = scenario("4090");
  any.context = 512;
  const auto model = catalog().model("llama-3-8b");
  const auto formats = readable_formats(model, engine());
  std::map<std::string, std::string> largest;
  for (const RigThatHolds& rig : rigs_that_hold(any, engine(), formats, catalog())) {
    largest[rig.rig] = rig.weights.name;
  }
  // 8 B weights at F16 are 15 GiB: more than 12 GB, less than 24 GB.
  EXPECT_EQ(largest.at("rtx-3060-12gb"), "Q8_0");
  EXPECT_THAT(largest.at("rtx-4090"), testing::AnyOf("F16", "BF16"));
}

}  // namespace
}  // namespace rigsim::analysis
