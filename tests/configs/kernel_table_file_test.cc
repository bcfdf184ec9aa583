#include "configs/kernel_table_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/engine_file.h"

namespace rigsim::configs {
namespace {

using testing::HasSubstr;
using workloads::Kernel;
using workloads::KernelKind;
using workloads::KernelTable;

KernelTable table_of(std::string_view csv, MeasuredKernel kernel = MeasuredKernel::kGemm) {
  KernelTable table;
  add_kernel_times(parse_csv(csv, "k.csv"), kernel, table);
  return table;
}

std::string error_of(std::string_view csv, MeasuredKernel kernel = MeasuredKernel::kGemm) {
  try {
    (void)table_of(csv, kernel);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

Kernel gemm(std::int64_t outputs, std::int64_t inputs, std::int64_t tokens) {
  Kernel kernel;
  kernel.kind = KernelKind::kGemm;
  kernel.outputs = outputs;
  kernel.inputs = inputs;
  kernel.tokens = tokens;
  return kernel;
}

Kernel attention(KernelKind kind, std::int64_t tokens, double kv_tokens) {
  Kernel kernel;
  kernel.kind = kind;
  kernel.tokens = tokens;
  kernel.attention = {32, 8, 128, 1, kv_tokens};
  return kernel;
}

TEST(KernelTableFile, ReadsMicrosecondsByShape) {
  const KernelTable table = table_of(
      "outputs,inputs,tokens,time_us\n"
      "64,32,1,10\n64,32,2,20\n64,48,1,30\n");
  EXPECT_DOUBLE_EQ(table.seconds(gemm(64, 32, 2)).value(), 20e-6);
  EXPECT_DOUBLE_EQ(table.seconds(gemm(64, 48, 1)).value(), 30e-6);
}

TEST(KernelTableFile, ReadsAttentionAsOneSurfaceForEachSetOfHeads) {
  const KernelTable table = table_of(
      "query_heads,kv_heads,head_dim,sequences,kv_tokens,time_us\n"
      "32,8,128,1,100,10\n32,8,128,1,200,20\n32,8,128,2,100,15\n",
      MeasuredKernel::kDecodeAttention);
  EXPECT_DOUBLE_EQ(table.seconds(attention(KernelKind::kAttentionDecode, 1, 150)).value(), 15e-6);
}

TEST(KernelTableFile, RefusesWrongFilesWithTheLine) {
  EXPECT_THAT(error_of("outputs,inputs,time_us\n1,1,1\n"),
              HasSubstr("k.csv:1: the columns must be outputs, inputs, tokens, time_us"));
  EXPECT_THAT(error_of("outputs,inputs,tokens,time_us\n64,32,1,fast\n"),
              HasSubstr("k.csv:2: time_us"));
  EXPECT_THAT(error_of("outputs,inputs,tokens,time_us\n64,3.2,1,1\n"),
              HasSubstr("k.csv:2: inputs"));
  EXPECT_THAT(error_of("outputs,inputs,tokens,time_us\n64,32,2,1\n64,32,1,1\n"),
              HasSubstr("k.csv:2: points of a measured curve: sizes must be >= 0 and increase"));
  EXPECT_THAT(error_of("outputs,inputs,tokens,time_us\n64,32,1,0\n"), HasSubstr("must be > 0"));
}

TEST(KernelTables, NameDevicesOfTheCatalogue) {
  const Catalog catalog = Catalog::load();
  for (const KernelTableFile& file : kernel_table_files()) {
    EXPECT_FALSE(file.source.empty());
    for (const std::string& device : file.devices) EXPECT_EQ(catalog.device(device).name, device);
  }
}

// Typed in from the sources: the profile of vLLM 0.19 on an RTX 4090 (dense: qkv_proj 1 and 2,048
// tokens; attention: one decode at 1,024, a prompt of 512 on 512), Vidur's A40 (Llama-2-7b QKV).
TEST(KernelTables, HoldTheMeasuredTimes) {
  const auto tables = kernel_tables();
  const KernelTable& rtx4090 = tables.at("rtx-4090");
  EXPECT_NEAR(rtx4090.seconds(gemm(6144, 4096, 1)).value(), 54.898e-6, 0.01e-6);
  EXPECT_NEAR(rtx4090.seconds(gemm(6144, 4096, 2048)).value(), 631.07e-6, 0.1e-6);
  EXPECT_NEAR(rtx4090.seconds(attention(KernelKind::kAttentionDecode, 1, 1024)).value(), 14.1853e-6,
              0.01e-6);
  EXPECT_NEAR(rtx4090.seconds(attention(KernelKind::kAttentionGemm, 512, 1024)).value(), 73.563e-6,
              0.01e-6);
  EXPECT_TRUE(tables.at("a40").seconds(gemm(12288, 4096, 1)).has_value());
}

TEST(KernelTables, ComeWithTheShippedEngineOfFusedKernels) {
  const EngineFile vllm = engine_named("vllm");
  EXPECT_EQ(vllm.profile.backend(workloads::Backend::kCuda).tables.size(), kernel_tables().size());
  EXPECT_TRUE(engine_named("llama.cpp").profile.backend(workloads::Backend::kCuda).tables.empty());
}

/// Median over all shapes of |predicted / measured - 1| of every second token count, predicted from
/// the others.
double median_withheld_error(const KernelTable& table) {
  std::vector<double> errors;
  for (const auto& [shape, curve] : table.gemms()) {
    std::vector<workloads::TimeCurve::Point> kept;
    for (std::size_t i = 0; i < curve.points().size(); i += 2) kept.push_back(curve.points()[i]);
    const workloads::TimeCurve thinned(std::move(kept));
    for (std::size_t i = 1; i < curve.points().size(); i += 2) {
      const auto& [tokens, seconds] = curve.points()[i];
      if (const auto guess = thinned.seconds(tokens))
        errors.push_back(std::abs(*guess / seconds - 1));
    }
  }
  std::nth_element(errors.begin(), errors.begin() + std::ssize(errors) / 2, errors.end());
  return errors[errors.size() / 2];
}

TEST(KernelTables, PredictWithheldTokenCountsWithinFivePercent) {
  for (const auto& [device, table] : kernel_tables()) {
    const double error = median_withheld_error(table);
    RecordProperty(device, std::to_string(error));
    EXPECT_LE(error, 0.05) << device;
  }
}

}  // namespace
}  // namespace rigsim::configs
