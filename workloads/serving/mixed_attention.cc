#include "workloads/serving/mixed_attention.h"

namespace rigsim::workloads {
namespace {

constexpr double kCacheOverMemory = 1.8;  // mean of the two devices
constexpr double kSecondsPerSequence = 0.8e-6;

}  // namespace

double mixed_decode_seconds(const Kernel& decode, const Model& model, double kv_bytes_per_element,
                            const topology::Device& device) {
  if (model.attention == AttentionKind::kMla || device.architecture == "Hopper") return 0;
  const double row = 2 * static_cast<double>(model.head_dim) * kv_bytes_per_element;
  return decode.head_tokens * row / (kCacheOverMemory * device.memory_bandwidth.count()) +
         static_cast<double>(decode.tokens) * kSecondsPerSequence;
}

}  // namespace rigsim::workloads
