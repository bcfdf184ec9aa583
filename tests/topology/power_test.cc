#include "topology/power.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "tests/topology/devices.h"

namespace rigsim::topology {
namespace {

using namespace sim::literals;
using namespace std::chrono_literals;
using namespace testing;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr double kDecode = 0;
constexpr double kPrefill = 1;

Device with_tdp(Device device, double watts) {
  device.tdp = sim::Watts(watts);
  return device;
}

/// Waiting 20 W; memory-bound 40 W + 60 W x^2, compute-bound 20 W + 80 W x^3.
constexpr PowerModel kSimple{20_W, {40_W, 60_W, 2}, {20_W, 80_W, 3}, 0.1, true};

TEST(ClockFraction, IsOneWhereTheLimitDoesNotBind) {
  EXPECT_EQ(clock_fraction(kSimple, 100_W, 1, kDecode), 1);
  EXPECT_EQ(clock_fraction(kSimple, 500_W, 1, kPrefill), 1);
}

// 40 + 60 x^2 = 55 W at x = 1/2; 20 + 80 x^3 = 30 W at x = 1/2; half of each: 30 + 30 x^2 + 40 x^3
// = 42.5 W at x = 1/2.
TEST(ClockFraction, SolvesTheCurveOfTheWork) {
  EXPECT_NEAR(clock_fraction(kSimple, 55_W, 1, kDecode), 0.5, 1e-9);
  EXPECT_NEAR(clock_fraction(kSimple, 30_W, 1, kPrefill), 0.5, 1e-9);
  EXPECT_NEAR(clock_fraction(kSimple, sim::Watts(42.5), 1, 0.5), 0.5, 1e-9);
}

// Busy half the time: (40 + 60 x^2) / 2 + 20 / 2 = 60 W at x = 1, so 60 W costs nothing; 37.5 W
// gives x = 1/2.
TEST(ClockFraction, ActsOnTheAverageOfWorkAndWaiting) {
  EXPECT_EQ(clock_fraction(kSimple, 60_W, 0.5, kDecode), 1);
  EXPECT_NEAR(clock_fraction(kSimple, sim::Watts(37.5), 0.5, kDecode), 0.5, 1e-9);
  EXPECT_EQ(clock_fraction(kSimple, 30_W, 0, kDecode), 1);
}

TEST(ClockFraction, StopsAtTheLowestClock) {
  EXPECT_EQ(clock_fraction(kSimple, 5_W, 1, kDecode), 0.1);
}

TEST(ClockFraction, NeverFallsWithTheLimitNorRisesWithTheDuty) {
  for (const Device& device : {rtx_3090(), rtx_4090(), rtx_pro_6000(), h100_sxm(), m2_ultra()}) {
    const PowerModel model = power_model(with_tdp(device, 400));
    for (const double compute : {0.0, 0.3, 1.0})
      for (double duty = 0; duty <= 1; duty += 0.125)
        for (double watts = 40; watts < 440; watts += 8) {
          const double clock = clock_fraction(model, sim::Watts(watts), duty, compute);
          EXPECT_LE(clock, clock_fraction(model, sim::Watts(watts + 8), duty, compute))
              << device.name << watts;
          EXPECT_GE(clock,
                    clock_fraction(model, sim::Watts(watts), std::min(1.0, duty + 0.125), compute))
              << device.name << duty;
        }
  }
}

TEST(ClockFraction, RefusesImpossibleShares) {
  EXPECT_THAT(
      [] { (void)clock_fraction(kSimple, 50_W, 1.5, 0); },
      ThrowsMessage<std::invalid_argument>(HasSubstr("duty must lie between 0 and 1, got 1.5")));
  EXPECT_THAT([] { (void)clock_fraction(kSimple, 50_W, 1, -0.5); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("compute_share must lie between 0 and 1, got -0.5")));
  EXPECT_THAT(
      [] { (void)clock_fraction(kSimple, 0_W, 1, 0); },
      ThrowsMessage<std::invalid_argument>(HasSubstr("power limit must be > 0 W, got 0 W")));
}

TEST(ClockFraction, OfAnInstalledDeviceUsesItsOwnLimitOrTheDatasheet) {
  InstalledDevice card{with_tdp(rtx_3090(), 350), "gpu0", {}};
  EXPECT_EQ(clock_fraction(card, 1, kDecode), 1);
  card.power_limit = 230_W;
  EXPECT_LT(clock_fraction(card, 1, kDecode), 0.6);
}

/// A row of a published sweep: limit in W, SM clock relative to the 350 W row.
struct SweepRow {
  double limit;
  double clock;
};

// RTX 3090, club-3090 @4a29ab57 docs/img/power-cap-3090-qwen36.py (1560 MHz = 1) and -prefill.py
// (1620 MHz = 1).
TEST(PowerModel, FollowsTheSweepsOfAnRtx3090) {
  const PowerModel model = power_model(with_tdp(rtx_3090(), 350));
  EXPECT_TRUE(model.fitted);
  for (const SweepRow row :
       {SweepRow{190, 540. / 1560}, {230, 825. / 1560}, {280, 1260. / 1560}, {310, 1470. / 1560}})
    EXPECT_NEAR(clock_fraction(model, sim::Watts(row.limit), 1, kDecode), row.clock,
                0.07 * row.clock)
        << row.limit;
  for (const SweepRow row :
       {SweepRow{190, 735. / 1620}, {230, 1170. / 1620}, {280, 1485. / 1620}, {320, 1605. / 1620}})
    EXPECT_NEAR(clock_fraction(model, sim::Watts(row.limit), 1, kPrefill), row.clock,
                0.08 * row.clock)
        << row.limit;
}

// RTX PRO 6000 Workstation, GPU 3, gpu_burn -tc: 91.1 of 165.7 TFLOP/s at 300 W, 132.7 at 450 W
// (rtx6kpro @29f3863a).
TEST(PowerModel, FollowsTheGemmSweepOfAnRtxPro6000) {
  const PowerModel model = power_model(with_tdp(rtx_pro_6000(), 600));
  EXPECT_NEAR(clock_fraction(model, 300_W, 1, kPrefill), 91.1 / 165.7, 0.08 * 0.55);
  EXPECT_NEAR(clock_fraction(model, 442_W, 1, kPrefill), 132.7 / 165.7, 0.08 * 0.80);
}

// Layer split over four 3090s at 230 W keeps each card busy a quarter of the time: 0.25 x 314 +
// 0.75 x 133 = 178 W. Measured: 4 cards decode at nearly the speed of one at 370 W, one at 230 W
// loses 22 % (XiongjieDai, LLaMA 3 8B Q4_K_M).
TEST(PowerModel, LetsCardsThatTakeTurnsRunAtFullClock) {
  const InstalledDevice card{with_tdp(rtx_3090(), 350), "gpu0", 230_W};
  EXPECT_NEAR(average_draw(power_model(card.device), 1, 0.25, kDecode).count(), 178, 1);
  EXPECT_EQ(clock_fraction(card, 0.25, kDecode), 1);
  EXPECT_EQ(clock_fraction(card, 0.5, kDecode), 1);
  EXPECT_LT(clock_fraction(card, 1, kDecode), 0.6);
}

// RTX 4090 decode (club-3090 @4a29ab57 power-cap-4090-qwen36.py): 0.798 of full speed at 230 W,
// 0.965 at 300 W.
TEST(MemoryRate, WithTheClockReproducesDecodeOfACappedRtx4090) {
  const PowerModel model = power_model(with_tdp(rtx_4090(), 450));
  EXPECT_NEAR(memory_rate_fraction(clock_fraction(model, 230_W, 1, kDecode)), 0.798, 0.08);
  EXPECT_NEAR(memory_rate_fraction(clock_fraction(model, 300_W, 1, kDecode)), 0.965, 0.02);
}

// ((1 + 0.53^4) / (1 + 1))^(1/4) at clock 0.53 = (1.0789 / 2)^(1/4) = 0.857.
TEST(MemoryRate, FallsSlowlyWithTheClock) {
  EXPECT_EQ(memory_rate_fraction(1), 1);
  EXPECT_NEAR(memory_rate_fraction(0.53), 0.857, 0.001);
  EXPECT_GT(memory_rate_fraction(0.9), 0.98);
  EXPECT_THROW((void)memory_rate_fraction(0), std::invalid_argument);
  EXPECT_THROW((void)memory_rate_fraction(1.1), std::invalid_argument);
}

TEST(PowerModel, OfAnUnknownChipIsAPriorScaledByItsDatasheetPower) {
  const PowerModel model = power_model(with_tdp(card("next", "XX100", 6, true), 1000));
  EXPECT_FALSE(model.fitted);
  EXPECT_EQ(model.waiting, 200_W);
  EXPECT_EQ(model.memory_bound.draw(1), 700_W);
  EXPECT_EQ(model.compute_bound.draw(1), 1000_W);
  EXPECT_THROW((void)power_model(with_tdp(rtx_3090(), 0)), std::invalid_argument);
}

TEST(PowerModel, OfAChipsKinBorrowsTheFitAndSaysSo) {
  const PowerModel measured = power_model(with_tdp(rtx_3090(), 220));
  const PowerModel kin = power_model(with_tdp(card("rtx-3070", "GA104", 4, false), 220));
  EXPECT_FALSE(kin.fitted);
  EXPECT_EQ(kin.memory_bound.draw(0.5), measured.memory_bound.draw(0.5));
}

// Two seconds of prefill at full clock and three of waiting: 2 x 100 + 3 x 20.
TEST(Energy, IsDrawTimesTime) { EXPECT_EQ(energy(kSimple, 1, kPrefill, 2s, 3s), sim::Joules(260)); }

}  // namespace
}  // namespace rigsim::topology
