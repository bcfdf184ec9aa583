#include "configs/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace rigsim::configs {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string_view text, const std::function<void(ObjectReader&)>& read) {
  const YamlDocument document = parse_yaml(text, "8xh100.yaml");
  try {
    ObjectReader reader = ValueReader(document).object();
    read(reader);
    reader.finish();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ObjectReader, ReadsTypedValues) {
  EXPECT_EQ(refusal("memory: 24 GiB\nname: x\ntdp: ~\np2p: true\nn: 3\n",
                    [](ObjectReader& r) {
                      EXPECT_EQ(r.required<sim::Bytes>("memory").count(), 24LL << 30);
                      EXPECT_EQ(r.required<std::string>("name"), "x");
                      EXPECT_EQ(r.optional<sim::Watts>("tdp"), std::nullopt);
                      EXPECT_TRUE(r.value_or("p2p", false));
                      EXPECT_EQ(r.count("n", 1, 8), 3);
                      EXPECT_EQ(r.count_or("m", 5, 1), 5);
                    }),
            "accepted");
}

TEST(ObjectReader, NamesFileLineColumnAndKey) {
  const std::string text =
      "name: rig\nlinks:\n  - {bandwidth: 1 GB/s}\n  - {bandwidth: 1 GB/s}\n"
      "  - {bandwidth: 1 GB/s}\n  - bandwidth: -5 GB/s\n";
  EXPECT_EQ(refusal(text,
                    [](ObjectReader& r) {
                      (void)r.required<std::string>("name");
                      for (const ValueReader& link : r.value("links").items()) {
                        ObjectReader o = link.object();
                        (void)o.required<sim::Bandwidth>("bandwidth");
                      }
                    }),
            "8xh100.yaml:6:16: links[3].bandwidth: must be > 0, got \"-5 GB/s\"");
}

TEST(ObjectReader, SuggestsTheNearestKnownKey) {
  const auto read = [](ObjectReader& r) { (void)r.optional<sim::Bytes>("memory"); };
  EXPECT_EQ(refusal("memroy: 24 GiB\n", read),
            "8xh100.yaml:1:1: memroy: unknown key \"memroy\", did you mean \"memory\"?");
  EXPECT_EQ(refusal("colour: red\n", read),
            "8xh100.yaml:1:1: colour: unknown key \"colour\"; allowed: memory");
}

TEST(ObjectReader, NamesAMissingKeyAndItsLikelyMisspelling) {
  EXPECT_EQ(
      refusal("memroy: 24 GiB\n", [](ObjectReader& r) { (void)r.required<sim::Bytes>("memory"); }),
      "8xh100.yaml:1:1: the key \"memory\" is missing; is it the \"memroy\" that stands there?");
}

TEST(ValueReader, RefusesTheWrongKindOfValue) {
  EXPECT_THAT(refusal("a: [1]\n", [](ObjectReader& r) { (void)r.required<std::string>("a"); }),
              HasSubstr("1:4: a: expected text, got a list"));
  EXPECT_THAT(refusal("a: {b: 1}\n", [](ObjectReader& r) { (void)r.required<sim::Bytes>("a"); }),
              HasSubstr("expected a size such as \"24 GiB\", got a map"));
  EXPECT_THAT(refusal("a: 1\n", [](ObjectReader& r) { (void)r.value("a").items(); }),
              HasSubstr("expected a list, got \"1\""));
  EXPECT_THAT(refusal("a: 1\n", [](ObjectReader& r) { (void)r.value("a").object(); }),
              HasSubstr("expected a map of keys and values, got \"1\""));
  EXPECT_THAT(refusal("a: []\n", [](ObjectReader& r) { (void)r.value("a").some_items(); }),
              HasSubstr("at least one element"));
}

TEST(ValueReader, IsStrictAboutWholeNumbersAndBooleans) {
  for (const char* text : {"1e3", "-1", "1.0", "0x10", "99999999999999999999"}) {
    EXPECT_NE(
        refusal("n: " + std::string(text), [](ObjectReader& r) { (void)r.required<int>("n"); }),
        "accepted")
        << text;
  }
  EXPECT_THAT(refusal("n: 9", [](ObjectReader& r) { (void)r.count("n", 1, 8); }),
              HasSubstr("must be from 1 to 8, got 9"));
  for (const char* text : {"yes", "on", "True", "1", "\"true\""}) {
    EXPECT_NE(
        refusal("b: " + std::string(text), [](ObjectReader& r) { (void)r.required<bool>("b"); }),
        "accepted")
        << text;
  }
}

TEST(ValueReader, ListsTheChoices) {
  enum class Kind { kGpu, kCpu };
  EXPECT_EQ(
      refusal("kind: gpuu\n",
              [](ObjectReader& r) {
                (void)r.value("kind").choice<Kind>({{"gpu", Kind::kGpu}, {"cpu", Kind::kCpu}});
              }),
      "8xh100.yaml:1:7: kind: unknown value \"gpuu\", did you mean \"gpu\"? allowed: gpu, cpu");
}

TEST(InQuotes, KeepsErrorsOnOneShortLine) {
  EXPECT_EQ(in_quotes("a\nb\x01\xff\"c"), "\"a\\nb\\x01\\xff\\\"c\"");
  EXPECT_LT(in_quotes(std::string(500, 'x')).size(), 70U);
  EXPECT_EQ(in_quotes("\xc3\xa9"), "\"\xc3\xa9\"");
}

}  // namespace
}  // namespace rigsim::configs
