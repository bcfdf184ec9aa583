#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "tests/cli/document.h"
#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string k70b =
    "serve --rig 2xh100-sxm --plan tp=2 --model llama-3-70b --weights fp8 --engine vllm ";
const std::string kDraft = "--speculative draft=llama-3.2-1b,tokens=4,acceptance=0.8 ";

double mean(const json& answer, const char* latency) {
  return answer.at(latency).at("mean").get<double>();
}

double rate(const json& answer) {
  return answer.at("output_tokens_per_s").at("value").get<double>();
}

// 3.36 tokens a step, which takes the draft model's four passes more; drawn from the seed.
TEST(ServeSpeculative, OneSequenceIsFasterByTheTokensOfAStep) {
  const std::string one = k70b + "--traffic closed:1 --requests 12 --output-tokens 1000 --json ";
  const json plain = document(one);
  const json fast = document(one + kDraft);
  const double length = (1 - std::pow(0.8, 5)) / 0.2;
  EXPECT_NEAR(fast.at("acceptance_length").get<double>(), length, 0.1);
  EXPECT_NEAR(fast.at("engine").at("speculative").at("expected_acceptance_length").get<double>(),
              length, 1e-12);
  EXPECT_NEAR(mean(plain, "tpot_s") / mean(fast, "tpot_s"),
              length * mean(plain, "itl_s") / mean(fast, "itl_s"), 0.1);
  EXPECT_GT(mean(fast, "itl_s"), mean(plain, "itl_s"));
  EXPECT_NE(document(one + kDraft + "--seed 2").at("steps"), fast.at("steps"));
}

// 128 sequences compute as much as they read already: six tokens of each take several times as
// long, and half of them are thrown away.
TEST(ServeSpeculative, HurtsWhereStepsAreComputeBound) {
  const std::string draft = "--speculative draft=llama-3.2-1b,tokens=5,acceptance=0.7 ";
  const std::string rest = "--prompt 512 --output-tokens 256 --json ";
  const std::string many = k70b + rest + "--traffic closed:128 --requests 256 ";
  const std::string few = k70b + rest + "--traffic closed:4 --requests 16 ";
  EXPECT_GT(rate(document(few + draft)), 1.5 * rate(document(few)));
  EXPECT_LT(rate(document(many + draft)), rate(document(many)));
}

TEST(ServeSpeculative, TokensOfAStepComeAtOnce) {
  const json answer = document(k70b + "--traffic closed:2 --requests 20 --json " + kDraft);
  // TPOT spreads a step's time over its tokens; ITL is from one answer to the next.
  EXPECT_NEAR(mean(answer, "itl_s") / mean(answer, "tpot_s"),
              answer.at("acceptance_length").get<double>(), 0.15);
  EXPECT_EQ(answer.at("output_tokens"), 20 * 128);
  // Prompts give 20 of these, rows of 4 drafts one each and what is accepted; of each answer's last
  // row up to 4 lie beyond its end.
  const auto rows = answer.at("draft_tokens").get<std::int64_t>() / 4;
  const auto accepted = answer.at("accepted_draft_tokens").get<std::int64_t>();
  EXPECT_GE(rows + accepted, 20 * 127);
  EXPECT_LE(rows + accepted, 20 * (127 + 4));
  EXPECT_DOUBLE_EQ(answer.at("acceptance_length").get<double>(),
                   1 + static_cast<double>(accepted) / static_cast<double>(rows));
}

TEST(ServeSpeculative, StepByStepIsTheSame) {
  const std::string line = k70b + kDraft + "--traffic poisson:4/s --requests 60 --json";
  EXPECT_EQ(document(line), document(line + " --exact-steps"));
}

TEST(ServeSpeculative, WithoutADraftModelTheHostIsNotHidden) {
  const json answer = document(
      k70b + "--speculative ngram,tokens=3,acceptance=0.3 --traffic closed:1 --requests 4 --json");
  EXPECT_FALSE(answer.at("engine").at("async_scheduling").get<bool>());
  EXPECT_TRUE(answer.at("engine").at("speculative").at("draft").is_null());
  EXPECT_GT(answer.at("acceptance_length"), 1.2);
}

