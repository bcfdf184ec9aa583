#include "workloads/serving/batching.h"

#include <gmock/gmock.h>

#include <stdexcept>
#include <string>

namespace rigsim::workloads {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
  try {
    (void)batching_named(text);
    return "none";
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
}

TEST(Batching, IsNamedWithItsOptions) {
  for (const char* name :
       {"vllm-v1", "vllm-v0", "sarathi", "orca", "static", "sglang", "llama.cpp", "tgi"})
    EXPECT_EQ(name_of(batching_named(name)), name);
  const auto sglang = std::get<SglangBatching>(
      batching_named("sglang:lpm,conservativeness=0.5,max-prefill-tokens=4096"));
  EXPECT_TRUE(sglang.longest_prefix_first);
  EXPECT_EQ(sglang.conservativeness, 0.5);
  EXPECT_EQ(sglang.prefill_tokens, 4096);
  const auto tgi =
      std::get<TgiBatching>(batching_named("tgi:waiting-served-ratio=1.2,max-waiting-tokens=0"));
  EXPECT_EQ(tgi.waiting_served_ratio, 1.2);
  EXPECT_EQ(tgi.max_waiting_tokens, 0);
  EXPECT_TRUE(std::get<VllmV1Batching>(batching_named("vllm-v1:priority")).by_priority);
  EXPECT_EQ(std::get<VllmV0Batching>(batching_named("vllm-v0:watermark=0")).watermark, 0);
  const auto swap = std::get<VllmV0Batching>(batching_named("vllm-v0:swap,swap-gib=0.5"));
  EXPECT_TRUE(swap.swap);
  EXPECT_EQ(swap.swap_gib, 0.5);
  EXPECT_EQ(std::get<LlamaCppBatching>(batching_named("llama.cpp:similarity=0.5")).similarity, 0.5);
}

TEST(Batching, IsWrittenAsItIsRead) {
  for (const char* text :
       {"vllm-v1", "vllm-v1:priority,long-prefill-tokens=64", "vllm-v0:watermark=0", "vllm-v0:swap",
        "vllm-v0:swap,swap-gib=16", "sarathi", "orca", "static", "sglang:lpm,conservativeness=0.3",
        "llama.cpp:similarity=0.5", "tgi:waiting-served-ratio=1.2,max-waiting-tokens=0"})
    EXPECT_EQ(text_of(batching_named(text)), text);
}

TEST(Batching, RefusesOthersSayingWhatIsAllowed) {
  EXPECT_THAT(refusal("tgl"), HasSubstr("\"tgl\" is not one of vllm-v1, vllm-v0"));
  EXPECT_THAT(refusal("orca:lpm"), HasSubstr("orca has no option \"lpm\""));
  EXPECT_THAT(refusal("sglang:lmp"), HasSubstr("allowed are lpm, conservativeness"));
  EXPECT_THAT(refusal("sglang:lpm=yes"), HasSubstr("lpm must be given without a value"));
  EXPECT_THAT(refusal("sglang:conservativeness"), HasSubstr("must be a number from 0.01"));
  EXPECT_THAT(refusal("tgi:max-waiting-tokens=-1"), HasSubstr("got \"-1\""));
  EXPECT_THAT(refusal("tgi:max-waiting-tokens=3s"), HasSubstr("got \"3s\""));
  EXPECT_THAT(refusal("vllm-v0:swap-gib=8"), HasSubstr("swap-gib goes with swap"));
  EXPECT_THAT(refusal("vllm-v0:watermark=nan"), HasSubstr("got \"nan\""));
}

}  // namespace
}  // namespace rigsim::workloads
