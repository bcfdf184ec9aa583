#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/cli/document.h"
#include "tests/cli/program.h"
#include "tests/cli/unwrapped.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kA100 =
    "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm ";

struct Refusal {
  std::string words;
  std::string message;
  int code = 2;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.message; }

class ServeRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(ServeRefuses, InOneLine) {
  const Outcome run = rigsim(GetParam().words);
  EXPECT_EQ(run.code, GetParam().code);
  EXPECT_THAT(run.code == 4 ? run.out : run.err, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    EveryKind, ServeRefuses,
    testing::Values(
        Refusal{kA100, "--traffic"}, Refusal{kA100 + "--traffic poisson:0/s", "--traffic"},
        Refusal{kA100 + "--traffic poisson:1/s --batching tgl", "is not one of vllm-v1"},
        Refusal{kA100 + "--traffic poisson:1/s --batching sglang:fcfs",
                "sglang has no option \"fcfs\"; allowed are lpm, conservativeness"},
        Refusal{kA100 + "--traffic poisson:1/s --batching tgi:max-waiting-tokens=soon",
                "--batching: max-waiting-tokens must be a number from 0 to"},
        Refusal{kA100 + "--traffic poisson:1/s --slo ttft", "--slo"},
        Refusal{kA100 + "--traffic poisson:1/s --plan dp=2", "needs more devices than the 1"},
        Refusal{kA100 + "--traffic poisson:1/s --batching orca --async-scheduling on",
                "--async-scheduling: orca batching does not schedule ahead; vllm-v1 and sglang do"},
        Refusal{"serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine sglang "
                "--traffic poisson:1/s --sampling top-p",
                "--sampling: what top-p takes is not known of sglang; allowed is greedy"},
        Refusal{"serve --rig rtx-4090 --model llama-3-70b --weights bf16 --engine vllm "
                "--kv-blocks 1000 --traffic poisson:1/s",
                "does not fit", 4},
        Refusal{kA100 + "--traffic poisson:1/s --warmup 1000", "--warmup: the warm-up leaves none"},
        Refusal{kA100 + "--traffic poisson:1/s --warmup soon", "--warmup: expected a duration"},
        Refusal{kA100 + "--traffic t.csv --replications 3", "--replications: a trace is always"},
        Refusal{kA100 + "--traffic poisson:1/s --itls", "--itls: goes with --vllm-result"},
        Refusal{kA100 + "--traffic poisson:1/s --routing best", "is not one of round-robin"},
        Refusal{kA100 + "--traffic poisson:1/s --async-scheduling yes", "must be on or off"},
        Refusal{kA100 + "--traffic poisson:1/s --sampling beam", "must be greedy or top-p"},
        Refusal{"serve --rig 4xa100-80gb-sxm --plan dp=4,ep=2 --model mixtral-8x7b --weights awq "
                "--engine vllm --traffic poisson:1/s",
                "experts spread over replicas (ep=2) are spread over all of them in serving: ep=4"},
        Refusal{"serve --rig 2xa100-80gb-sxm --plan dp=2,ep=2 --model mixtral-8x7b --weights awq "
                "--engine vllm --traffic poisson:1/s --batching orca",
                "are served with vllm-v1 batching, got orca"},
        Refusal{"serve --rig 2x4090 --plan pp=2,in_flight=2 --model llama-3-8b --weights q4_k_m "
                "--engine llama.cpp --traffic poisson:1/s",
                "in_flight=2: llama.cpp batching computes one batch at a time; allowed is "
                "in_flight=1"},
        Refusal{"serve --rig a100-80gb-sxm --model llama-3-8b --weights q4_k_m --engine "
                "llama.cpp-2023-12 --traffic poisson:1/s",
                "is not known as a server"},
        Refusal{"serve --rig rtx-4090 --model llama-3.1-8b --weights q4_k_m --engine llama.cpp "
                "--context 65536 --traffic poisson:1/s",
                "4 slots of 65536 tokens each (--max-num-seqs, --context) need 34.4 GB", 4},
        Refusal{"serve --rig rtx-4090 --model llama-3-8b --weights q4_k_m --engine llama.cpp "
                "--max-num-seqs 513 --traffic poisson:1/s",
                "--max-num-seqs: llama.cpp's slots (max_sequences) must be at most its 512"},
        Refusal{"serve --rig 2x4090 --model llama-3-8b --weights awq --engine llama.cpp --plan "
                "pp=2 --traffic poisson:1/s",
                "--weights: the engine llama.cpp reads GGUF formats only"},
        Refusal{"serve --rig 2xa100-80gb-sxm --plan pp=2 --model llama-3-8b --weights bf16 "
                "--engine tgi --traffic poisson:1/s",
                "--plan: TGI has no pipelines; --plan tp=N shares the layers out"},
        Refusal{"serve --rig 2xa100-80gb-sxm --plan tp=2,pp=2 --model llama-3-8b --weights bf16 "
                "--engine vllm --traffic poisson:1/s",
                "error: plan: tp=2 x pp=2 x dp=1 needs more devices than the 2"},
        Refusal{"serve --rig mi300x --model llama-3-8b --weights bf16 --engine tensorrt-llm "
                "--traffic poisson:1/s",
                "--engine: the engine tensorrt-llm runs on GPUs of NVIDIA only, and mi300x is of "
                "AMD"},
        Refusal{"serve --rig a100-80gb-sxm --model llama-3-8b --weights q4_k_m --engine tgi "
                "--traffic poisson:1/s",
                "--weights: the engine tgi does not read GGUF files; got weights Q4_K_M"},
        Refusal{kA100 + "--traffic poisson:1/s --slo ttft=1s,ttft=2s",
                "--slo: ttft is given twice"},
        Refusal{kA100 + "--traffic poisson:1/s,prompt=5 --prompt 100",
                "--prompt: \"poisson:1/s,prompt=5\" has lengths of its own"},
        Refusal{kA100 + "--traffic t.csv --output-tokens 5", "--output-tokens: \"t.csv\" has"},
        Refusal{"serve --rig rtx-4090 --model llama-3-8b --weights bf16 --engine sglang "
                "--max-num-batched-tokens 20000 --traffic poisson:1/s",
                "SGLang reserves more for activations of a chunk of 20000 tokens"},
        Refusal{"serve --rig m2-max-38c --model llama-3-8b --weights bf16 --engine vllm --traffic "
                "poisson:1/s",
                "--engine: engine vllm has no profile for the metal backend"},
        Refusal{"serve --rig rtx-4090 --model llama-3-70b --weights bf16 --engine vllm --traffic "
                "poisson:1/s",
                "does not fit", 4}));

// 60 blocks less one of vLLM's own hold 944 tokens; drafts need slots beyond a sequence's own,
// SGLang keeps some, TGI and V0 take prompts whole.
TEST(ServeCounts, ShortensToWhatTheBatchingCanRun) {
  const std::string line =
      "serve --rig h100-sxm --model llama-3-8b --weights bf16 --engine vllm "
      "--traffic poisson:4/s --requests 10 --prompt 1100 --output-tokens 100 "
      "--truncate --json ";
  for (const char* how : {"--kv-blocks 60", "--kv-blocks 60 --batching sglang",
                          "--kv-blocks 60 --speculative ngram,tokens=5,acceptance=0.5",
                          "--kv-blocks 60 --speculative "
                          "draft=llama-3.2-1b,tokens=5,acceptance=0.5",
                          "--batching vllm-v0:swap --max-num-batched-tokens 600",
                          "--batching vllm-v0 --max-num-batched-tokens 600",
                          "--batching tgi --max-num-batched-tokens 600"})
    EXPECT_EQ(document(line + how).at("requests"), 10) << how;
  EXPECT_EQ(document(line + "--kv-blocks 60").at("prompt_tokens"), 10 * 944);
  EXPECT_EQ(
      document(line + "--batching vllm-v0:swap --max-num-batched-tokens 600").at("output_tokens"),
      1'000);
}

// rigsim fit counts neither drafts nor slots.
TEST(ServeDoesNotFit, SaysWhatIsTheDrafts) {
  const std::string rest = " --traffic poisson:1/s ";
  const Outcome draft = rigsim(
      "serve --rig rtx-4090 --model llama-3-8b --weights bf16 --engine vllm --speculative "
      "draft=llama-3-8b,tokens=5,acceptance=0.7" +
      rest);
  EXPECT_EQ(draft.code, 4);
  EXPECT_THAT(draft.out, HasSubstr("weights 32.1 (16.1 of them the draft's), activations"));
  EXPECT_THAT(draft.out, Not(HasSubstr("rigsim fit")));
  EXPECT_THAT(
      rigsim("serve --rig rtx-4090 --model llama-3.1-8b --weights q4_k_m --engine llama.cpp "
             "--context 65536" +
             rest)
          .out,
      Not(HasSubstr("rigsim fit")));
  EXPECT_THAT(
      rigsim("serve --rig rtx-4090 --model llama-3-70b --weights bf16 --engine vllm" + rest).out,
      HasSubstr("rigsim fit says what would fit."));
}

TEST(ServeCounts, WhatItLeftOutAndShortened) {
  const Folder folder;
  folder.write("t.csv",
               "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:00:00.0,100,10\n"
               "2023-11-16 18:00:01.0,-5,10\n2023-11-16 18:00:02.0,9000,10\n");
  const std::string line = kA100 + "--traffic t.csv --skip-bad --truncate";
  const json answer = document(line + " --json", {.folder = folder.path()});
  EXPECT_EQ(answer.at("requests"), 2);
  EXPECT_EQ(answer.at("report").at("bad"), 1);
  EXPECT_EQ(answer.at("truncated").at("prompts"), 1);
  const std::string text = rigsim(line, {.folder = folder.path()}).out;
  EXPECT_THAT(text, HasSubstr("1 of 3 rows were wrong and are left out:"));
  EXPECT_THAT(text, HasSubstr("--truncate shortened 1 prompts and 1 outputs"));
}

TEST(Serve, TurnsAwayWhatDoesNotFitAndSaysSo) {
  const std::string line = kA100 +
                           "--context 1000 --traffic uniform:1/s --requests 10 --json "
                           "--prompt 2000 ";
  const json none = document(line, {}, 4);
  EXPECT_EQ(none.at("too_long_requests"), 10);
  EXPECT_TRUE(none.at("ttft_s").at("p99").is_null());
  const std::string text = kA100 + "--traffic uniform:1/s --requests 10 --prompt 2000 ";
  EXPECT_THAT(
      unwrapped(rigsim(text + "--context 1000").out),
      HasSubstr("10 of 10 requests were turned away. The longest has 2128 tokens with its "
                "answer; at most 1000 are the context (--context allows more). --truncate"));
  EXPECT_THAT(unwrapped(rigsim(text + "--kv-blocks 60").out),
              HasSubstr("at most 945 are what vllm-v1 batching runs in a KV cache of 944 tokens"));
  EXPECT_THAT(unwrapped(rigsim(text + "--output-tokens 9000").out),
              HasSubstr("at most 8192 are the context, the longest that the model was made for"));
  EXPECT_THAT(unwrapped(rigsim(text + "--batching vllm-v0 --max-num-batched-tokens 1500").out),
              HasSubstr("at most 1501 are what a step computes at once"));
  const json cut = document(line + "--truncate");
  EXPECT_EQ(cut.at("requests"), 10);
  EXPECT_EQ(cut.at("prompt_tokens"), 9'990);
}

TEST(Serve, TgiTurnsAwayPromptsLongerThanAStep) {
  const std::string line =
      "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine tgi --prompt 5000 "
      "--traffic poisson:1/s --requests 5";
  const Outcome run = rigsim(line);
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(unwrapped(run.out), HasSubstr("The longest prompt has 5000 tokens; prompts are taken "
                                            "whole, no longer than the 4145 tokens of a step"));
  EXPECT_EQ(document(line + " --max-num-batched-tokens 8192 --json").at("requests"), 5);
}

}  // namespace
}  // namespace rigsim::cli::test
