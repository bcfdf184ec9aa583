#include "workloads/ggml_all_reduce.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/workloads/toy_deployment.h"
#include "workloads/ggml_kernels.h"

namespace rigsim::workloads {
namespace {

using std::chrono::microseconds;

/// Two toy GPUs on PCIe 4 x16: 26.5 GB/s and 0.55 us a cable.
GgmlAllReduce pair_of_toys() {
  static const topology::RigNetwork network(toy_rig(2));
  return {network, 0, 1, microseconds(11)};
}

// 8192 values are 16384 bytes: 5 x 0.55 us + 2 x 16384 / 26.5 GB/s = 2.75 + 1.237 us.
TEST(GgmlAllReduce, CrossesTheCableFiveTimesForADecodeStep) {
  EXPECT_NEAR(sim::to_seconds(pair_of_toys().time(8192)), 3.987e-6, 1e-9);
}

// 512 x 8192 values are 8 MiB in chunks of 2 MiB: 22 us of events, one chunk up, all down.
TEST(GgmlAllReduce, OverlapsTheChunksOfAPrompt) {
  const double expected = 22e-6 + 2097152 / 26.5e9 + 8388608 / 26.5e9;
  EXPECT_NEAR(sim::to_seconds(pair_of_toys().time(512 * 8192)), expected, 1e-9);
}

TEST(GgmlNcclBytes, CutLargeTensorsToHalf) {
  EXPECT_EQ(ggml_nccl_bytes(8192, 2), sim::Bytes(8192 * 4));
  EXPECT_EQ(ggml_nccl_bytes(32768, 2), sim::Bytes(32768 * 2));
  EXPECT_EQ(ggml_nccl_bytes(131071, 3), sim::Bytes(131071 * 4));
  EXPECT_EQ(ggml_nccl_bytes(262144, 4), sim::Bytes(262144 * 2));
}

// Two ranks read half of each matrix and of the cache; norms stay whole.
TEST(GgmlKernels, ShareALayerAmongTensorRanks) {
  const Deployment d = deploy(toy_request(1));
  const auto bytes = [&](int ranks) {
    PassShape shape;
    shape.context = 1024;
    shape.tensor_parallel = ranks;
    double weights = 0;
    double cache = 0;
    for (const Kernel& kernel : ggml_layer_kernels(d.model, d.weights.layers[0], 0, shape, d.engine,
                                                   d.backends[0], d.rig.devices[0].device)) {
      weights += kernel.weight_bytes;
      if (kernel.kind == KernelKind::kAttentionDecode) cache += kernel.traffic_bytes;
    }
    return std::pair(weights, cache);
  };
  EXPECT_DOUBLE_EQ(bytes(2).first, bytes(1).first / 2);
  EXPECT_DOUBLE_EQ(bytes(2).second, bytes(1).second / 2);
}

}  // namespace
}  // namespace rigsim::workloads
