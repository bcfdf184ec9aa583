#include "configs/engine_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using workloads::Backend;
using workloads::BackendProfile;

constexpr const char* kFacts = R"(name: toy
version: "1"
style: ggml
batch_tokens: 1024
micro_batch_tokens: 256
kv_padding: 16
memory: {runtime_gpu: 300 MiB, kv_block_tokens: 16, memory_fraction: 0.9}
backends:
  cuda:
    builds: b1
    host_step: 12.5 us
    scores_bytes: 24
    launch_queue_depth: 1024
    single_launch_gemm_families: [GA100]
    fp16_accumulate: true
    dequantize_for_gemm: false
)";

constexpr const char* kFit = R"(engine: toy
backends:
  cuda:
    data: two rows
    constants: {kernel_latency: 3.342 us, attention_cycles: 0.45, boundary_sync: 290 us, attention_gemm_ratio: 0.35}
    formats:
      default: {issue_cycles_per_byte: 0.117, gemm_gain: 1.3}
      F16: {issue_cycles_per_byte: 0.143, gemm_gain: 1.4}
    families:
      default: {streaming_efficiency: 0.9, tensor_efficiency: 0.6, latency_scale: 1, rows: 2}
    devices:
      rtx-3090: {streaming_efficiency: 0.93, tensor_efficiency: 0.61, latency_scale: 1.1, rows: 56}
    bands:
      decode: {fitted: 0.05, datasheet: 0.12, measured: 0.03}
      prefill: {fitted: 0.1, datasheet: 0.2, measured: 0.05}
    residuals:
      rtx-3090:
        decode: {rows: 28, median: 0.037, p90: 0.17, bias: -0.01}
    left_out:
      rtx-3090:
        constants: {kernel_latency: 3.1 us, attention_cycles: 0.4, boundary_sync: 200 us, attention_gemm_ratio: 0.4}
        formats:
          default: {issue_cycles_per_byte: 0.11, gemm_gain: 1.2}
        family: {streaming_efficiency: 0.88, tensor_efficiency: 0.7, latency_scale: 0.95, rows: 6}
)";

