#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sim/units.h"
#include "workloads/model.h"

namespace rigsim::workloads {

/// How cached keys and values are stored.
enum class KvFormat : std::uint8_t {
  kF32,
  kF16,
  kBf16,
  kQ8_0,
  kQ5_1,
  kQ5_0,
  kQ4_1,
  kQ4_0,
  kIq4_NL,
  kFp8E4m3,
  kFp8E5m2
};

/// Block layout of one KV format: `block_bytes` for every `block_values` numbers.
struct KvFormatInfo {
  KvFormat format{};
  std::string_view name{};  ///< "f16", "q8_0", "fp8_e4m3"
  std::int64_t block_values = 1;
  std::int64_t block_bytes = 0;
};

/// The 11 formats, in the order of KvFormat.
[[nodiscard]] std::span<const KvFormatInfo> kv_formats();

[[nodiscard]] const KvFormatInfo& info(KvFormat format);

/// The format of exactly this name. Throws std::invalid_argument listing the names otherwise.
[[nodiscard]] KvFormat kv_format(std::string_view name);

/// What is cached: `sequences` of `tokens` each, as one engine keeps them.
struct KvExtent {
  std::int64_t tokens = 0;
  std::int64_t sequences = 1;
  std::int64_t block_tokens = 1;  ///< each sequence occupies whole blocks
  bool windows =
      true;  ///< windowed layers hold at most their window; false: the engine keeps all tokens
  int tensor_parallel =
      1;  ///< devices among which the KV heads are divided; MLA's latent is on each of them
};

/// Bytes that one more token takes in one layer, before any window is full:
/// 2 x kv_heads x head_dim values, or for MLA kv_lora_rank + qk_rope_head_dim, in whole blocks of
/// the format. On one of `tensor_parallel` devices a share of the KV heads, at least one.
[[nodiscard]] sim::Bytes layer_kv_bytes_per_token(const Model& model, KvFormat format,
                                                  int tensor_parallel = 1);

/// The same for all layers: how the cache grows while the context is shorter than every window.
[[nodiscard]] sim::Bytes kv_bytes_per_token(const Model& model, KvFormat format);

/// Bytes of one layer's cache on one device.
[[nodiscard]] sim::Bytes layer_kv_bytes(const Model& model, int layer, KvFormat format,
                                        const KvExtent& extent);

/// Bytes of all layers' cache.
[[nodiscard]] sim::Bytes kv_bytes(const Model& model, KvFormat format, const KvExtent& extent);

}  // namespace rigsim::workloads
