#include "configs/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/plan_text.h"
#include "tests/configs/temporary_directory.h"

namespace rigsim::configs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Catalog& catalog() {
  static const Catalog loaded = Catalog::load();
  return loaded;
}

Scenario read(std::string_view text) {
  return read_scenario(parse_yaml(text, "s.yaml"), catalog());
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal(std::string_view text) {
  return refusal([&] { (void)read(text); });
}

constexpr std::string_view kScenario =
    "rig: 2x4090\nmodel: llama-3-70b\nweights: q4_k_m\nkv_cache: q8_0\nengine: llama.cpp\n"
    "prompt_tokens: 1024\noutput_tokens: 1024\nbatch: 2\ncontext: 4096\nplan: pp=2\nseed: 7\n";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kScenario);
  return text.replace(text.find(from), from.size(), to);
}

TEST(Scenario, ResolvesEveryName) {
  const Scenario scenario = read(kScenario);
  EXPECT_EQ(scenario.rig.devices.size(), 2U);
  EXPECT_EQ(scenario.model.layers, 80);
  EXPECT_EQ(scenario.weights.name, "Q4_K_M");
  EXPECT_EQ(scenario.kv_cache, workloads::KvFormat::kQ8_0);
  EXPECT_EQ(scenario.prompt_tokens, 1024);
  EXPECT_EQ(scenario.batch, 2);
  EXPECT_EQ(scenario.context, 4096);
  EXPECT_EQ(scenario.plan->pp, 2);
  EXPECT_EQ(scenario.seed, 7U);
}

constexpr std::string_view kServed =
    "rig: a100-80gb-sxm\nmodel: llama-3-8b\nweights: bf16\nengine: vllm\nprompt_tokens: 300\n"
    "seed: 5\ntraffic:\n  source: poisson:4/s,output=7\n  requests: 20\n  to: 2 min\n"
    "  rate_scale: 2\nserving:\n  batching: sarathi\n  max_num_seqs: 32\n  kv_blocks: 500\n"
    "  prefix_caching: false\n  routing: prefix-aware\n  slo: {ttft: 2 s, tpot: 50 ms}\n"
    "  host_kv: 64 GiB\n"
    "  speculative: draft=llama-3.2-1b,tokens=2,acceptance=0.5/0.25\n";

TEST(Scenario, SaysWhatIsServedAndHow) {
  const Scenario scenario = read(kServed);
  EXPECT_EQ(scenario.traffic.text, "poisson:4/s,output=7");
  EXPECT_EQ(scenario.traffic.settings.seed, 5U);
  EXPECT_EQ(scenario.traffic.settings.prompt_tokens, 300);
  EXPECT_EQ(scenario.traffic.settings.trace.requests, 20);
  EXPECT_EQ(scenario.traffic.settings.trace.to, std::chrono::minutes(2));
  EXPECT_EQ(scenario.traffic.settings.rate_scale, 2);
  EXPECT_EQ(workloads::name_of(scenario.serving.batching.value()), "sarathi");
  EXPECT_EQ(scenario.serving.max_sequences, 32);
  EXPECT_EQ(scenario.serving.prefix_caching, false);
  EXPECT_EQ(scenario.serving.host_kv, sim::Bytes(std::int64_t{64} << 30));
  EXPECT_EQ(scenario.serving.speculative.value().draft, "llama-3.2-1b");
  EXPECT_DOUBLE_EQ(scenario.serving.level.tpot_s.value(), 0.05);
  EXPECT_EQ(read("rig: a6000\nmodel: llama-3-8b\nweights: f16\ntraffic: closed:4\n").traffic.text,
            "closed:4");
}

TEST(Scenario, WritesWhatIsServedAsItReads) {
  const std::string text = to_yaml(read(kServed));
  EXPECT_EQ(to_yaml(read(text)), text);
  EXPECT_THAT(text, HasSubstr("poisson:4/s,output=7"));
}

