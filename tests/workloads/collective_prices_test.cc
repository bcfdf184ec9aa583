#include <gtest/gtest.h>

#include <chrono>

#include "tests/topology/devices.h"
#include "tests/topology/nccl_numbers.h"
#include "topology/collective_contention.h"
#include "workloads/communication.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;
using namespace sim::literals;
using topology::LaunchMode;

/// A kernel starts in 8 us, an eager call takes at least 20.
topology::CollectiveProfile profile() {
  topology::CollectiveProfile out;
  out.nccl = topology::testing::round_constants();
  out.shape = {1, 1, 0.5};
  const topology::NcclFit fit{8us, 2us, 6us, 0.5, 1, 0.5};
  out.family = {fit, fit, fit, 0.5, 20us};
  return out;
}

class Prices {
 public:
  explicit Prices(const ResourceScale& scale = {})
      : prices_(rig_, network_, EngineProfile{}, &profile_, scale) {}

  CollectivePrice of(sim::Bytes size, LaunchMode launch = LaunchMode::kGraph) {
    return prices_.price({topology::CollectiveKind::kAllReduce, {0, 1}, size}, launch).value();
  }
  [[nodiscard]] sim::Duration alone(sim::Bytes size, LaunchMode launch) const {
    return topology::cost_alone(topology::CollectiveModel(rig_, profile_), network_,
                                topology::CollectiveLibrary::kNccl,
                                {topology::CollectiveKind::kAllReduce, {0, 1}, size}, launch)
        .time;
  }

 private:
  topology::Rig rig_ = topology::testing::rig_of(2, topology::testing::rtx_3090());
  topology::RigNetwork network_{rig_};
  topology::CollectiveProfile profile_ = profile();
  CollectivePrices prices_;
};

constexpr ResourceScale kInfiniteLinks{.link_bandwidth = 1e6, .link_latency = 1e6};

TEST(CollectivePrices, AsItIsIsTheLibrarysCost) {
  for (const LaunchMode launch : {LaunchMode::kGraph, LaunchMode::kEager})
    for (const sim::Bytes size : {8_B, 64_KiB, 64_MiB})
      EXPECT_EQ(Prices().of(size, launch).time, Prices().alone(size, launch));
}

TEST(CollectivePrices, NoLinkShortensTheStartOfAKernel) {
  for (const sim::Bytes size : {8_B, 64_MiB}) {
    const CollectivePrice price = Prices(kInfiniteLinks).of(size);
    EXPECT_NEAR(sim::to_seconds(price.time), 8e-6, 0.02e-6);
    EXPECT_EQ(price.launch, 8us);
    EXPECT_EQ(Prices().of(size).launch, 8us);
  }
}

TEST(CollectivePrices, FasterLaunchesShortenTheStartAlone) {
  ResourceScale twice;
  twice.launch = 2;
  EXPECT_EQ(Prices().of(64_MiB).time - Prices(twice).of(64_MiB).time, 4us);
  EXPECT_EQ(Prices(twice).of(64_MiB).launch, 4us);
}

TEST(CollectivePrices, NoLinkShortensAnEagerCallBelowTheHostsFloor) {
  const CollectivePrice small = Prices().of(8_B, LaunchMode::kEager);
  EXPECT_EQ(small.time, 20us);
  EXPECT_EQ(small.launch, 20us);
  EXPECT_EQ(Prices(kInfiniteLinks).of(64_MiB, LaunchMode::kEager).time, 20us);
  EXPECT_EQ(Prices().of(64_MiB, LaunchMode::kEager).launch, 8us);
  ResourceScale slow;
  slow.link_latency = 1e-3;
  EXPECT_GT(Prices(slow).of(8_B, LaunchMode::kEager).time, 1ms);
}

}  // namespace
}  // namespace rigsim::workloads
