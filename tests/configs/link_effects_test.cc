#include "configs/link_effects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "configs/catalog.h"
#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

using testing::HasSubstr;

const std::string kHeader =
    "id,change,mechanism,model,weights,engine,phase,prompt_tokens,output_tokens,context_depth,"
    "batch,rig_a,plan_a,measured_a,rig_b,plan_b,measured_b,unit,source,source_place,exclusion,"
    "note\n";

std::string message_of(const std::string& row) {
  try {
    (void)parse_link_effects(kHeader + row + '\n', "x.csv");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

// ---- Comparisons

// 1327 / 1975 = 0.672.
TEST(LinkEffects, ReadBothArms) {
  const auto effects = parse_link_effects(
      kHeader +
          "bridge,NVLink -> PCIe,all-reduce,m,awq,vllm,prefill,10000,0,0,1,2x3090-nvlink,tp=2,1975,"
          "2x3090,tp=2,1327,tokens/s,https://example.org,#698,,\n",
      "x.csv");
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(effects[0].a.rig, "2x3090-nvlink");
  EXPECT_EQ(effects[0].b.plan, "tp=2");
  EXPECT_EQ(effects[0].phase, MeasuredPhase::kPrefill);
  EXPECT_NEAR(effects[0].measured_ratio(), 0.672, 0.0005);
  EXPECT_TRUE(effects[0].scored());
}

TEST(LinkEffects, RefuseAScoredComparisonWithoutItsParts) {
  EXPECT_THAT(message_of("i,c,k,m,f16,vllm,decode,0,8,0,1,a,,1,b,,,x,s,,,"),
              HasSubstr("x.csv:2: measured_b: a scored comparison needs a figure above 0"));
  EXPECT_THAT(message_of("i,c,k,m,f16,vllm,decode,0,0,0,1,a,,1,b,,2,x,s,,,"),
              HasSubstr("output_tokens: a scored comparison needs the length"));
  EXPECT_THAT(message_of("i,c,k,,f16,vllm,decode,0,8,0,1,a,,1,b,,2,x,s,,,"),
              HasSubstr("model: must not be empty"));
  EXPECT_THAT(message_of("i,c,k,m,f16,vllm,load,0,8,0,1,a,,1,b,,2,x,s,,,"),
              HasSubstr("phase: must be one of prefill, decode"));
  EXPECT_EQ(message_of("i,,,,,,decode,0,0,0,1,a,,1,b,,2,x,s,,model not stated,"), "accepted");
}

TEST(LinkEffects, ShipWithUniqueNamesAndSources) {
  std::set<std::string> ids;
  for (const LinkEffect& effect : link_effects()) {
    EXPECT_TRUE(ids.insert(effect.id).second) << effect.id;
    EXPECT_FALSE(effect.source.empty()) << effect.id;
  }
  EXPECT_GE(std::ranges::count_if(link_effects(), &LinkEffect::scored), 40);
}

// 56 runs of four rigs, both phases; what did not fit or scattered is not scored.
TEST(RowSplitRows, AreTheSourcesMultiGpuRows) {
  const auto rows = row_split_rows();
  EXPECT_EQ(rows.size(), 112U);
  const auto scored = [&](MeasuredPhase phase) {
    return std::ranges::count_if(
        rows, [&](const MeasuredRow& row) { return row.scored() && row.phase == phase; });
  };
  EXPECT_EQ(scored(MeasuredPhase::kDecode), 43);
  EXPECT_EQ(scored(MeasuredPhase::kPrefill), 41);
}

// ---- Rigs

TEST(LinkRig, SaysEachDevicesSlot) {
  const Catalog catalog = Catalog::load();
  const topology::Rig rig = link_rig("3xp40 pcie=3x16/8/8", catalog);
  ASSERT_EQ(rig.devices.size(), 3U);
  EXPECT_EQ(rig.devices[0].device.pcie_lanes, 16);
  EXPECT_EQ(rig.devices[2].device.pcie_lanes, 8);
  EXPECT_EQ(rig.cables[0].type, "pcie3x16");
  EXPECT_EQ(rig.cables[1].type, "pcie3x8");
}

TEST(LinkRig, KeepsTheBridgeAndTheLimitOfANarrowerSlot) {
  const Catalog catalog = Catalog::load();
  const topology::Rig rig = link_rig("2x3090-nvlink@230W pcie=3x8", catalog);
  EXPECT_EQ(rig.devices[1].power_limit->count(), 230);
  EXPECT_EQ(std::ranges::count_if(rig.cables,
                                  [](const topology::Cable& cable) {
                                    return cable.kind == topology::CableKind::kNvlink;
                                  }),
            1);
}

TEST(LinkRig, SwitchesPeerAccess) {
  const Catalog catalog = Catalog::load();
  EXPECT_TRUE(link_rig("2x4090", catalog).peer_access.empty());
  EXPECT_EQ(link_rig("2x4090 p2p=on", catalog).peer_access.size(), 2U);
}

TEST(LinkRig, SaysHowFarNcclGoesPeerToPeer) {
  const Catalog catalog = Catalog::load();
  EXPECT_FALSE(link_rig("2x4090 p2p=on", catalog).nccl_peers_at_any_distance);
  EXPECT_TRUE(link_rig("2x4090 p2p=on nccl-p2p=sys", catalog).nccl_peers_at_any_distance);
}

TEST(LinkRig, RefusesWhatItDoesNotKnow) {
  const Catalog catalog = Catalog::load();
  for (const char* text :
       {"", "2x4091", "2x4090 pcie=4", "2x4090 pcie=4xx", "2x4090 pcie=4x16/8/8",
        "2x4090 pcie=9x16", "2x4090 p2p=maybe", "2x4090 nccl-p2p=pix", "2x4090 nvlink"}) {
    EXPECT_THROW((void)link_rig(text, catalog), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace rigsim::configs
