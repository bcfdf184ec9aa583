#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const json& format_named(const json& rig, const std::string& name) {
  for (const json& format : rig.at("formats")) {
    if (format.at("weights") == name) return format;
  }
  throw std::runtime_error("no format " + name);
}

// 70B Q4_K_M is 39.6 GiB: on 2 x 24 GB, not on one. F16 is 131 GiB.
TEST(Fit, ListsEveryFormatOnARig) {
  const json rig = document("fit --model llama-3-70b --rig 2x4090 --json").at("rigs")[0];
  EXPECT_EQ(rig.at("formats").size(), 30U);
  EXPECT_EQ(format_named(rig, "Q4_K_M").at("fits"), true);
  EXPECT_EQ(format_named(rig, "F16").at("fits"), false);
  EXPECT_TRUE(format_named(rig, "F16").at("largest_batch").is_null());
}

TEST(Fit, ItemisesEachContextOnEachDevice) {
  const json rig =
      document("fit --model llama-3-70b --rig 2x4090 --weights q4_k_m --context 8192 --json")
          .at("rigs")[0];
  const json& first = rig.at("formats")[0].at("contexts")[0];
  EXPECT_EQ(first.at("context"), 8192);
  std::int64_t kv = 0;
  for (const json& use : first.at("memory_bytes")) kv += use.at("kv_cache").get<std::int64_t>();
  EXPECT_EQ(kv, 8192LL * 320 * 1024);  // 80 layers x 8 KV heads x 128 x 2 x 2 bytes = 320 KiB
}

TEST(Fit, TheLargestContextFitsAndOneMoreDoesNot) {
  const auto fits = [](std::int64_t context) {
    return rigsim("fit --model llama-3.1-8b --rig 3060-12gb --weights q8_0 --context " +
                  std::to_string(context))
               .code == 0;
  };
  const json rig =
      document("fit --model llama-3.1-8b --rig 3060-12gb --weights q8_0 --context 1 --json")
          .at("rigs")[0];
  const auto largest = rig.at("formats")[0].at("largest_context").get<std::int64_t>();
  EXPECT_TRUE(fits(largest));
  EXPECT_FALSE(fits(largest + 1));
}

TEST(Fit, DoesNotFitIsCode4WithTheSmallestChanges) {
  const json rig =
      document("fit --model llama-3-70b --rig 4090 --weights q4_k_m --json", {}, 4).at("rigs")[0];
  EXPECT_EQ(rig.at("fits"), false);
  std::vector<std::string> kinds;
  int layers = 0;
  for (const json& change : rig.at("formats")[0].at("changes")) {
    kinds.push_back(change.at("change"));
    if (kinds.back() == "fewer_gpu_layers") layers = change.at("gpu_layers");
  }
  EXPECT_THAT(kinds, testing::ElementsAre("smaller_weights", "more_devices", "fewer_gpu_layers"));
  // The change is the smallest: it works, and one layer more does not.
  const auto with = [](int count) {
    return rigsim("fit --model llama-3-70b --rig 4090 --weights q4_k_m --gpu-layers " +
                  std::to_string(count))
        .code;
  };
  EXPECT_EQ(with(layers), 0);
  EXPECT_EQ(with(layers + 1), 4);
}

TEST(Fit, AModelAloneListsTheRigsThatHoldIt) {
  const json answer = document("fit --model llama-3-70b --weights q4_k_m --json");
  std::vector<std::string> names;
  for (const json& rig : answer.at("rigs")) names.push_back(rig.at("name"));
  EXPECT_THAT(names, testing::Contains("2x-rtx-4090"));
  EXPECT_THAT(names, testing::Contains("rtx-a6000"));
  EXPECT_THAT(names, testing::Not(testing::Contains("rtx-4090")));
}

TEST(Fit, AModelThatNothingHoldsIsCode4) {
  const Outcome run = rigsim("fit --model deepseek-v3 --weights f32");
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.out, HasSubstr("no rig of the catalogue holds it. "));
  EXPECT_THAT(run.out, HasSubstr(" would fit on "));
}

TEST(Fit, TablesAreAtMost100ColumnsWide) {
  for (const std::string words : {"--rig 2x4090", "--rig 2x4090 --weights q4_k_m", ""}) {
    std::istringstream lines(rigsim("fit --model llama-3-70b " + words).out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  }
}

}  // namespace
}  // namespace rigsim::cli::test
