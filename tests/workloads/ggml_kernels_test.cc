#include "workloads/ggml_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tests/workloads/known_models.h"
#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

/// Kernels of one model in one format, by the toy engine unless told otherwise.
struct Lowered {
  Model model;
  WeightLayout layout;
  EngineProfile engine = toy_engine();
  BackendProfile backend = engine.backend(Backend::kCuda);
  topology::Device device = toy_gpu();

  Lowered(const char* name, const char* format)
      : model(known_model(name)), layout(weight_layout(model, weights_format(format))) {}

  [[nodiscard]] std::vector<Kernel> layer(int index, const PassShape& shape) const {
    return ggml_layer_kernels(model, layout.layers[static_cast<std::size_t>(index)], index, shape,
                              engine, backend, device);
  }
};

PassShape pass_of(std::int64_t tokens, std::int64_t context) {
  PassShape shape;
  shape.tokens = tokens;
  shape.context = context;
  return shape;
}

int launches(const std::vector<Kernel>& kernels) {
  int total = 0;
  for (const Kernel& kernel : kernels) total += kernel.launches;
  return total;
}

std::size_t index_of(const std::vector<Kernel>& kernels, std::string_view name) {
  const auto at = std::find_if(kernels.begin(), kernels.end(),
                               [&](const Kernel& kernel) { return kernel.name == name; });
  if (at == kernels.end()) throw std::out_of_range("no kernel " + std::string(name));
  return static_cast<std::size_t>(at - kernels.begin());
}

const Kernel& named(const std::vector<Kernel>& kernels, std::string_view name) {
  return kernels[index_of(kernels, name)];
}

// Norm 2 (normalise, scale), Q K V 3 x 2 (quantise the activation, multiply), rope 2, cache 2,
// scores softmax values 3, merge 1, output 2, residual 1; norm 2, gate up 2 x 2, activation 2
// (SiLU, product), down 2, residual 1.
TEST(GgmlLayer, IsThirtyLaunchesAtBatchOne) {
  const Lowered llama("llama-3-8b", "Q4_K_M");
  EXPECT_EQ(launches(llama.layer(0, pass_of(1, 1))), 30);
  EXPECT_EQ(launches(llama.layer(31, pass_of(1, 4000))), 30);
}

// The seven matrices now take 4 launches each (expand, convert, multiply, convert back) or 5 with
// the reduction of a split K; scores and values 4 each and a softmax between. 7 x 4 + 9 + 13 = 50.
TEST(GgmlLayer, IsFiftyLaunchesForAPromptAndSevenMoreWithSplitK) {
  Lowered llama("llama-3-8b", "Q4_K_M");
  EXPECT_EQ(launches(llama.layer(0, pass_of(512, 512))), 50);
  llama.backend.gemm_extra_launches = 1;
  EXPECT_EQ(launches(llama.layer(0, pass_of(512, 512))), 57);
  llama.backend.single_launch_gemm_families = {"Toy"};
  EXPECT_EQ(launches(llama.layer(0, pass_of(512, 512))), 50);
  llama.backend.single_launch_gemm_families = {"Ada", "GA100"};
  EXPECT_EQ(launches(llama.layer(0, pass_of(512, 512))), 57);
}

// F16 weights need no expanding, and without conversions a matrix is one launch: 7 + 9 + 13.
TEST(GgmlLayer, LaunchesNothingThatTheFormatOrTheBackendDoesNotNeed) {
  Lowered llama("llama-3-8b", "F16");
  EXPECT_EQ(launches(llama.layer(0, pass_of(512, 512))), 43);
  llama.backend.convert_activations = false;
  EXPECT_EQ(launches(llama.layer(0, pass_of(512, 512))), 29);
}

TEST(GgmlLayer, TurnsFromMatVecToGemmAboveEightTokens) {
  const Lowered llama("llama-3-8b", "Q4_K_M");
  EXPECT_EQ(named(llama.layer(0, pass_of(8, 8)), "ffn_up").kind, KernelKind::kMatVec);
  EXPECT_EQ(named(llama.layer(0, pass_of(9, 9)), "ffn_up").kind, KernelKind::kGemm);
}