EngineFile toy(const std::string& facts = kFacts, const std::string& fit = kFit) {
  return read_engine(parse_yaml(facts, "toy.yaml"), parse_yaml(fit, "toy.fit.yaml"));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("no such text: " + from);
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& facts, const std::string& fit) {
  try {
    (void)toy(facts, fit);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(EngineFile, ReadsFactsWithTheirUnits) {
  const workloads::EngineProfile profile = toy().profile;
  EXPECT_EQ(profile.name, "toy");
  EXPECT_EQ(profile.batch_tokens, 1024);
  EXPECT_EQ(profile.kv_padding, 16);
  EXPECT_EQ(profile.memory.runtime_gpu, sim::Bytes(300 << 20));
  EXPECT_EQ(profile.memory.memory_fraction, 0.9);
  EXPECT_EQ(profile.memory.micro_batch_tokens, 256) << "one source for profile and memory plan";
  ASSERT_EQ(profile.backends.size(), 1u);
  const BackendProfile& cuda = profile.backend(Backend::kCuda);
  EXPECT_DOUBLE_EQ(cuda.host_step_us, 12.5);
  EXPECT_EQ(cuda.launch_queue_depth, 1024);
  EXPECT_THAT(cuda.single_launch_gemm_families, ElementsAre("GA100"));
  EXPECT_TRUE(cuda.fp16_accumulate);
  EXPECT_FALSE(cuda.dequantize_for_gemm);
}

TEST(EngineFile, ReadsWhatCalibrationWrote) {
  const EngineFile engine = toy();
  const BackendProfile& cuda = engine.profile.backend(Backend::kCuda);
  EXPECT_DOUBLE_EQ(cuda.kernel_latency_us, 3.342);
  EXPECT_DOUBLE_EQ(cuda.formats.at("").gemm_gain, 1.3);
  EXPECT_DOUBLE_EQ(cuda.formats.at("F16").issue_cycles_per_byte, 0.143);
  EXPECT_DOUBLE_EQ(cuda.families.at("").tensor_efficiency, 0.6);
  EXPECT_EQ(cuda.devices.at("rtx-3090").rows, 56);
  EXPECT_DOUBLE_EQ(cuda.decode_band.datasheet, 0.12);
  EXPECT_DOUBLE_EQ(engine.residuals.at(Backend::kCuda).at("rtx-3090").decode.bias, -0.01);
  EXPECT_EQ(engine.residuals.at(Backend::kCuda).at("rtx-3090").prefill.rows, 0);
  EXPECT_EQ(engine.data.at(Backend::kCuda), "two rows");
}

TEST(EngineFile, AWrittenFitReadsBackAsTheSameAndWritesTheSameBytes) {
  const EngineFile engine = toy();
  const std::string text = to_yaml_fit(engine);
  const EngineFile again = toy(kFacts, text);
  EXPECT_EQ(to_yaml_fit(again), text);
  const BackendProfile& a = engine.profile.backends[0];
  const BackendProfile& b = again.profile.backends[0];
  EXPECT_EQ(b.kernel_latency_us, a.kernel_latency_us);
  EXPECT_EQ(b.formats.at("F16").gemm_gain, a.formats.at("F16").gemm_gain);
  EXPECT_EQ(b.devices.at("rtx-3090").latency_scale, a.devices.at("rtx-3090").latency_scale);
  EXPECT_EQ(b.prefill_band.measured, a.prefill_band.measured);
  EXPECT_EQ(again.left_out.at(Backend::kCuda).at("rtx-3090").family.tensor_efficiency, 0.7);
}

TEST(EngineFile, AWrittenFitHasFiveSignificantDigits) {
  EngineFile engine = toy();
  engine.profile.backends[0].kernel_latency_us = 3.3418765;
  engine.profile.backends[0].formats[""].gemm_gain = 1.0 / 3;
  const std::string text = to_yaml_fit(engine);
  EXPECT_THAT(text, HasSubstr("kernel_latency: 3.3419 us\n"));
  EXPECT_THAT(text, HasSubstr("gemm_gain: 0.33333\n"));
}

TEST(EngineFile, WithoutADeviceItsFamilySpeaksForIt) {
  const EngineFile engine = toy();
  const BackendProfile left = without_device(engine.profile.backends[0], "rtx-3090",
                                             engine.left_out.at(Backend::kCuda).at("rtx-3090"));
  EXPECT_FALSE(left.devices.contains("rtx-3090"));
  EXPECT_DOUBLE_EQ(left.families.at("").streaming_efficiency, 0.88);
  EXPECT_DOUBLE_EQ(left.kernel_latency_us, 3.1);
  EXPECT_DOUBLE_EQ(left.formats.at("").gemm_gain, 1.2);
  EXPECT_DOUBLE_EQ(left.scores_bytes, 24) << "facts stay";
}

TEST(EngineFile, ALeftOutFitTakesTheFamilyElseTheDefault) {
  BackendProfile refitted;
  refitted.families["Ada"].tensor_efficiency = 0.7;
  refitted.families[""].tensor_efficiency = 0.6;
  refitted.boundary_sync_us = 210;
  EXPECT_DOUBLE_EQ(left_out_fit(refitted, "Ada").family.tensor_efficiency, 0.7);
  EXPECT_DOUBLE_EQ(left_out_fit(refitted, "Volta").family.tensor_efficiency, 0.6);
  EXPECT_DOUBLE_EQ(left_out_fit(refitted, "Ada").boundary_sync_us, 210);
  refitted.families.clear();
  EXPECT_THROW((void)left_out_fit(refitted, "Ada"), std::invalid_argument);
}

TEST(EngineFile, RefusesWrongFactsWithTheirPlace) {
  EXPECT_THAT(error_of(replaced(kFacts, "kv_padding", "kv_paddin"), kFit),
              HasSubstr("toy.yaml:6:1: kv_paddin: unknown key \"kv_paddin\", did you mean"));
  EXPECT_THAT(error_of(replaced(kFacts, "style: ggml", "style: ggmm"), kFit),
              HasSubstr("toy.yaml:3:8"));
  EXPECT_THAT(error_of(replaced(kFacts, "12.5 us", "12.5"), kFit),
              HasSubstr("backends.cuda.host_step"));
  EXPECT_THAT(error_of(replaced(kFacts, "scores_bytes: 24", "scores_bytes: -1"), kFit),
              HasSubstr("must be >= 0, got -1"));
  EXPECT_THAT(error_of(replaced(kFacts, "memory_fraction: 0.9", "memory_fraction: 1.5"), kFit),
              HasSubstr("must be above 0 and at most 1"));
  EXPECT_THAT(error_of(replaced(kFacts, "batch_tokens: 1024", "batch_tokens: 0"), kFit),
              HasSubstr("must be at least 1"));
  EXPECT_THAT(error_of(replaced(kFacts, "  cuda:", "  cude:"), kFit), HasSubstr("toy.yaml:9:3"));
}

TEST(EngineFile, RefusesAFitThatIsNotItsOwn) {
  EXPECT_THAT(error_of(kFacts, replaced(kFit, "engine: toy", "engine: other")),
              HasSubstr("toy.fit.yaml:1:9: engine: the fit is of \"other\", its facts of \"toy\""));
  EXPECT_THAT(error_of(kFacts, replaced(kFit, "  cuda:", "  metal:")),
              HasSubstr("the key \"cuda\" is missing"));
  EXPECT_THAT(error_of(kFacts, replaced(kFit, "      default: {issue", "      Q4_0: {issue")),
              HasSubstr("the key \"default\" is missing"));
  EXPECT_THAT(error_of(kFacts, replaced(kFit, "tensor_efficiency: 0.6,", "tensor_efficiency: 0,")),
              HasSubstr("must be > 0"));
  EXPECT_THAT(error_of(kFacts, replaced(kFit, ", rows: 56", "")), HasSubstr("\"rows\" is missing"));
}

TEST(EngineFile, ShipsEnginesByNameOrAlias) {
  EXPECT_THAT(engine_names(), ElementsAre("llama.cpp", "llama.cpp-2023-12", "llama.cpp-2026",
                                          "lmdeploy", "sglang", "tensorrt-llm", "tgi", "vllm"));
  EXPECT_EQ(engine_named("TRT-LLM").profile.name, "tensorrt-llm");
  EXPECT_EQ(engine_named("Llama-CPP").profile.name, "llama.cpp");
  EXPECT_EQ(engine_named("llama.cpp-2023").profile.name, "llama.cpp-2023-12");
  for (const std::string& name : engine_names()) {
    const EngineFile engine = engine_named(name);
    EXPECT_EQ(engine.profile.name, name);
    EXPECT_FALSE(engine.about.source.empty());
  }
}

TEST(EngineFile, LlamaCppRunsOnThreeBackendsAndVllmOnOne) {
  const workloads::EngineProfile llama = engine_named("llama.cpp").profile;
  EXPECT_EQ(llama.micro_batch_tokens, 512);
  EXPECT_EQ(llama.backend(Backend::kCuda).scores_bytes, 24);
  EXPECT_FALSE(llama.backend(Backend::kMetal).fp16_accumulate);
  EXPECT_TRUE(llama.backend(Backend::kCpu).formats.contains("IQ4_XS"));
  const workloads::EngineProfile vllm = engine_named("vllm").profile;
  EXPECT_TRUE(vllm.tensor_parallel);
  EXPECT_EQ(vllm.memory.kv_block_tokens, 16);
  EXPECT_THROW((void)vllm.backend(Backend::kMetal), std::invalid_argument);
}

TEST(EngineFile, AnEngineCanHaveTheKernelsOfAnother) {
  const EngineFile sglang = engine_named("sglang");
  const EngineFile vllm = engine_named("vllm");
  EXPECT_EQ(sglang.kernels_of, "vllm");
  const auto& own = sglang.profile.backend(Backend::kCuda);
  const auto& others = vllm.profile.backend(Backend::kCuda);
  EXPECT_EQ(own.kernel_latency_us, others.kernel_latency_us);
  EXPECT_EQ(own.tables.size(), others.tables.size());
  EXPECT_EQ(own.host_step_us, 0);
  ASSERT_TRUE(sglang.serving);
  EXPECT_TRUE(sglang.serving->sized_by_memory);
  EXPECT_EQ(sglang.serving->limits.step_tokens, 0);
  ASSERT_TRUE(engine_named("tgi").serving);
  EXPECT_EQ(engine_named("tgi").serving->host.captured,
            (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32}));
}

// The tables of attention are vLLM's kernels; those of GEMMs are everybody's.
TEST(EngineFile, OtherServersHaveTheirOwnAttentionAndNcclsAllReduce) {
  workloads::Kernel decode;
  decode.kind = workloads::KernelKind::kAttentionDecode;
  decode.tokens = 16;
  decode.attention = {32, 8, 128, 16, 1024};
  workloads::Kernel gemm;
  gemm.kind = workloads::KernelKind::kGemm;
  gemm.tokens = 16;
  gemm.outputs = 4096;
  gemm.inputs = 4096;
  for (const char* name : {"vllm", "tensorrt-llm", "lmdeploy"}) {
    SCOPED_TRACE(name);
    const bool vllm = name == std::string("vllm");
    const workloads::EngineProfile profile = engine_named(name).profile;
    const auto& table = profile.backend(Backend::kCuda).tables.at("h100-sxm-80gb");
    EXPECT_TRUE(table.seconds(gemm));
    EXPECT_EQ(table.seconds(decode).has_value(), vllm);
    EXPECT_EQ(profile.custom_all_reduce, vllm);
    EXPECT_EQ(profile.gathers_for_experts, vllm);
    EXPECT_EQ(profile.memory.kv_share_of_free.has_value(), !vllm);
  }
}

TEST(EngineFile, VllmKnowsWhatTopPTakes) {
  const auto serving = engine_named("vllm").serving;
  ASSERT_TRUE(serving);
  EXPECT_DOUBLE_EQ(serving->top_p.step_us, 1000);
  EXPECT_DOUBLE_EQ(serving->top_p.logit_bytes, 1300);
  EXPECT_DOUBLE_EQ(serving->host.sampling.step_us, 0);  // unasked it is greedy
}

TEST(EngineFile, AnUnknownEngineNamesTheNearest) {
  try {
    (void)engine_named("lama.cpp");
    FAIL() << "no error";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("unknown engine \"lama.cpp\", did you mean \"llama.cpp\""));
  }
}

TEST(EngineFile, AUsersFileStandsBesideItsFit) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "rigsim_engine_file_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "toy.yaml") << kFacts;
  std::ofstream(folder / "toy.fit.yaml") << kFit;
  EXPECT_EQ(engine_named((folder / "toy.yaml").string()).profile.name, "toy");
  std::filesystem::remove(folder / "toy.fit.yaml");
  EXPECT_THROW((void)engine_named((folder / "toy.yaml").string()), UnreadableInput);
  std::ofstream(folder / "toy.yaml")
      << replaced(kFacts, "name: toy", "name: toy\nkernels_of: vllm");
  EXPECT_EQ(engine_named((folder / "toy.yaml").string()).data, engine_named("vllm").data);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace rigsim::configs
