#include "sim/units.h"

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "sim/ids.h"

namespace rigsim::sim {
namespace {

using namespace literals;
using namespace std::chrono_literals;

template <class A, class B>
concept Addable = requires(A a, B b) { a + b; };
template <class A, class B>
concept Subtractable = requires(A a, B b) { a - b; };
template <class A, class B>
concept Multipliable = requires(A a, B b) { a* b; };
template <class A, class B>
concept Divisible = requires(A a, B b) { a / b; };
template <class A, class B>
concept Comparable = requires(A a, B b) { a < b; };

// What must not compile.
static_assert(!Addable<Time, Time>);
static_assert(!Addable<Bytes, Duration>);
static_assert(!Addable<Bytes, Flops>);
static_assert(!Addable<Bytes, int>);
static_assert(!Subtractable<Bandwidth, FlopRate>);
static_assert(!Multipliable<Bytes, Bytes>);
static_assert(!Multipliable<Watts, Watts>);
static_assert(!Divisible<Bytes, FlopRate>);
static_assert(!Divisible<Flops, Bandwidth>);
static_assert(!Comparable<Bytes, Bandwidth>);
static_assert(!Comparable<Time, Duration>);
static_assert(!std::convertible_to<std::int64_t, Bytes>);
static_assert(!std::convertible_to<Bytes, std::int64_t>);
static_assert(!std::convertible_to<std::int64_t, Duration>);
static_assert(!std::convertible_to<OpId, ResourceId>);
static_assert(!std::convertible_to<std::uint32_t, LinkId>);
static_assert(!Addable<OpId, OpId>);

// What must, and what it gives.
static_assert(std::same_as<decltype(Time{} - Time{}), Duration>);
static_assert(std::same_as<decltype(Bytes{} / Bandwidth{}), Duration>);
static_assert(std::same_as<decltype(Bytes{} / Duration{}), Bandwidth>);
static_assert(std::same_as<decltype(Flops{} / FlopRate{}), Duration>);
static_assert(std::same_as<decltype(Watts{} * Duration{}), Joules>);
static_assert(std::same_as<decltype(Bytes{} / Bytes{}), double>);
static_assert(std::convertible_to<std::chrono::nanoseconds, Duration>);
static_assert(sizeof(Bytes) == 8 && std::is_trivially_copyable_v<Bytes>);
static_assert(index_of(OpId{7}) == 7);

TEST(Units, TellDecimalFromBinaryBytes) {
  EXPECT_EQ((24_GB).count(), 24'000'000'000);
  EXPECT_EQ((24_GiB).count(), 25'769'803'776);
  EXPECT_EQ(1_kB + 24_B, 1_KiB);
  EXPECT_EQ(2 * 3_MB - 1_MB, 5_MB);
}

// 450 MB / 450 GB/s = 1 ms; 1 B / 3 B/s = 333,333,333,333.33 ps; 2 B / 3 B/s = 666,666,666,666.67
// ps.
TEST(Units, DivideBytesByARateAndRoundOnceToTheNearestPicosecond) {
  EXPECT_EQ(450_MB / 450_GBps, 1ms);
  EXPECT_EQ(1_B / Bandwidth(3), Duration(333'333'333'333));
  EXPECT_EQ(2_B / Bandwidth(3), Duration(666'666'666'667));
}

TEST(Units, TakeNoTimeForNothingAndAPicosecondAtLeastForSomething) {
  EXPECT_EQ(0_B / 1_GBps, Duration(0));
  EXPECT_EQ(1_B / Bandwidth(1e15), Duration(1));
  EXPECT_EQ(Flops(1) / 1000_TFLOPS, Duration(1));
}

TEST(Units, RefuseRatesThatAreNotPositive) {
  EXPECT_THROW((void)(1_B / Bandwidth(0)), std::invalid_argument);
  EXPECT_THROW((void)(1_B / Bandwidth(-1)), std::invalid_argument);
  EXPECT_THROW((void)(Flops(1) / FlopRate(std::numeric_limits<double>::quiet_NaN())),
               std::invalid_argument);
}

// 2^63 ps are 106.75 days.
TEST(Units, RefuseDurationsBeyondTheClock) {
  EXPECT_EQ(from_seconds(1.5), 1500ms);
  EXPECT_EQ(from_seconds(-1e-12), Duration(-1));
  EXPECT_THROW((void)from_seconds(107.0 * 86'400), std::out_of_range);
  EXPECT_THROW((void)from_seconds(std::numeric_limits<double>::infinity()), std::out_of_range);
  EXPECT_THROW((void)(1_GB / Bandwidth(1)), std::out_of_range);
}

// 82.6 TFLOPS for 1 ms is 82.6 GFLOP; 450 W for 2 s is 900 J.
TEST(Units, TurnIntoEachOther) {
  EXPECT_EQ(Flops(82.6e9) / 82.6_TFLOPS, 1ms);
  EXPECT_EQ((450_W * 2s).count(), 900);
  EXPECT_EQ((Joules(900) / Duration(2s)).count(), 450);
  EXPECT_EQ((3_kB / Duration(1us)).count(), 3e9);
  EXPECT_EQ(12_GB / 24_GB, 0.5);
  EXPECT_EQ(to_seconds(250ms), 0.25);
}

}  // namespace
}  // namespace rigsim::sim
