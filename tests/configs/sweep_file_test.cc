#include "configs/sweep_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/point_id.h"
#include "tests/configs/temporary_directory.h"

namespace rigsim::configs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Catalog& catalog() {
  static const Catalog loaded = Catalog::load();
  return loaded;
}

const std::string kBase = "base: {rig: rtx-4090, model: llama-3-8b, weights: q4_k_m}\n";

SweepPlan read(const std::string& rest) {
  return read_sweep(parse_yaml(kBase + rest, "s.yaml"), catalog());
}

std::string refusal(const std::string& rest) {
  try {
    (void)read(rest);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

/// The points as texts: "rtx-4090/8".
std::vector<std::string> points(const SweepPlan& plan) {
  std::vector<std::string> all;
  for (auto point = plan.next_point(0); point; point = plan.next_point(*point + 1)) {
    std::string text;
    for (const SweepAxis& axis : plan.axes)
      text += (text.empty() ? "" : "/") + axis.text(plan.value_of(*point, axis));
    all.push_back(text);
  }
  EXPECT_EQ(plan.points(), all.size());
  return all;
}

TEST(SweepFile, CrossesAxesTheLastTurningFastest) {
  const SweepPlan plan = read(
      "axes:\n- {key: rig, values: [rtx-4090, a6000]}\n- {key: batch, values: {from: 1, to: 4, "
      "factor: 2}}\n");
  EXPECT_THAT(points(plan), ElementsAre("rtx-4090/1", "rtx-4090/2", "rtx-4090/4", "a6000/1",
                                        "a6000/2", "a6000/4"));
  EXPECT_FALSE(plan.axes[0].numbers);
  EXPECT_TRUE(plan.axes[1].numbers);
  const Scenario last = plan.scenario(5, catalog());
  EXPECT_EQ(last.batch, 4);
  EXPECT_EQ(last.rig.name, catalog().rig("a6000").name);
}

TEST(SweepFile, ZippedAxesMoveTogether) {
  const SweepPlan plan = read(
      "axes:\n- zip:\n  - {key: prompt_tokens, values: [10, 20]}\n  - {key: output_tokens, values: "
      "[1, 2]}\n- {key: batch, values: [1, 2]}\n");
  EXPECT_THAT(points(plan), ElementsAre("10/1/1", "10/1/2", "20/2/1", "20/2/2"));
}

TEST(SweepFile, LeavesOutWhereAllOfAConditionHolds) {
  const SweepPlan plan = read(
      "axes:\n- {key: rig, values: [rtx-4090, a6000]}\n- {key: batch, values: [1, 2, 4]}\n"
      "skip:\n- {rig: a6000, batch: [2, 4]}\n- {batch: 1.0, rig: rtx-4090}\n");
  EXPECT_THAT(points(plan), ElementsAre("rtx-4090/2", "rtx-4090/4", "a6000/1"));
}

TEST(SweepFile, RangesHoldBothEnds) {
  const auto axis = [](const std::string& range) {
    return points(read("axes:\n- {key: traffic.rate_scale, values: " + range +
                       "}\n- {key: traffic.source, values: ['poisson:1/s']}\nrun: serve\n"));
  };
  EXPECT_THAT(
      axis("{from: 0.1, to: 0.4, step: 0.1}"),
      ElementsAre("0.1/poisson:1/s", "0.2/poisson:1/s", "0.3/poisson:1/s", "0.4/poisson:1/s"));
  EXPECT_THAT(axis("{from: 1, to: 2.25, factor: 1.5}"),
              ElementsAre("1/poisson:1/s", "1.5/poisson:1/s", "2.25/poisson:1/s"));
}

TEST(SweepFile, SetsKeysWithinTheScenario) {
  const SweepPlan plan = read(
      "axes:\n- {key: serving.max_num_seqs, values: [8, ~]}\n- {key: serving.slo.ttft, values: [1 "
      "s]}\n");
  EXPECT_EQ(plan.scenario(0, catalog()).serving.max_sequences, 8);
  EXPECT_EQ(plan.scenario(1, catalog()).serving.max_sequences, std::nullopt);
  EXPECT_EQ(plan.scenario(1, catalog()).serving.level.ttft_s, 1.0);
  EXPECT_FALSE(plan.axes[0].numbers);  // one of its values is none
}

// What a point is decides its id: not the other points, not how the value is spelled.
TEST(SweepFile, IdsFollowTheScenario) {
  const auto id = [](const SweepPlan& plan, std::uint64_t point) {
    return point_id(plan.run, plan.scenario(point, catalog()));
  };
  const SweepPlan few = read("axes:\n- {key: batch, values: [2]}\n");
  const SweepPlan more = read(
      "axes:\n- {key: batch, values: [1, 2]}\n- {key: rig, values: [a6000, RTX 4090, rtx-4090]}\n");
  EXPECT_EQ(id(few, 0), id(more, 5));
  std::set<std::uint64_t> ids;
  for (std::uint64_t point = 0; point < 6; ++point) ids.insert(id(more, point));
  EXPECT_GE(ids.size(), 4U);
  EXPECT_NE(point_id(SweepRun::kServe, few.scenario(0, catalog())), id(few, 0));
  EXPECT_NE(point_id(few.run, few.scenario(0, catalog()), "devices: []"), id(few, 0));
  EXPECT_EQ(id_text(0xabc), "0000000000000abc");
}

TEST(SweepFile, IdsFollowTheFilesThatAreNamed) {
  const TemporaryDirectory folder;
  const auto id = [&](const std::string& trace) {
    (void)folder.write("t.jsonl", trace);
    const SweepPlan plan = read("axes:\n- {key: traffic, values: ['" +
                                (folder.path() / "t.jsonl").string() + "']}\nrun: serve\n");
    return point_id(plan.run, plan.scenario(0, catalog()));
  };
  const std::uint64_t first = id("a");
  EXPECT_NE(id("b"), first);
  EXPECT_EQ(id("a"), first);
}

TEST(SweepFile, SaysWhatIsWrongAndWhere) {
  const std::string axes = "axes:\n- {key: batch, values: [1, 2]}\n";
  EXPECT_THAT(refusal("axes: []\n"), StartsWith("s.yaml:2:7: axes: "));
  EXPECT_THAT(refusal("axes:\n- {key: bacth, values: [1]}\n"),
              AllOf(StartsWith("s.yaml:3:9: bacth: "), HasSubstr("batch")));
  EXPECT_THAT(refusal("axes:\n- {key: rig, values: [rtx-4090, rtx-9999]}\n"),
              AllOf(StartsWith("s.yaml:3:33: rig: "), HasSubstr("rtx-9999")));
  EXPECT_THAT(refusal("axes:\n- {key: batch, values: [0]}\n"),
              StartsWith("s.yaml:3:25: batch: must be from 1 to "));
  EXPECT_THAT(refusal("axes:\n- {key: weights.x, values: [0]}\n"),
              HasSubstr("weights is \"q4_k_m\" in the base, not a map that could have \"x\""));
  EXPECT_THAT(refusal("axes:\n- {key: a..b, values: [0]}\n"), HasSubstr("must be a key"));
  EXPECT_THAT(refusal("axes:\n- {key: batch, values: [1, 1]}\n"), HasSubstr("twice: \"1\""));
  EXPECT_THAT(refusal("axes:\n- {key: batch, values: [[1]]}\n"), HasSubstr("must be one value"));
  EXPECT_THAT(refusal(axes + "- {key: batch, values: [1]}\n"),
              HasSubstr("batch is set by the axis of line 3, too"));
  EXPECT_THAT(refusal("axes:\n- {key: batch, values: {from: 1, to: 2}}\n"),
              HasSubstr("a range has from, to and either step or factor"));
  EXPECT_THAT(refusal("axes:\n- {key: batch, values: {from: 3, to: 2, step: 1}}\n"),
              HasSubstr("must be at least from = 3, got 2"));
  EXPECT_THAT(refusal("axes:\n- {key: batch, values: {from: 1, to: 2, step: 0}}\n"),
              HasSubstr("values.step: must be above 0, got 0"));
  EXPECT_THAT(refusal("axes:\n- {key: batch, values: {from: 1, to: 2, factor: 1}}\n"),
              HasSubstr("must be above 1, got 1"));
  EXPECT_THAT(refusal("axes:\n- {key: batch, values: {from: 0, to: 2, factor: 2}}\n"),
              HasSubstr("must be above 0 with a factor, got 0"));
  EXPECT_THAT(refusal("axes:\n- zip:\n  - {key: batch, values: [1, 2]}\n  - {key: seed, values: "
                      "[1]}\n"),
              HasSubstr("seed has 1, the first 2"));
  EXPECT_THAT(refusal(axes + "skip:\n- {bach: 1}\n"), HasSubstr("batch"));
  EXPECT_THAT(refusal(axes + "skip:\n- {batch: 3}\n"), HasSubstr("\"3\""));
  EXPECT_THAT(refusal(axes + "skip:\n- {}\n"), HasSubstr("needs an axis"));
  EXPECT_THAT(refusal(axes + "skip:\n- {batch: [1, 2]}\n"), HasSubstr("leaves no point"));
  EXPECT_THAT(refusal(axes + "run: train\n"), HasSubstr("single-stream"));
  EXPECT_THAT(refusal(axes + "run: serve\n"), HasSubstr("serve needs traffic"));
  EXPECT_THAT(refusal(axes + "axis: 1\n"), HasSubstr("axes"));
  EXPECT_THAT(refusal("axes:\n- {key: seed, values: {from: 0, to: 99999, step: 1}}\n- {key: batch, "
                      "values: {from: 1, to: 1000, step: 1}}\n"),
              HasSubstr("more than 10000000 points"));
}

}  // namespace
}  // namespace rigsim::configs