// Q4_K: 144 bytes per 256 weights, Q6_K: 210. Layer 0 is one of those whose V and down are Q6_K.
TEST(GgmlLayer, ReadsEachMatrixOnceInItsStoredForm) {
  const Lowered llama("llama-3-8b", "Q4_K_M");
  const auto kernels = llama.layer(0, pass_of(1, 1));
  EXPECT_EQ(named(kernels, "attn_q").weight_bytes, 4096.0 * 4096 / 256 * 144);
  EXPECT_EQ(named(kernels, "attn_k").weight_bytes, 1024.0 * 4096 / 256 * 144);
  EXPECT_EQ(named(kernels, "attn_v").weight_bytes, 1024.0 * 4096 / 256 * 210);
  EXPECT_EQ(named(kernels, "attn_output").weight_bytes, 4096.0 * 4096 / 256 * 144);
  EXPECT_EQ(named(kernels, "ffn_gate").weight_bytes, 14336.0 * 4096 / 256 * 144);
  EXPECT_EQ(named(kernels, "ffn_up").weight_bytes, 14336.0 * 4096 / 256 * 144);
  EXPECT_EQ(named(kernels, "ffn_down").weight_bytes, 14336.0 * 4096 / 256 * 210);
  EXPECT_TRUE(named(kernels, "ffn_down").quantized);
}

TEST(GgmlLayer, MultipliesTwoFlopsPerWeightAndToken) {
  const Lowered llama("llama-3-8b", "Q4_K_M");
  const auto one = llama.layer(0, pass_of(1, 1));
  EXPECT_EQ(named(one, "attn_q").flops, 2.0 * 4096 * 4096);
  EXPECT_EQ(named(one, "attn_v").flops, 2.0 * 1024 * 4096);
  EXPECT_EQ(named(one, "ffn_down").flops, 2.0 * 14336 * 4096);
  EXPECT_EQ(named(llama.layer(0, pass_of(512, 512)), "ffn_down").flops, 1024.0 * 14336 * 4096);
}

// All layers and the head together: 2 x 7,504,924,672 FLOPs a token, the 8,030,261,248 weights less
// the embedding table (525,336,576). Norms (65 x 4,096 = 266,240) are elementwise.
TEST(GgmlLayer, AddsUpToTheModel) {
  const Lowered llama("llama-3-8b", "Q4_K_M");
  double flops = 0;
  double bytes = 0;
  const auto add = [&](const std::vector<Kernel>& kernels) {
    for (const Kernel& kernel : kernels) {
      if (kernel.kind != KernelKind::kMatVec) continue;
      flops += kernel.flops;
      bytes += kernel.weight_bytes;
    }
  };
  for (int layer = 0; layer < 32; ++layer) add(llama.layer(layer, pass_of(1, 1)));
  add(ggml_head_kernels(llama.model, llama.layout.head, pass_of(1, 1), llama.backend,
                        llama.device));
  EXPECT_EQ(flops, 2.0 * (8030261248 - 525336576 - 266240));
  const auto all = weight_bytes(llama.model, weights_format("Q4_K_M")).count();
  // The table is Q4_K, norms are F32.
  EXPECT_EQ(bytes, static_cast<double>(all - 525336576 / 256 * 144 - 266240 * 4));
}

// 512 tokens of 4,096 floats: read twice, written twice, by two kernels.
TEST(GgmlLayer, MovesActivationsOf32Bits) {
  const Lowered llama("llama-3-8b", "Q4_K_M");
  const Kernel norm = named(llama.layer(0, pass_of(512, 512)), "attn_norm");
  EXPECT_EQ(norm.working_set_bytes, 512 * 4096 * 4);
  EXPECT_EQ(norm.traffic_bytes, 4 * 512 * 4096 * 4);
  EXPECT_EQ(norm.launches, 2);
}

// attn_k, 1,024 x 4,096: Q4_K in, 2 bytes per weight out; then that copy is multiplied. Activations
// are 4 bytes read and 2 written (in), 2 read and 4 written (out).
TEST(GgmlLayer, ExpandsABlockFormatInMemoryBeforeTheGemm) {
  const Lowered llama("llama-3-8b", "Q4_K_M");
  const auto kernels = llama.layer(0, pass_of(512, 512));
  const std::size_t k = index_of(kernels, "attn_k");
  const double weights = 1024.0 * 4096;
  EXPECT_EQ(kernels[k - 2].name, "dequantize");
  EXPECT_EQ(kernels[k - 2].weight_bytes, weights / 256 * 144);
  EXPECT_EQ(kernels[k - 2].traffic_bytes, weights * 2);
  EXPECT_EQ(kernels[k - 1].name, "convert_input");
  EXPECT_EQ(kernels[k - 1].traffic_bytes, 512.0 * 4096 * (4 + 2));
  EXPECT_EQ(kernels[k].weight_bytes, weights * 2);
  EXPECT_EQ(kernels[k].traffic_bytes, 512.0 * (1024 + 4096) * 2);
  EXPECT_EQ(kernels[k].tokens, 512);
  EXPECT_EQ(kernels[k].outputs, 1024);
  EXPECT_EQ(kernels[k + 1].name, "convert_output");
  EXPECT_EQ(kernels[k + 1].traffic_bytes, 512.0 * 1024 * (2 + 4));
}