TEST(Scenario, NamesThePlaceOfWrongTraffic) {
  const auto refused = [](std::string_view from, std::string_view to) {
    std::string text(kServed);
    return refusal(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_THAT(refused("output=7", "output=0"),
              StartsWith("s.yaml:8:11: traffic.source: at character 20 of"));
  EXPECT_THAT(refused("requests: 20", "requests: 0"), StartsWith("s.yaml:9:13: traffic.requests:"));
  EXPECT_THAT(refused("sarathi", "sarati"),
              StartsWith("s.yaml:13:13: serving.batching: batching \"sarati\" is not one of"));
  EXPECT_THAT(refused("max_num_seqs", "max_num_seq"), HasSubstr("did you mean \"max_num_seqs\""));
  EXPECT_THAT(refused("50 ms", "50"), StartsWith("s.yaml:18:26: serving.slo.tpot:"));
}

TEST(Scenario, HasDefaultsForAllButRigModelAndWeights) {
  const Scenario scenario = read("rig: a6000\nmodel: llama-3-8b\nweights: f16\n");
  EXPECT_EQ(scenario.engine, "llama.cpp");
  EXPECT_EQ(scenario.kv_cache, workloads::KvFormat::kF16);
  EXPECT_EQ(scenario.batch, 1);
  EXPECT_EQ(scenario.plan, std::nullopt);
  EXPECT_THAT(refusal("rig: a6000\nmodel: llama-3-8b\n"), HasSubstr("\"weights\" is missing"));
  EXPECT_THAT(refusal("model: llama-3-8b\nweights: f16\n"), HasSubstr("\"rig\" is missing"));
}

TEST(Scenario, NamesThePlaceOfWhatIsWrong) {
  EXPECT_THAT(refusal(with("2x4090", "2x4091")),
              StartsWith("s.yaml:1:6: rig: rig \"2x4091\": unknown device"));
  EXPECT_THAT(refusal(with("llama-3-70b", "lama-3-70b")),
              StartsWith("s.yaml:2:8: model: unknown model"));
  EXPECT_THAT(refusal(with("weights: q4_k_m", "wieghts: q4_k_m")),
              HasSubstr("the key \"weights\" is missing; is it the \"wieghts\""));
  EXPECT_EQ(refusal(with("batch: 2", "batch: 0")),
            "s.yaml:8:8: batch: must be from 1 to 1000000, got 0");
  EXPECT_THAT(refusal(with("seed: 7", "sed: 7")),
              StartsWith("s.yaml:11:1: sed: unknown key \"sed\", did you mean \"seed\"?"));
  EXPECT_THAT(refusal(with("context: 4096", "context: 2047")),
              HasSubstr("at least prompt_tokens + output_tokens = 2048"));
  EXPECT_THAT(refusal(with("engine: llama.cpp", "engine: lama.cpp")),
              StartsWith("s.yaml:5:9: engine: unknown engine"));
  EXPECT_THAT(refusal(with("plan: pp=2", "plan: pp=3")), StartsWith("s.yaml:10:7: plan: "));
  EXPECT_THAT(refusal(with("plan: pp=2", "plan: {pp: 2, tpp: 1}")),
              HasSubstr("unknown key \"tpp\""));
  EXPECT_THAT(refusal(with("kv_cache: q8_0", "kv_cache: q9_0")),
              StartsWith("s.yaml:4:11: kv_cache: unknown KV cache format"));
}

TEST(Scenario, IsWrittenOutWholeAndReadsBackTheSame) {
  for (const char* rig : {"2x4090", "4x3090-nvlink@230W", "8xh100-sxm", "m3-max"}) {
    for (const char* model : {"llama-3-70b", "deepseek-v3", "gpt-oss-20b", "gemma-2-9b"}) {
      Scenario scenario;
      scenario.rig = catalog().rig(rig);
      scenario.model = catalog().model(model);
      scenario.weights = catalog().weights_format("q4_k_m");
      const std::string text = to_yaml(scenario);
      EXPECT_EQ(to_yaml(read(text)), text) << rig << " " << model;
    }
  }
  const std::string text = to_yaml(read(kScenario));
  EXPECT_EQ(to_yaml(read(text)), text);
  EXPECT_THAT(text, HasSubstr("plan: \"tp=1,pp=2,dp=1,ep=1,balance=memory\""));
}

TEST(Scenario, FindsFilesFromItsOwnFolder) {
  const TemporaryDirectory directory;
  (void)directory.write("rig.yaml", "devices: [{device: 4090, count: 2}]\n");
  (void)directory.write("m.json",
                        R"({"model_type": "llama", "hidden_size": 8, "intermediate_size": 16,
                            "num_attention_heads": 2, "num_hidden_layers": 2, "vocab_size": 4,
                            "torch_dtype": "float16", "max_position_embeddings": 64})");
  const auto file = directory.write("s.yaml", "rig: rig.yaml\nmodel: m.json\n");
  const Scenario scenario = read_scenario_file(file, catalog());
  EXPECT_EQ(scenario.rig.name, "rig");
  EXPECT_EQ(scenario.model.hidden, 8);
  EXPECT_EQ(scenario.weights.name, "F16");
}

TEST(Plan, ReadsDegreesLayersAndOffload) {
  EXPECT_EQ(parse_plan("tp=2,pp=2,dp=4").dp, 4);
  EXPECT_EQ(parse_plan("ngl=20").gpu_layers, 20);
  const workloads::ParallelPlan plan = parse_plan("layers=30/50, balance=even");
  EXPECT_EQ(plan.pp, 2);
  EXPECT_THAT(plan.layers_per_stage, ElementsAre(30, 50));
  EXPECT_EQ(plan.balance, workloads::StageBalance::kEven);
  EXPECT_EQ(parse_plan(to_text(plan)), plan);
  const YamlDocument map = parse_yaml("{pp: 2, layers: [30, 50], balance: even}", "p.yaml");
  EXPECT_EQ(read_plan(ValueReader(map)), plan);
}

TEST(Plan, RefusesOtherTexts) {
  const auto said = [](std::string_view text) { return refusal([&] { (void)parse_plan(text); }); };
  EXPECT_EQ(said("tp=0"), "tp must be from 1 to 65536, got 0");
  EXPECT_EQ(said("tp=-1"), "tp: expected a whole number >= 0 in digits, got \"-1\"");
  EXPECT_EQ(said("tp=2,tp=4"), "plan: tp is given twice");
  EXPECT_EQ(said("ngl=2,gpu_layers=4"), "plan: gpu_layers is given twice");
  EXPECT_EQ(said("split=rows"), "split must be layer, row or tensor, got \"rows\"");
  EXPECT_THAT(said("tpp=2"), StartsWith("plan: unknown key \"tpp\", did you mean \"tp\"?"));
  for (const char* text :
       {"", "tp", "tp=", "=2", "tp=2,", "tp=1e3", "layers=", "layers=1/", "balance=x"}) {
    EXPECT_NE(said(text), "accepted") << text;
  }
}

TEST(Scenario, SurvivesMutation) {
  std::mt19937 random(13);
  const std::string good(kScenario);
  for (int i = 0; i < 1000; ++i) {
    std::string text = good;
    for (auto edits = 1 + random() % 3; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = static_cast<char>(random() % 256);
      } else {
        text.erase(at, 1 + random() % 4);
      }
    }
    try {
      (void)refusal(text);
    } catch (const UnreadableInput&) {  // a name became a path
    }
  }
}

}  // namespace
}  // namespace rigsim::configs
