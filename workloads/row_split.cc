#include "workloads/row_split.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

constexpr std::int64_t kTileRows = 128;  // get_row_rounding, Volta and newer

}  // namespace

std::vector<RowRange> row_ranges(std::int64_t rows, TensorType type,
                                 std::span<const sim::Bytes> memory) {
  if (memory.empty()) throw std::invalid_argument("a row split needs at least one device");
  std::int64_t total = 0;
  for (const sim::Bytes bytes : memory) {
    if (bytes <= sim::Bytes(0)) {
      throw std::invalid_argument(
          fmt::format("a row split needs devices with memory, got {} bytes", bytes.count()));
    }
    total += bytes.count();
  }
  const std::int64_t rounding = info(type).block_weights > 1 ? kTileRows : 1;
  std::vector<RowRange> ranges(memory.size());
  std::int64_t before = 0;
  for (std::size_t i = 0; i + 1 < memory.size(); ++i) {
    before += memory[i].count();
    const auto border = static_cast<std::int64_t>(
        static_cast<double>(rows) * (static_cast<double>(before) / static_cast<double>(total)));
    ranges[i].high = border - border % rounding;
    ranges[i + 1].low = ranges[i].high;
  }
  ranges.back().high = rows;
  return ranges;
}

StoredTensor row_slice(const StoredTensor& whole, RowRange range) {
  StoredTensor slice = whole;
  slice.tensor.rows = range.rows();
  slice.bytes = stored_bytes(whole.type, slice.tensor);
  return slice;
}

sim::Bytes row_input_bytes(const StoredTensor& weights, std::int64_t tokens, bool quantized) {
  constexpr std::int64_t kPadding = 512;  // MATRIX_ROW_PADDING
  constexpr std::int64_t kBlockValues = 32;
  constexpr std::int64_t kBlockBytes = 36;  // block_q8_1: 32 values and two 16-bit scales
  constexpr std::int64_t kFloatBytes = 4;
  const std::int64_t cols = weights.tensor.cols;
  return sim::Bytes(tokens * (quantized ? round_up(cols, kPadding) / kBlockValues * kBlockBytes
                                        : cols * kFloatBytes));
}

sim::Bytes row_output_bytes(std::int64_t rows, std::int64_t tokens) {
  constexpr std::int64_t kFloatBytes = 4;
  return sim::Bytes(rows * tokens * kFloatBytes);
}

Deployment without_peer_access(Deployment deployment) {
  deployment.rig.peer_access.clear();
  const ResourceScale& scale = deployment.scale;
  deployment.network =
      topology::RigNetwork(deployment.rig, {scale.link_bandwidth, scale.link_latency});
  return deployment;
}

}  // namespace rigsim::workloads