TEST(GgmlLayer, MultipliesThePackedFormWhereTheBackendCan) {
  Lowered llama("llama-3-8b", "Q4_K_M");
  llama.backend.dequantize_for_gemm = false;
  EXPECT_EQ(named(llama.layer(0, pass_of(512, 512)), "attn_k").weight_bytes,
            1024.0 * 4096 / 256 * 144);
}

// 512 new tokens after 100 cached ones: 612 padded to 640. 32 heads x 512 x 640 scores, of 128
// multiply-adds each, once for scores and once for values; every score moves `scores_bytes`.
TEST(GgmlLayer, PassesAttentionScoresThroughMemory) {
  Lowered llama("llama-3-8b", "Q4_K_M");
  llama.backend.scores_bytes = 20;
  const auto kernels = llama.layer(0, pass_of(512, 612));
  const double scores = 32.0 * 512 * 640;
  EXPECT_EQ(named(kernels, "attn_scores").flops, scores * 128 * 2);
  EXPECT_EQ(named(kernels, "attn_values").flops, scores * 128 * 2);
  EXPECT_EQ(named(kernels, "softmax").traffic_bytes, scores * 20);
  EXPECT_EQ(named(kernels, "softmax").working_set_bytes, scores * 4);
  llama.engine.flash_attention = true;
  EXPECT_THROW((void)named(llama.layer(0, pass_of(512, 612)), "softmax"), std::out_of_range);
}

// Q6_K head: 128,256 x 4,096 weights; only the rows whose logits are wanted reach it.
TEST(GgmlHead, WorksOnTheWantedRowsOnly) {
  const Lowered llama("llama-3-8b", "Q4_K_M");
  const auto head = ggml_head_kernels(llama.model, llama.layout.head, pass_of(512, 512),
                                      llama.backend, llama.device);
  EXPECT_EQ(launches(head), 4);
  EXPECT_EQ(named(head, "output").weight_bytes, 128256.0 * 4096 / 256 * 210);
  EXPECT_EQ(named(head, "output").flops, 2.0 * 128256 * 4096);
  EXPECT_EQ(named(head, "output").layer, -1);
}

// Llama-3.2-1B has no output matrix: the embedding table, 128,256 x 2,048 in Q6_K, is the head.
TEST(GgmlHead, OfATiedModelIsItsEmbedding) {
  const Lowered llama("llama-3.2-1b", "Q4_K_M");
  const auto head =
      ggml_head_kernels(llama.model, llama.layout.head, pass_of(1, 1), llama.backend, llama.device);
  EXPECT_EQ(named(head, "token_embedding").weight_bytes, 128256.0 * 2048 / 256 * 210);
}

// One token: 2 of 8 experts are read and used. Two: 8 (1 - (3/4)^2) = 3.5 are read on average.
TEST(GgmlMoeLayer, ReadsTheExpertsThatTokensTouch) {
  const Lowered mixtral("mixtral-8x7b", "F16");
  const double expert = 14336.0 * 4096;
  const Kernel one = named(mixtral.layer(0, pass_of(1, 1)), "expert_up");
  EXPECT_DOUBLE_EQ(one.weight_bytes, 2 * expert * 2);
  EXPECT_DOUBLE_EQ(one.flops, 2 * expert * 2);
  const Kernel two = named(mixtral.layer(0, pass_of(2, 2)), "expert_up");
  EXPECT_DOUBLE_EQ(two.weight_bytes, 3.5 * expert * 2);
  EXPECT_DOUBLE_EQ(two.flops, 2 * 2 * expert * 2);
  EXPECT_EQ(named(mixtral.layer(0, pass_of(1, 1)), "router").flops, 2.0 * 8 * 4096);
}

