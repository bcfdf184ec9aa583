#include "workloads/memory_plan.h"

#include <gtest/gtest.h>

#include "tests/workloads/known_devices.h"
#include "tests/workloads/known_models.h"

namespace rigsim::workloads {
namespace {

using sim::Bytes;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

MemoryRequest request_for(std::string_view model, std::string_view format, std::int64_t context,
                          int devices, const topology::Device& device) {
  return {.model = known_model(model),
          .format = weights_format(format),
          .context = context,
          .plan = layer_split(devices),
          .devices = std::vector<topology::Device>(static_cast<std::size_t>(devices), device)};
}

MemoryRequest seventy_b(std::int64_t context, int devices, std::int64_t mib) {
  return request_for("llama-3-70b", "Q4_K_M", context, devices, gpu_reporting(mib));
}

/// vLLM's numbers: docs.vllm.ai, defaults of 0.6 (gpu_memory_utilization 0.9,
/// max_num_batched_tokens 2048, 256 sequences).
EngineMemory vllm() {
  return {.micro_batch_tokens = 2048,
          .activation_bytes = 2,
          .live_ffn_tensors = 3,
          .attention_scores = false,
          .mask_bytes = 0,
          .logits_rows = 256,
          .unpacked_weight_bytes = 0,
          .pipeline_copies = 1,
          .embedding_on_host = false,
          .offloads_layers = false,
          .windows = true,
          .kv_block_tokens = 16,
          .memory_fraction = 0.9};
}

TEST(MemoryPlan, Answers70BOnTwo4090sAndOnAnA6000ButNotOnOne4090) {
  EXPECT_FALSE(plan_memory(seventy_b(512, 1, kRtx4090Mib)).fits());
  EXPECT_TRUE(plan_memory(seventy_b(8192, 2, kRtx4090Mib)).fits());
  EXPECT_TRUE(plan_memory(seventy_b(8192, 1, kRtxA6000Mib)).fits());
}

TEST(MemoryPlan, Answers8BF16On16GB) {
  EXPECT_FALSE(
      plan_memory(request_for("llama-3-8b", "F16", 8192, 1, gpu_reporting(kRtx4080Mib))).fits());
}

// Weights and cache are all there, once: on devices and host together they equal the model's.
TEST(MemoryPlan, HoldsEveryByteOnce) {
  for (const int gpu_layers : {0, 1, 40, 79, 80, 81}) {
    MemoryRequest request = seventy_b(4096, 3, kRtx4090Mib);
    request.plan.gpu_layers = gpu_layers;
    const MemoryPlan plan = plan_memory(request);
    Bytes weights = plan.host.weights;
    Bytes kv_cache = plan.host.kv_cache;
    for (const DeviceMemory& device : plan.devices) {
      weights += device.items.weights;
      kv_cache += device.items.kv_cache;
    }
    EXPECT_EQ(weights, weight_bytes(request.model, request.format)) << gpu_layers;
    EXPECT_EQ(kv_cache, kv_bytes(request.model, request.kv_format, {.tokens = 4096})) << gpu_layers;
  }
}

// 8B F16: two 16-bit matrices of 128256 x 4096 outside the layers, one of them with the host.
TEST(MemoryPlan, ItemisesOneDeviceByHand) {
  const MemoryPlan plan =
      plan_memory(request_for("llama-3-8b", "F16", 8192, 1, gpu_reporting(kRtx3090Mib)));
  const MemoryItems& items = plan.devices.at(0).items;
  const std::int64_t embedding = 128256LL * 4096 * 2;
  EXPECT_EQ(plan.host.weights.count(), embedding);
  EXPECT_EQ(items.weights + Bytes(embedding),
            weight_bytes(known_model("llama-3-8b"), weights_format("F16")));
  EXPECT_EQ(items.kv_cache.count(), 1024 * kMiB);
  EXPECT_EQ(items.activations.count(), 560 * kMiB);
  EXPECT_EQ(items.runtime.count(), 512 * kMiB);
  EXPECT_EQ(plan.host.activations.count(), 24 * kMiB);
  EXPECT_EQ(plan.devices[0].capacity.count(), kRtx3090Mib * kMiB);
}

// The largest matrix of a layer, 14336 x 4096, as F16: 112 MiB; F16 files need no copy.
TEST(MemoryPlan, CountsTheUnpackedCopyOfAQuantisedMatrix) {
  const auto activations = [](std::string_view format) {
    return plan_memory(request_for("llama-3-8b", format, 8192, 1, gpu_reporting(kRtx3090Mib)))
        .devices[0]
        .items.activations;
  };
  EXPECT_EQ((activations("Q4_K_M") - activations("F16")).count(), 112 * kMiB);
}

TEST(MemoryPlan, KeepsTheEmbeddingOnADeviceOfUnifiedMemory) {
  const MemoryPlan plan = plan_memory(request_for("llama-3-8b", "F16", 8192, 1, mac_with(64)));
  EXPECT_EQ(plan.host.weights.count(), 0);
  EXPECT_EQ(plan.devices[0].items.weights,
            weight_bytes(known_model("llama-3-8b"), weights_format("F16")));
}

// A tied embedding is looked up on the host and multiplied by on the device: 128256 x 2048 x 2
// bytes in both places.
TEST(MemoryPlan, HoldsATiedEmbeddingTwice) {
  const MemoryPlan plan =
      plan_memory(request_for("llama-3.2-1b", "F16", 512, 1, gpu_reporting(kRtx3070Mib)));
  EXPECT_EQ(plan.host.weights.count(), 128256LL * 2048 * 2);
  EXPECT_EQ(plan.devices[0].items.weights,
            weight_bytes(known_model("llama-3.2-1b"), weights_format("F16")));
}

TEST(MemoryPlan, OfOffloadedLayersChecksTheHost) {
  MemoryRequest request = seventy_b(4096, 1, kRtx4090Mib);
  request.plan.gpu_layers = 40;
  EXPECT_TRUE(plan_memory(request).fits());
  request.host_memory = Bytes(16LL << 30);
  const MemoryPlan plan = plan_memory(request);
  EXPECT_FALSE(plan.fits());
  EXPECT_EQ(plan.host_shortfall(), plan.host.total() - Bytes(16LL << 30));
}

// Tensor parallel by 8: an eighth of matrices and cache, all of the norms (161 of 8192 F32 values).
TEST(MemoryPlan, DividesMatricesAmongTensorParallelDevices) {
  MemoryRequest request = request_for("llama-3-70b", "F16", 8192, 8, gpu_reporting(kH100Mib));
  request.engine = vllm();
  request.plan = {.tp = 8};
  const MemoryPlan plan = plan_memory(request);
  ASSERT_EQ(plan.devices.size(), 8U);
  const std::int64_t norms = 161LL * 8192 * 4;
  const std::int64_t matrices = weight_bytes(request.model, request.format).count() - norms;
  for (const DeviceMemory& device : plan.devices) {
    EXPECT_EQ(device.items.weights.count(), matrices / 8 + norms);
    EXPECT_EQ(device.items.kv_cache.count(), 8192LL * (320 << 10) / 8);
  }
}

TEST(MemoryPlan, DividesExpertsAmongExpertParallelDevices) {
  MemoryRequest request = request_for("mixtral-8x7b", "BF16", 4096, 8, gpu_reporting(kH100Mib));
  request.engine = vllm();
  request.plan = {.tp = 2, .dp = 4, .ep = 8};
  const std::int64_t experts = 32LL * 8 * 3 * 14336 * 4096 * 2;
  const MemoryPlan plan = plan_memory(request);
  ASSERT_EQ(plan.devices.size(), 8U);
  EXPECT_GT(plan.devices[0].items.weights.count(), experts / 8);
  EXPECT_LT(plan.devices[0].items.weights.count(), experts / 8 + 2LL * kMiB * 1024);
}

TEST(MemoryPlan, SharesTheBatchAmongReplicas) {
  MemoryRequest request = request_for("llama-3-8b", "F16", 1024, 2, gpu_reporting(kA100Mib));
  request.plan = {.dp = 2};
  request.batch = 5;  // 3 and 2: planned for 3
  EXPECT_EQ(plan_memory(request).devices[1].items.kv_cache.count(), 3 * 128 * kMiB);
}

// 24,564 MiB reported, 25,250,627,584 B seen by a process on an RTX 4090.
constexpr std::int64_t kDriverReserve = (24'564LL << 20) - 25'250'627'584LL;

TEST(MemoryPlan, TakesOnlyTheEnginesShareOfADevice) {
  MemoryRequest request = request_for("llama-3-8b", "BF16", 8192, 1, gpu_reporting(kA100Mib));
  request.engine = vllm();
  EXPECT_EQ(plan_memory(request).devices[0].capacity.count(),
            (kA100Mib * kMiB - kDriverReserve) * 9 / 10);
}

TEST(UsableMemory, OfAGpuIsWhatItReports) {
  EXPECT_EQ(usable_memory(gpu_reporting(kA40Mib)).count(), kA40Mib * kMiB);
  topology::Device unknown;
  unknown.memory = Bytes(8LL << 30);
  EXPECT_EQ(usable_memory(unknown).count(), 8LL << 30);
}

TEST(UsableMemory, OfAMacIsTheShareItMayWire) {
  EXPECT_NEAR(static_cast<double>(usable_memory(mac_with(36)).count()), 0.67 * 36 * 1024 * kMiB,
              1.0);
  EXPECT_EQ(usable_memory(mac_with(64)).count(), 48LL << 30);
  topology::Device tuned = mac_with(64);
  tuned.usable_memory_fraction = 0.875;
  EXPECT_EQ(usable_memory(tuned).count(), 56LL << 30);
}

TEST(LargestContext, FitsAndOneTokenMoreDoesNot) {
  for (const MemoryRequest& base : {seventy_b(1, 2, kRtx4090Mib), seventy_b(1, 1, kRtxA6000Mib)}) {
    const auto longest = largest_context(base, 1 << 24);
    ASSERT_TRUE(longest);
    MemoryRequest request = base;
    request.context = *longest;
    EXPECT_TRUE(plan_memory(request).fits());
    request.context = *longest + 1;
    EXPECT_FALSE(plan_memory(request).fits());
    EXPECT_EQ(*longest % request.engine.kv_block_tokens, 0);
  }
}

TEST(LargestContext, StopsAtTheModelsOwn) {
  EXPECT_EQ(largest_context(request_for("llama-3-8b", "Q4_K_M", 1, 1, gpu_reporting(kA100Mib))),
            8192);
}

TEST(LargestContext, IsNoneWhereTheWeightsAloneDoNotFit) {
  EXPECT_EQ(largest_context(seventy_b(1, 1, kRtx4090Mib)), std::nullopt);
}

TEST(LargestBatch, FitsAndOneSequenceMoreDoesNot) {
  MemoryRequest request = request_for("llama-3-8b", "BF16", 2048, 1, gpu_reporting(kH100Mib));
  request.engine = vllm();
  const auto most = largest_batch(request);
  ASSERT_TRUE(most);
  request.batch = *most;
  EXPECT_TRUE(plan_memory(request).fits());
  request.batch = *most + 1;
  EXPECT_FALSE(plan_memory(request).fits());
  EXPECT_EQ(*most, kv_blocks(request) / (2048 / 16));
}

// vLLM reports about 27,000 blocks of 16 tokens for Llama-3-8B BF16 on an A100 80GB at 0.9 (72 GB
// less 16 and 2.)
TEST(KvBlocks, AreWhatIsLeftOfTheEnginesShare) {
  MemoryRequest request = request_for("llama-3-8b", "BF16", 1, 1, gpu_reporting(kA100Mib));
  request.engine = vllm();
  const MemoryItems items = plan_memory(request).devices[0].items;
  const std::int64_t left =
      (kA100Mib * kMiB - kDriverReserve) * 9 / 10 - (items.total() - items.kv_cache).count();
  EXPECT_EQ(kv_blocks(request), left / (16 * (128 << 10)));
  EXPECT_NEAR(static_cast<double>(kv_blocks(request)), 28000, 1500);
  request.devices = {gpu_reporting(kRtx3070Mib)};
  EXPECT_EQ(kv_blocks(request), 0);
}

// A quarter of what is left: exact in binary, so that only the division into blocks rounds.
TEST(KvBlocks, AreTheEnginesShareOfWhatIsFree) {
  MemoryRequest request = request_for("llama-3-8b", "BF16", 1, 1, gpu_reporting(kA100Mib));
  request.engine = vllm();
  const std::int64_t all = kv_blocks(request);
  request.engine.kv_share_of_free = 0.25;
  EXPECT_EQ(kv_blocks(request), all / 4);
}

TEST(MemoryPlan, RefusesNonsense) {
  MemoryRequest request = seventy_b(0, 2, kRtx4090Mib);
  EXPECT_THROW((void)plan_memory(request), std::invalid_argument);
  request.context = 1;
  request.batch = 0;
  EXPECT_THROW((void)plan_memory(request), std::invalid_argument);
  request.batch = 1;
  request.devices.pop_back();
  EXPECT_THROW((void)plan_memory(request), std::invalid_argument);
  request.devices.clear();
  EXPECT_THROW((void)plan_memory(request), std::invalid_argument);
}

TEST(MemoryPlan, RefusesToLeaveLayersToTheHostOfAnEngineThatCannot) {
  MemoryRequest request = request_for("llama-3-8b", "BF16", 1, 1, gpu_reporting(kA100Mib));
  request.engine = vllm();
  request.plan.gpu_layers = 10;
  EXPECT_THROW((void)plan_memory(request), std::invalid_argument);
}

TEST(MemoryPlan, IsMonotoneInContextAndBatch) {
  MemoryRequest request = request_for("gemma-2-9b", "Q4_K_M", 1, 2, gpu_reporting(kRtx3090Mib));
  request.engine.windows = true;
  Bytes before{0};
  for (std::int64_t context = 1; context < 20000; context += 611) {
    request.context = context;
    const Bytes now = plan_memory(request).devices[0].items.total();
    EXPECT_GE(now, before) << context;
    before = now;
  }
}

}  // namespace
}  // namespace rigsim::workloads
