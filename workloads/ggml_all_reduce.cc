#include "workloads/ggml_all_reduce.h"

#include <algorithm>

namespace rigsim::workloads {
namespace {

constexpr std::int64_t kWireBytes = 2;  // BF16
constexpr sim::Bytes kCopyThreshold{std::int64_t{1} << 20};
constexpr sim::Bytes kSmallestChunk{std::int64_t{512} << 10};
constexpr sim::Bytes kLargestChunk{std::int64_t{2} << 20};
constexpr int kCrossings = 5;  // out 1, the last poll 2, the data 2

}  // namespace

sim::Bytes ggml_nccl_bytes(std::int64_t values, std::size_t devices) {
  constexpr std::int64_t kFloatBytes = 4;
  const std::int64_t whole_below = devices <= 2 ? 32'768 : devices == 3 ? 131'072 : 262'144;
  return sim::Bytes(values * (values < whole_below ? kFloatBytes : kWireBytes));
}

GgmlAllReduce::GgmlAllReduce(const topology::RigNetwork& network, std::uint32_t first,
                             std::uint32_t second, sim::Duration event)
    : event_(event) {
  const auto out = {network.device_to_host(first), network.device_to_host(second)};
  const auto in = {network.host_to_device(first), network.host_to_device(second)};
  const auto slower = [](const auto& a, const auto& b) { return a.uncontended < b.uncontended; };
  up_ = std::min(out, slower).uncontended;
  down_ = std::min(in, slower).uncontended;
  for (const auto& path : out) crossing_ = std::max(crossing_, path.fixed_cost);
}

sim::Bytes GgmlAllReduce::wire_bytes(std::int64_t values) {
  return sim::Bytes(values * kWireBytes);
}

sim::Duration GgmlAllReduce::time(std::int64_t values) const { return time(wire_bytes(values)); }

sim::Duration GgmlAllReduce::time(sim::Bytes wire) const {
  if (wire < kCopyThreshold) return kCrossings * crossing_ + wire / up_ + wire / down_;
  const sim::Bytes chunk = std::clamp(sim::Bytes(wire.count() / 4), kSmallestChunk, kLargestChunk);
  return 2 * event_ + chunk / up_ + wire / down_;
}

}  // namespace rigsim::workloads
