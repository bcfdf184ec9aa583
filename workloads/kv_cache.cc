#include "workloads/kv_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

/// llama.cpp's cache types with ggml's block sizes (gguf-py/gguf/constants.py@0024aa74), and vLLM's
/// FP8 ones, whose one scale per layer is not counted.
constexpr std::array kFormats = std::to_array<KvFormatInfo>({
    {KvFormat::kF32, "f32", 1, 4},
    {KvFormat::kF16, "f16", 1, 2},
    {KvFormat::kBf16, "bf16", 1, 2},
    {KvFormat::kQ8_0, "q8_0", 32, 34},
    {KvFormat::kQ5_1, "q5_1", 32, 24},
    {KvFormat::kQ5_0, "q5_0", 32, 22},
    {KvFormat::kQ4_1, "q4_1", 32, 20},
    {KvFormat::kQ4_0, "q4_0", 32, 18},
    {KvFormat::kIq4_NL, "iq4_nl", 32, 18},
    {KvFormat::kFp8E4m3, "fp8_e4m3", 1, 1},
    {KvFormat::kFp8E5m2, "fp8_e5m2", 1, 1},
});
static_assert(kFormats.size() == static_cast<std::size_t>(KvFormat::kFp8E5m2) + 1);

std::int64_t cached_tokens(const Model& model, int layer, const KvExtent& extent) {
  const bool windowed = extent.windows && is_windowed_layer(model, layer);
  const std::int64_t tokens =
      windowed ? std::min(extent.tokens, model.sliding_window) : extent.tokens;
  return round_up(tokens, extent.block_tokens);
}

}  // namespace

std::span<const KvFormatInfo> kv_formats() { return kFormats; }

const KvFormatInfo& info(KvFormat format) { return kFormats.at(static_cast<std::size_t>(format)); }

KvFormat kv_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &KvFormatInfo::name);
  if (found == kFormats.end()) {
    std::vector<std::string_view> names;
    for (const KvFormatInfo& format : kFormats) names.push_back(format.name);
    throw std::invalid_argument(
        fmt::format("unknown KV cache format \"{}\"; known: {}", name, fmt::join(names, ", ")));
  }
  return found->format;
}

sim::Bytes layer_kv_bytes_per_token(const Model& model, KvFormat format, int tensor_parallel) {
  const KvFormatInfo& layout = info(format);
  const auto row = [&](std::int64_t values) {
    return divide_up(values, layout.block_values) * layout.block_bytes;
  };
  if (model.mla) return sim::Bytes(row(model.mla->kv_lora_rank + model.mla->qk_rope_head_dim));
  const std::int64_t heads = divide_up(model.kv_heads, tensor_parallel);
  return sim::Bytes(2 * row(heads * model.head_dim));
}

sim::Bytes kv_bytes_per_token(const Model& model, KvFormat format) {
  return layer_kv_bytes_per_token(model, format) * model.layers;
}

sim::Bytes layer_kv_bytes(const Model& model, int layer, KvFormat format, const KvExtent& extent) {
  const sim::Bytes token = layer_kv_bytes_per_token(model, format, extent.tensor_parallel);
  return token * (cached_tokens(model, layer, extent) * extent.sequences);
}

sim::Bytes kv_bytes(const Model& model, KvFormat format, const KvExtent& extent) {
  sim::Bytes total;
  for (int layer = 0; layer < model.layers; ++layer)
    total += layer_kv_bytes(model, layer, format, extent);
  return total;
}

}  // namespace rigsim::workloads
