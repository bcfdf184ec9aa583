#include "configs/collective_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "configs/catalog.h"
#include "topology/collective_model.h"
#include "topology/nccl_tuning.h"

namespace rigsim::configs {
namespace {

using topology::Algorithm;
using topology::CollectiveKind;
using topology::CollectiveMachine;
using topology::CollectiveProfile;
using topology::CollectiveRequest;
using topology::LaunchMode;
using topology::Protocol;

CollectiveRequest on_all(const topology::Rig& rig, CollectiveKind kind, std::int64_t bytes) {
  CollectiveRequest request{kind, {}, sim::Bytes(bytes)};
  request.devices.resize(rig.devices.size());
  std::iota(request.devices.begin(), request.devices.end(), 0U);
  return request;
}

TEST(CollectiveProfile, HoldsTheMeasuredTables) {
  const CollectiveProfile profile = collective_profile();
  std::size_t nccl = 0;
  std::size_t vllm = 0;
  for (const CollectiveMachine& machine : profile.machines)
    for (const auto& table : machine.tables)
      (table.library == topology::CollectiveLibrary::kNccl ? nccl : vllm) += table.points.size();
  EXPECT_EQ(nccl, 813U);  // 36 curves of 21 sizes, 2 of 17, one of 23
  EXPECT_EQ(vllm, 232U);
}

TEST(CollectiveProfile, MachinesAreDevicesOfTheCatalogue) {
  const Catalog catalog = Catalog::load();
  for (const CollectiveMachine& machine : collective_profile().machines) {
    EXPECT_NE(catalog.find_device(machine.measured_on), nullptr) << machine.measured_on;
    for (const std::string& device : machine.devices)
      EXPECT_EQ(catalog.device(device).name, device);
  }
}

// nccl_sweeps.csv: 8 H100, all-reduce of 512 MiB, 2111.06 us: 254.3 GB/s, busbw x 2 x 7/8 = 445.
TEST(CollectiveProfile, PricesWhatWasMeasuredAsMeasured) {
  const CollectiveProfile profile = collective_profile();
  const topology::Rig rig = Catalog::load().rig("8xh100-sxm");
  const auto cost =
      topology::CollectiveModel(rig, profile)
          .cost(on_all(rig, CollectiveKind::kAllReduce, 536'870'912), LaunchMode::kGraph);
  EXPECT_NEAR(sim::to_seconds(cost.time), 2111.06e-6, 1e-9);
  EXPECT_EQ(cost.algorithm, Algorithm::kNvls);
  EXPECT_TRUE(cost.measured);
}

// nccl_sweeps.csv: two RTX PRO 6000 without peer access, 16 MiB in 1117.59 us. Their chip's other
// cards have the fit; four of them were not measured, and two tell nothing of the hops of four.
TEST(CollectiveProfile, WithoutPeersWhatTwoRanksTellHoldsForTwo) {
  using enum topology::CollectiveEvidence;
  const CollectiveProfile profile = collective_profile();
  const auto cost = [&](const std::string& name) {
    const topology::Rig rig = Catalog::load().rig(name);
    return topology::CollectiveModel(rig, profile)
        .cost(on_all(rig, CollectiveKind::kAllReduce, 16 << 20), LaunchMode::kGraph);
  };
  EXPECT_NEAR(sim::to_seconds(cost("2xrtx-pro-6000-nop2p").time), 1117.59e-6, 1e-9);
  EXPECT_EQ(cost("2xrtx-pro-6000-nop2p").evidence, kMeasured);
  EXPECT_EQ(cost("2xrtx-5090").evidence, kFitted);
  EXPECT_EQ(cost("4xrtx-pro-6000-nop2p").evidence, kFamily);
}

Protocol wire(const std::string& rig_name, CollectiveKind kind, std::int64_t bytes) {
  const CollectiveProfile profile = collective_profile();
  const topology::Rig rig = Catalog::load().rig(rig_name);
  return topology::CollectiveModel(rig, profile)
      .cost(on_all(rig, kind, bytes), LaunchMode::kGraph)
      .protocol;
}

// Where the measured curves jump, NCCL changed its mind: A100 pair 19.4 us at 512 KiB, 40.8 at 1
// MiB; H100 pair 14.7 us at 1 MiB, 27.9 at 2 MiB; RTX PRO 6000 pair 31.3 at 512 KiB, 44.4 at 1 MiB;
// A100 pair's all-gather 20.0 at 1 MiB, 38.1 at 2 MiB.
TEST(CollectiveProfile, NcclChangesItsMindWhereTheMeasuredCurvesJump) {
  using enum CollectiveKind;
  constexpr std::int64_t kMiB = 1 << 20;
  EXPECT_EQ(wire("2xa100-sxm", kAllReduce, kMiB / 2), Protocol::kLl);
  EXPECT_EQ(wire("2xa100-sxm", kAllReduce, kMiB), Protocol::kSimple);
  EXPECT_EQ(wire("2xh100-sxm", kAllReduce, kMiB), Protocol::kLl);
  EXPECT_EQ(wire("2xh100-sxm", kAllReduce, 2 * kMiB), Protocol::kSimple);
  EXPECT_EQ(wire("2xrtx-pro-6000", kAllReduce, kMiB / 2), Protocol::kLl);
  EXPECT_EQ(wire("2xrtx-pro-6000", kAllReduce, kMiB), Protocol::kSimple);
  EXPECT_EQ(wire("2xa100-sxm", kAllGather, kMiB), Protocol::kLl);
  EXPECT_EQ(wire("2xa100-sxm", kAllGather, 2 * kMiB), Protocol::kSimple);
}

// Logs: 8 H200 ring LL up to 1 MiB, NVLS from 2 MiB; H100 rings with 4 GPUs, NVLS with 6.
TEST(CollectiveProfile, NvlsComesFromFiveGpusAndTwoMebibytes) {
  const CollectiveProfile profile = collective_profile();
  const auto algorithm = [&](const std::string& name, std::int64_t bytes) {
    const topology::Rig rig = Catalog::load().rig(name);
    return topology::CollectiveModel(rig, profile)
        .cost(on_all(rig, CollectiveKind::kAllReduce, bytes), LaunchMode::kGraph)
        .algorithm;
  };
  EXPECT_EQ(algorithm("8xh200", 1 << 20), Algorithm::kRing);
  EXPECT_EQ(algorithm("8xh200", 2 << 20), Algorithm::kNvls);
  EXPECT_EQ(algorithm("4xh100-sxm", 256 << 20), Algorithm::kRing);
  EXPECT_EQ(algorithm("6xh100-sxm", 256 << 20), Algorithm::kNvls);
  EXPECT_EQ(algorithm("6xb200", 256 << 20), Algorithm::kNvls);
  EXPECT_EQ(algorithm("8xa100-sxm", 256 << 20), Algorithm::kRing);
}

TEST(CollectiveProfile, FitsAreWrittenAsTheyAreRead) {
  const CollectiveProfile profile = collective_profile();
  const std::string text = to_yaml_fits(profile);
  EXPECT_THAT(text, testing::HasSubstr("name: h100-sxm\n    bus: 360 GB/s\n"));
  EXPECT_NE(text, to_yaml_fits(unfitted_collective_profile()));
}

TEST(CollectiveProfile, WithoutFitsNcclsConstantsStand) {
  for (const CollectiveMachine& machine : unfitted_collective_profile().machines) {
    EXPECT_EQ(machine.fit.launch, std::chrono::nanoseconds(6600));
    EXPECT_EQ(machine.fit.ll_share, 0.5);
  }
}

}  // namespace
}  // namespace rigsim::configs