TEST(ServeSpeculative, AScenarioFileSaysTheSameAsTheOption) {
  const Folder folder;
  folder.write("s.yaml",
               "rig: 2xh100-sxm\nmodel: llama-3-70b\nweights: fp8\nengine: vllm\nplan: "
               "tp=2\nprompt_tokens: 512\n"
               "traffic: {source: 'closed:4', requests: 8}\n"
               "serving: {speculative: 'draft=llama-3.2-1b,tokens=4,acceptance=0.8'}\n");
  const RunOptions there{.folder = folder.path()};
  const std::string rest = "--prompt 512 --traffic closed:4 --requests 8 --json ";
  EXPECT_EQ(document("serve s.yaml --json", there), document(k70b + kDraft + rest, there));
}

TEST(ServeSpeculative, TheTableAndTheTraceSayWhatWasAccepted) {
  const Folder folder;
  const Outcome run = rigsim(k70b + kDraft + "--traffic closed:2 --requests 4 --trace t.h5",
                             {.folder = folder.path()});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out,
              HasSubstr("llama-3.2-1b (BF16) drafts 4 tokens for each sequence and step;"));
  EXPECT_THAT(contents(folder.path() / "t.h5"),
              AllOf(HasSubstr("draft_tokens"), HasSubstr("accepted_tokens")));
  const Outcome plain =
      rigsim(k70b + "--traffic closed:2 --requests 4 --trace p.h5", {.folder = folder.path()});
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_THAT(contents(folder.path() / "p.h5"), Not(HasSubstr("accepted_tokens")));
}

TEST(ServeSpeculative, SaysWhatItDoesNotGoWith) {
  const auto refusal = [](const std::string& words) { return rigsim(words).err; };
  const std::string traffic = "--traffic closed:2 --requests 4 ";
  EXPECT_THAT(refusal(k70b + traffic + "--speculative eagle,tokens=2,acceptance=0.5"),
              HasSubstr("--speculative: does not know \"eagle\"; allowed are draft=MODEL"));
  EXPECT_THAT(refusal(k70b + traffic + "--speculative draft=llama-3.2-1b,tokens=4"),
              HasSubstr("--speculative: needs acceptance=A"));
  EXPECT_THAT(refusal(k70b + traffic + "--speculative draft=llama-3.2-2b,tokens=4,acceptance=0.5"),
              HasSubstr("--speculative: "));
  EXPECT_THAT(refusal(k70b + traffic + "--speculative draft=mistral-7b-v0.1,tokens=4,acceptance=0"),
              HasSubstr("a draft model must have the same"));
  EXPECT_THAT(refusal(k70b + traffic + kDraft + "--batching orca"),
              HasSubstr("--speculative: speculative decoding is modelled with vllm-v1 batching"));
  EXPECT_THAT(
      refusal(
          "serve --rig 2xh100-sxm --plan pp=2 --model llama-3-70b --weights fp8 --engine vllm " +
          traffic + kDraft),
      HasSubstr("--speculative: speculative decoding is not modelled with pipelines (pp=2)"));
  EXPECT_THAT(refusal(k70b + traffic +
                      "--speculative ngram,tokens=4,acceptance=0.5 "
                      "--async-scheduling on"),
              HasSubstr("--async-scheduling: n-grams are looked up"));
  EXPECT_THAT(refusal(k70b + traffic + kDraft + "--max-num-seqs 64 --max-num-batched-tokens 64"),
              HasSubstr("--speculative: a draft model needs a token of the step"));
  EXPECT_THAT(refusal("serve --rig rtx-4090 --model llama-3-8b --weights q4_k_m --engine llama.cpp "
                      "--speculative ngram,tokens=4,acceptance=0.5 " +
                      traffic),
              HasSubstr("--speculative: speculative decoding is modelled with vllm-v1 batching"));
}

}  // namespace
}  // namespace rigsim::cli::test
