#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "cli/collective_sizes.h"
#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<std::int64_t> sizes(std::string_view text, std::int64_t factor = 2) {
  std::vector<std::int64_t> out;
  for (const sim::Bytes size : parse_sizes(text, factor)) out.push_back(size.count());
  return out;
}

TEST(CollectiveSizes, ReadUnitsListsAndRanges) {
  using List = std::vector<std::int64_t>;
  EXPECT_EQ(sizes("8"), List({8}));
  EXPECT_EQ(sizes("512B,64KB, 64KiB,64k,1.5MiB"), List({512, 64000, 65536, 65536, 1572864}));
  EXPECT_EQ(sizes("1K-8K"), List({1024, 2048, 4096, 8192}));
  EXPECT_EQ(sizes("1KB-100KB", 10), List({1000, 10000, 100000}));
}

// 512 x 2^20 = 536,870,912 is 4.9 % beyond 512 MB.
TEST(CollectiveSizes, ARangeMayEndOnTheBinarySize) {
  EXPECT_EQ(sizes("512B-512MB").size(), 21U);
  EXPECT_EQ(sizes("512B-512MB").back(), 536'870'912);
}

TEST(CollectiveSizes, RefuseWhatIsNoSize) {
  for (const char* text : {"", "0", "5X", "MB", "-5", "1.5", "8K-4K", "1,", "1e3", "2TB"})
    EXPECT_THROW((void)parse_sizes(text, 2), std::invalid_argument) << text;
  EXPECT_THROW((void)parse_sizes("1-1G", 1), std::invalid_argument);
}

TEST(Collective, PrintsNcclTestsColumns) {
  const json doc = document("collective all_reduce --rig 8xh100-sxm --sizes 512B-512MB --json");
  const json& rows = doc.at("rows");
  ASSERT_EQ(rows.size(), 21U);
  EXPECT_EQ(rows[0].at("bytes"), 512);
  EXPECT_EQ(rows[0].at("algorithm"), "ring");
  EXPECT_EQ(rows[0].at("protocol"), "ll");
  EXPECT_EQ(rows[20].at("algorithm"), "nvls");
  for (const json& row : rows) {
    const double time = row.at("time_s");
    const double algbw = row.at("bytes").get<double>() / time;
    EXPECT_NEAR(row.at("algbw_bytes_per_s").get<double>() / algbw, 1, 1e-9);
    EXPECT_NEAR(row.at("busbw_bytes_per_s").get<double>() / algbw, 1.75, 1e-9);  // 2 x 7/8
    EXPECT_LT(row.at("low_s"), time);
    EXPECT_GT(row.at("high_s"), time);
    EXPECT_EQ(row.at("evidence"), "measured");
  }
}

TEST(Collective, ForcedProtocolsAndSubsetsOfDevices) {
  const json doc = document(
      "collective all-gather --rig 8xa100-sxm --devices 0,1,2,3 --algorithm ring --protocol simple "
      "--sizes 1M --json");
  EXPECT_EQ(doc.at("devices").size(), 4U);
  EXPECT_EQ(doc.at("rows")[0].at("protocol"), "simple");
  EXPECT_EQ(doc.at("rows")[0].at("evidence"), "fitted");
}

TEST(Collective, VllmRunsItsOwnWhereItMay) {
  const json own =
      document("collective all_reduce --rig 8xh100-sxm --library vllm --sizes 64K --json");
  EXPECT_EQ(own.at("rows")[0].at("library"), "vllm");
  EXPECT_EQ(own.at("rows")[0].at("algorithm"), "one_shot");
  const json staged =
      document("collective all_reduce --rig 2x4090 --library vllm --sizes 64K --json");
  EXPECT_EQ(staged.at("rows")[0].at("library"), "nccl");
}

TEST(Collective, GroupsAtOnceShareWhatTheyShare) {
  const json doc = document(
      "collective all_reduce --rig 8xh100-sxm --groups 2 --sizes 1G --algorithm ring --json");
  EXPECT_EQ(doc.at("groups"), 2);
  const json four =
      document("collective all_reduce --rig 4xh100-sxm --sizes 1G --algorithm ring --json");
  EXPECT_EQ(doc.at("rows")[0].at("time_s"), four.at("rows")[0].at("time_s"));  // ports of their own
}

TEST(Collective, SaysWhatIsWrong) {
  const auto error = [](const std::string& words) {
    const auto result = rigsim("collective " + words);
    EXPECT_EQ(result.code, 2) << words;
    return result.err;
  };
  EXPECT_THAT(error(""), HasSubstr("which collective?"));
  EXPECT_THAT(error("all_sum --rig 2x4090"), HasSubstr("allowed: all_reduce, reduce_scatter"));
  EXPECT_THAT(error("all_reduce"), HasSubstr("--rig"));
  EXPECT_THAT(error("all_reduce --rig 4090"), HasSubstr("at least two devices, got 1"));
  EXPECT_THAT(error("all_reduce --rig 2x4090 --sizes 5X"), HasSubstr("got \"5X\""));
  EXPECT_THAT(error("all_reduce --rig 2x4090 --devices 0,2"), HasSubstr("no device 2"));
  EXPECT_THAT(error("all_reduce --rig 2x4090 --devices 0,0"),
              HasSubstr("--devices: device 0 stands twice"));
  EXPECT_THAT(error("all_reduce --rig 2x4090 --devices 1"), HasSubstr("--devices: a collective"));
  EXPECT_THAT(error("all_reduce --rig 2x4090 --protocol ll128"),
              HasSubstr("--protocol: NCCL has no ll128"));
  EXPECT_THAT(error("all_reduce --rig 8xh100-sxm --algorithm pat"),
              HasSubstr("--algorithm: NCCL has no pat"));
  EXPECT_THAT(error("all_reduce --rig 4x4090 --groups 3"), HasSubstr("do not make 3 groups"));
  EXPECT_THAT(error("all_reduce --rig 4x4090 --groups 4"), HasSubstr("--groups: 4 devices make"));
  EXPECT_THAT(error("all_reduce --rig 2x4090 --library vllm --protocol ll"),
              HasSubstr("vllm chooses for itself"));
}

TEST(Collective, TheErrorsCanBeAskedFor) {
  const json rows = document("collective accuracy --json").at("rows");
  // Seven machines, each fitted, by its table and by NCCL's own model: 21. Six by their family
  // alone (one of the cards without peers is theirs). Five have two numbers of GPUs, each left
  // out: 10.
  EXPECT_EQ(rows.size(), 37U);
}

}  // namespace
}  // namespace rigsim::cli::test
