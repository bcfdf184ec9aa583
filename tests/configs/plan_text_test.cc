#include "configs/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "configs/yaml_document.h"

namespace rigsim::configs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    (void)parse_plan(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(PlanText, SaysEverySplit) {
  const auto plan = parse_plan(
      "tp=2,pp=3,dp=4,ep=8,expert_imbalance=1.25,sp=on,in_flight=2,devices=3/2/1/0,balance=even");
  EXPECT_EQ(plan.tp, 2);
  EXPECT_EQ(plan.pp, 3);
  EXPECT_EQ(plan.dp, 4);
  EXPECT_EQ(plan.ep, 8);
  EXPECT_EQ(plan.expert_imbalance, 1.25);
  EXPECT_TRUE(plan.sequence_parallel);
  EXPECT_EQ(plan.in_flight, 2);
  EXPECT_THAT(plan.devices, ElementsAre(3, 2, 1, 0));
  EXPECT_EQ(parse_plan(to_text(plan)), plan);
}

TEST(PlanText, OfAPlainPlanStaysShort) {
  EXPECT_EQ(to_text(parse_plan("tp=2")), "tp=2,pp=1,dp=1,ep=1,balance=memory");
}

TEST(PlanText, RefusesWhatIsNoSwitchNumberOrDevice) {
  EXPECT_THAT(refusal("sp=yes"), HasSubstr("sp must be on or off, got \"yes\""));
  EXPECT_THAT(refusal("expert_imbalance=much"), HasSubstr("expert_imbalance must be a number"));
  EXPECT_THAT(refusal("expert_imbalance=nan"), HasSubstr("expert_imbalance must be a number"));
  EXPECT_THAT(refusal("devices=0/x"), HasSubstr("devices"));
  EXPECT_THAT(refusal("in_flight=0"), HasSubstr("in_flight must be from 1"));
}

TEST(PlanText, ReadsDevicesFromAFilesList) {
  const auto document = parse_yaml("tp: 2\npp: 2\ndevices: [0, 2, 1, 3]\nsp: on\n", "plan.yaml");
  const auto plan = read_plan(ValueReader(document));
  EXPECT_THAT(plan.devices, ElementsAre(0, 2, 1, 3));
  EXPECT_TRUE(plan.sequence_parallel);
}

}  // namespace
}  // namespace rigsim::configs
