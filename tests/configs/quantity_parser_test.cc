#include "configs/quantity_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <stdexcept>

namespace rigsim::configs {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace sim::literals;  // NOLINT(google-build-using-namespace)

template <class T>
std::string refusal(std::string_view text, Zero zero = Zero::kRefused) {
  try {
    (void)parse_quantity<T>(text, zero);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ParseQuantity, TellsDecimalFromBinaryPrefixes) {
  EXPECT_EQ(parse_quantity<sim::Bytes>("24 GiB").count(), 24LL << 30);
  EXPECT_EQ(parse_quantity<sim::Bytes>("24 GB").count(), 24'000'000'000);
  EXPECT_EQ(parse_quantity<sim::Bytes>("1.5 KiB").count(), 1536);
  EXPECT_EQ(parse_quantity<sim::Bytes>("0.1 GB").count(), 100'000'000);
  EXPECT_EQ(parse_quantity<sim::Bytes>("512kB").count(), 512'000);
}

TEST(ParseQuantity, ReadsEveryDimension) {
  EXPECT_EQ(parse_quantity<sim::Bandwidth>("1008 GB/s"), 1008_GBps);
  EXPECT_EQ(parse_quantity<sim::Bandwidth>("3.35 TB/s"), sim::Bandwidth(3.35e12));
  EXPECT_EQ(parse_quantity<sim::FlopRate>("165.2 TFLOPS"), 165.2_TFLOPS);
  EXPECT_EQ(parse_quantity<sim::FlopRate>("660.6 TOPS"), 660.6_TFLOPS);
  EXPECT_EQ(parse_quantity<sim::Watts>("450 W"), 450_W);
  EXPECT_EQ(parse_quantity<sim::Joules>("1 kWh"), sim::Joules(3.6e6));
  EXPECT_EQ(parse_quantity<sim::Duration>("11 us"), std::chrono::microseconds(11));
  EXPECT_EQ(parse_quantity<sim::Duration>("11 \xc2\xb5s"), std::chrono::microseconds(11));
  EXPECT_EQ(parse_quantity<sim::Duration>("1.5 ns").count(), 1500);
  EXPECT_EQ(parse_quantity<Hertz>("2520 MHz").count(), 2.52e9);
  EXPECT_EQ(parse_quantity<Dollars>("350 USD").count(), 350);
}

TEST(ParseQuantity, WantsAUnit) {
  EXPECT_EQ(
      refusal<sim::Bandwidth>("1008"),
      "expected a bandwidth such as \"1008 GB/s\", got \"1008\": the unit is missing; allowed "
      "are B/s, kB/s, MB/s, GB/s, TB/s, MiB/s, GiB/s");
}

TEST(ParseQuantity, NamesTheDimensionThatWasGivenInstead) {
  EXPECT_THAT(refusal<sim::Bandwidth>("24 GiB"),
              HasSubstr("GiB is the unit of a size; allowed are B/s"));
  EXPECT_THAT(refusal<sim::Bytes>("450 W"), HasSubstr("W is the unit of a power"));
}

TEST(ParseQuantity, RefusesBitsWithAHint) {
  for (const char* text : {"400 Gb/s", "400 Gbps", "400 Gbit/s"}) {
    EXPECT_THAT(refusal<sim::Bandwidth>(text), HasSubstr("that is bits, 8 to the byte")) << text;
  }
}

TEST(ParseQuantity, SuggestsTheRightSpelling) {
  EXPECT_THAT(refusal<sim::Bandwidth>("10 gb/s"), HasSubstr("did you mean GB/s?"));
  EXPECT_THAT(refusal<sim::Bandwidth>("10 GBps"), HasSubstr("did you mean GB/s?"));
  EXPECT_THAT(refusal<sim::Bytes>("10 gib"), HasSubstr("did you mean GiB?"));
  EXPECT_THAT(refusal<sim::Bytes>("10 KB"), HasSubstr("write kB (1000 bytes) or KiB (1024 bytes)"));
}

TEST(ParseQuantity, RefusesNegativeZeroAndAbsurd) {
  EXPECT_EQ(refusal<sim::Bandwidth>("-5 GB/s"), "must be > 0, got \"-5 GB/s\"");
  EXPECT_EQ(refusal<sim::Bytes>("0 GiB"), "must be > 0, got \"0 GiB\"");
  EXPECT_EQ(refusal<sim::Duration>("-1 us", Zero::kAllowed), "must be >= 0, got \"-1 us\"");
  EXPECT_EQ(parse_quantity<sim::Duration>("0 us", Zero::kAllowed), sim::Duration::zero());
  EXPECT_EQ(refusal<sim::Bytes>("999999999999 GiB"),
            "must be at most 1024 TiB, got \"999999999999 GiB\"");
  EXPECT_THAT(refusal<sim::Bytes>("99999999999999999999999999 B"), HasSubstr("at most 1024 TiB"));
  EXPECT_THAT(refusal<sim::Watts>("1e999 W"), HasSubstr("must be at most 1000 kW"));
  EXPECT_THAT(refusal<sim::Duration>("3000 h"), HasSubstr("must be at most 106 days"));
}

TEST(ParseQuantity, RefusesWhatIsNoNumber) {
  for (const char* text : {"", " ", "nan GB", "inf GB", "GB", ". GB", "1. GB", ".5 GB", "0x10 GB",
                           "1,5 GB", "1 2 GB", "--1 GB", "eighty", "1e GB", "\n"}) {
    EXPECT_NE(refusal<sim::Bytes>(text), "accepted") << text;
  }
}

TEST(ToText, IsShort) {
  EXPECT_EQ(to_text(24_GiB), "24 GiB");
  EXPECT_EQ(to_text(24_GB), "24 GB");
  EXPECT_EQ(to_text(1008_GBps), "1008 GB/s");
  EXPECT_EQ(to_text(165.2_TFLOPS), "165.2 TFLOPS");
  EXPECT_EQ(to_text(sim::Duration(11'000'000)), "11 us");
  EXPECT_EQ(to_text(Hertz(2.52e9)), "2520 MHz");
  EXPECT_EQ(to_text(0_W), "0 W");
}

TEST(ToText, ComesBackExactly) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto bits = static_cast<int>(random() % 50);
    const sim::Bytes bytes(static_cast<std::int64_t>(random() >> (14 + bits)));
    EXPECT_EQ(parse_quantity<sim::Bytes>(to_text(bytes), Zero::kAllowed), bytes);
    const sim::Bandwidth rate(static_cast<double>(bytes.count()) / 3.0);
    EXPECT_EQ(parse_quantity<sim::Bandwidth>(to_text(rate), Zero::kAllowed), rate);
    const sim::Duration time(bytes.count());
    EXPECT_EQ(parse_quantity<sim::Duration>(to_text(time), Zero::kAllowed), time);
  }
}

TEST(ParseCount, IsStrict) {
  EXPECT_EQ(parse_count("0"), 0);
  EXPECT_EQ(parse_count("9223372036854775807"), INT64_MAX);
  for (const char* text :
       {"", "-1", "+1", "1e3", "1.0", "1 ", "0x1", "9223372036854775808", "ten"}) {
    EXPECT_THROW((void)parse_count(text), std::invalid_argument) << text;
  }
}

TEST(ParseNumber, IsFinite) {
  EXPECT_EQ(parse_number("0.95"), 0.95);
  EXPECT_EQ(parse_number("-3"), -3);
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "0.9x", "."}) {
    EXPECT_THROW((void)parse_number(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace rigsim::configs
