#include "workloads/parallel_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/workloads/known_models.h"

namespace rigsim::workloads {
namespace {

using sim::Bytes;
using testing::ElementsAre;
using testing::HasSubstr;

std::string complaint(const ParallelPlan& plan, std::string_view model, int devices) {
  try {
    validate(plan, known_model(model), devices);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

std::vector<Stage> place(const ParallelPlan& plan, std::string_view model,
                         std::vector<Bytes> memory) {
  return place_layers(known_model(model), plan, memory).stages;
}

// 81 slots: slot i goes to the first device while i / 81 < 1 / 2, that is for i = 0 to 40.
TEST(PlaceLayers, ByMemoryCountsTheHeadAsALayer) {
  EXPECT_THAT(place(layer_split(2), "llama-3-70b", {Bytes(24), Bytes(24)}),
              ElementsAre(Stage{0, 41, false}, Stage{41, 39, true}));
}

// 33 slots over 8 + 24: i / 33 < 1 / 4 for i = 0 to 8.
TEST(PlaceLayers, ByMemoryFavoursTheLargerDevice) {
  EXPECT_THAT(place(layer_split(2), "llama-3-8b", {Bytes(8), Bytes(24)}),
              ElementsAre(Stage{0, 9, false}, Stage{9, 23, true}));
}

TEST(PlaceLayers, EvenLeavesTheRestToTheStagesBeforeTheLast) {
  ParallelPlan plan = layer_split(3);
  plan.balance = StageBalance::kEven;
  EXPECT_THAT(place(plan, "llama-3-8b", {}),
              ElementsAre(Stage{0, 11, false}, Stage{11, 11, false}, Stage{22, 10, true}));
  plan.pp = 5;  // 6 each and 2 left
  EXPECT_THAT(place(plan, "llama-3-8b", {}),
              ElementsAre(Stage{0, 6, false}, Stage{6, 6, false}, Stage{12, 7, false},
                          Stage{19, 7, false}, Stage{26, 6, true}));
}

TEST(PlaceLayers, ByHandDoesAsItIsTold) {
  ParallelPlan plan = layer_split(2);
  plan.layers_per_stage = {30, 2};
  EXPECT_THAT(place(plan, "llama-3-8b", {}), ElementsAre(Stage{0, 30, false}, Stage{30, 2, true}));
}

TEST(PlaceLayers, LeavesTheFirstLayersToTheHost) {
  ParallelPlan plan = layer_split(1);
  plan.gpu_layers = 20;
  const Placement placement = place_layers(known_model("llama-3-8b"), plan, std::vector{Bytes(1)});
  EXPECT_EQ(placement.host_layers, 12);
  EXPECT_TRUE(placement.head_on_host);
  EXPECT_THAT(placement.stages, ElementsAre(Stage{12, 20, false}));
  EXPECT_EQ(placement.stage_of(11), std::nullopt);
  EXPECT_EQ(placement.stage_of(12), 0U);
}

TEST(PlaceLayers, PutsTheHeadOnADeviceOnlyBeyondAllLayers) {
  ParallelPlan plan = layer_split(1);
  plan.gpu_layers = 32;
  EXPECT_TRUE(place_layers(known_model("llama-3-8b"), plan, std::vector{Bytes(1)}).head_on_host);
  plan.gpu_layers = 33;
  EXPECT_FALSE(place_layers(known_model("llama-3-8b"), plan, std::vector{Bytes(1)}).head_on_host);
  plan.gpu_layers = 0;
  EXPECT_THAT(place(plan, "llama-3-8b", {Bytes(1)}), ElementsAre(Stage{32, 0, false}));
}

TEST(PlaceLayers, CoversEveryLayerOnceForAnyDevicesAndMemory) {
  for (int devices = 1; devices <= 32; ++devices) {
    std::vector<Bytes> memory;
    for (int i = 0; i < devices; ++i)
      memory.emplace_back((std::int64_t{1} << 33) + i * 7919LL * (i % 5) * (1 << 20));
    int next = 0;
    for (const Stage& stage : place(layer_split(devices), "llama-3-8b", memory)) {
      EXPECT_EQ(stage.first_layer, next);
      next += stage.layers;
    }
    EXPECT_EQ(next, 32);
  }
}

TEST(PlaceLayers, NeedsTheMemoryOfEachStage) {
  EXPECT_THROW((void)place(layer_split(2), "llama-3-8b", {Bytes(1)}), std::invalid_argument);
  EXPECT_THROW((void)place(layer_split(1), "llama-3-8b", {Bytes(0)}), std::invalid_argument);
}

TEST(ValidatePlan, NamesTheNumberAndWhatIsAllowed) {
  EXPECT_EQ(complaint({.tp = 0}, "llama-3-8b", 1), "plan: tp must be at least 1, got 0");
  EXPECT_EQ(complaint({.tp = 2, .pp = 2}, "llama-3-8b", 2),
            "plan: tp=2 x pp=2 x dp=1 needs more devices than the 2 there are");
  EXPECT_EQ(complaint({.tp = 3}, "llama-3-8b", 4),
            "plan: tp=3 must divide the 32 attention heads of llama-3-8b");
  EXPECT_THAT(complaint({.tp = 4}, "phi-4", 4), HasSubstr("10 KV heads"));
  EXPECT_THAT(complaint({.pp = 33}, "llama-3-8b", 64), HasSubstr("1 to the 32 layers"));
  EXPECT_THAT(complaint({.tp = 2, .ep = 2}, "llama-3-8b", 2),
              HasSubstr("ep=2 must divide the experts"));
  EXPECT_THAT(complaint({.tp = 2, .ep = 4}, "mixtral-8x7b", 2),
              HasSubstr("multiple of it that divides tp x dp = 2"));
  EXPECT_THAT(complaint({.pp = 2, .layers_per_stage = {16, 15}}, "llama-3-8b", 2),
              HasSubstr("plan: layers must sum to the 32 layers on devices, got 31"));
  EXPECT_THAT(complaint({.pp = 2, .layers_per_stage = {32}}, "llama-3-8b", 2),
              HasSubstr("2 stages, got 1"));
  EXPECT_THAT(complaint({.pp = 2, .layers_per_stage = {33, -1}}, "llama-3-8b", 2),
              HasSubstr("got -1"));
  EXPECT_THAT(complaint({.gpu_layers = -1}, "llama-3-8b", 1), HasSubstr("gpu_layers"));
  EXPECT_THAT(complaint({.dp = 2147483647}, "llama-3-8b", 8), HasSubstr("needs more devices"));
}

TEST(ValidatePlan, AcceptsWhatFits) {
  EXPECT_EQ(complaint({.tp = 8}, "llama-3-70b", 8), "");
  EXPECT_EQ(complaint({.tp = 16}, "llama-3-70b", 16),
            "");  // more devices than KV heads: each holds a copy
  EXPECT_EQ(complaint({.tp = 2, .dp = 4, .ep = 8}, "mixtral-8x7b", 8), "");
  EXPECT_EQ(complaint({}, "gpt2", 2), "");
}

}  // namespace
}  // namespace rigsim::workloads