// ggml multiplies expert by expert: the 2 of one token (a quantise and a product each), and on a
// prompt of 512 all 8, each with 512 x 2 / 8 = 128 of the 1,024 rows that are gathered.
TEST(GgmlMoeLayer, LaunchesExpertByExpert) {
  const Lowered mixtral("mixtral-8x7b", "F16");
  EXPECT_EQ(named(mixtral.layer(0, pass_of(1, 1)), "expert_up").launches, 2 * 2);
  const auto prompt = mixtral.layer(0, pass_of(512, 512));
  const std::size_t up = index_of(prompt, "expert_up");
  EXPECT_EQ(prompt[up].launches, 8);
  EXPECT_EQ(prompt[up].tokens, 128);
  EXPECT_DOUBLE_EQ(prompt[up].flops, 2.0 * 1024 * 14336 * 4096);
  EXPECT_DOUBLE_EQ(prompt[up].traffic_bytes, 1024.0 * (4096 + 14336) * 2);
  EXPECT_DOUBLE_EQ(prompt[up - 1].traffic_bytes, 1024.0 * 4096 * 6);
  EXPECT_DOUBLE_EQ(prompt[up + 1].traffic_bytes, 1024.0 * 14336 * 6);
}

// All experts in one kernel: a quantise and a product for one token; on a prompt of 512 one product
// of 1,024 rows, which still reads all 8 experts.
TEST(GgmlMoeLayer, LaunchesOnceWhereExpertsAreGrouped) {
  Lowered mixtral("mixtral-8x7b", "F16");
  mixtral.backend.grouped_experts = true;
  const Kernel one = named(mixtral.layer(0, pass_of(1, 1)), "expert_up");
  EXPECT_EQ(one.launches, 2);
  EXPECT_DOUBLE_EQ(one.weight_bytes, 2 * 14336.0 * 4096 * 2);
  const Kernel up = named(mixtral.layer(0, pass_of(512, 512)), "expert_up");
  EXPECT_EQ(up.launches, 1);
  EXPECT_EQ(up.tokens, 1024);
  EXPECT_DOUBLE_EQ(up.flops, 2.0 * 1024 * 14336 * 4096);
  EXPECT_DOUBLE_EQ(up.weight_bytes, 8 * 14336.0 * 4096 * 2);
  // 128 tokens: 8 experts of 32 rows, each a tile of 128.
  const Kernel padded = named(mixtral.layer(0, pass_of(128, 128)), "expert_up");
  EXPECT_NEAR(padded.flops / (2.0 * 256 * 14336 * 4096), 4, 1e-9);
}

// DeepSeek-V3 layer 3: 8 of 256 routed experts of 2,048, a shared one of 2,048; layer 0 is dense.
TEST(GgmlMoeLayer, KeepsSharedExpertsAndDenseLayersWhole) {
  const Lowered deepseek("deepseek-v3", "F16");
  const auto moe = deepseek.layer(3, pass_of(1, 1));
  EXPECT_DOUBLE_EQ(named(moe, "expert_up").flops, 8 * 2.0 * 2048 * 7168);
  EXPECT_DOUBLE_EQ(named(moe, "shared_up").flops, 2.0 * 2048 * 7168);
  EXPECT_EQ(named(moe, "ffn_activation").working_set_bytes, 9 * 2048 * 4);
  EXPECT_DOUBLE_EQ(named(deepseek.layer(0, pass_of(1, 1)), "ffn_up").flops, 2.0 * 18432 * 7168);
}

// MLA's per-head matrices work on all 128 heads' parts of a token: K's is 512 x 128 a head.
TEST(GgmlMoeLayer, MultipliesMlaHeadsInOneBatch) {
  const Lowered deepseek("deepseek-v3", "F16");
  const auto prompt = deepseek.layer(3, pass_of(512, 512));
  const Kernel& kb = named(prompt, "attn_k_b");
  EXPECT_EQ(kb.launches, 1);
  EXPECT_EQ(kb.tokens, 512);
  EXPECT_DOUBLE_EQ(kb.flops, 2.0 * 512 * 128 * 512 * 128);
  EXPECT_DOUBLE_EQ(kb.traffic_bytes, 512.0 * 128 * (512 + 128) * 2);
}

TEST(HiddenState, IsFloatInGgmlAndHalfInFusedEngines) {
  EngineProfile engine = toy_engine();
  EXPECT_EQ(hidden_state_bytes(known_model("llama-3-8b"), 512, engine).count(), 512 * 4096 * 4);
  engine.style = KernelStyle::kFused;
  EXPECT_EQ(hidden_state_bytes(known_model("llama-3-8b"), 512, engine).count(), 512 * 4096 * 2);
}

}  // namespace
}  // namespace rigsim::workloads
