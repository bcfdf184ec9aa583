#pragma once

#include <cstdint>
#include <string_view>

namespace rigsim::workloads {

/// What a kernel does to the device; decides which cost formula prices it.
enum class KernelKind {
  kMatVec,           ///< weights streamed once for a handful of tokens
  kGemm,             ///< 16-bit matrix product with weights, many tokens
  kDequantize,       ///< block format to 16 bit, in memory
  kElementwise,      ///< norms, activations, conversions, copies: bytes only
  kAttentionDecode,  ///< scores, softmax and values for a few new tokens over a long context
  kAttentionGemm     ///< scores or values as batched GEMMs, many tokens
};

[[nodiscard]] std::string_view to_string(KernelKind kind);

/// What attention works on, for looking it up in a measured table. Filled where queries, keys and
/// values are 16-bit and heads are whole; query_heads = 0: not to be looked up.
struct AttentionWork {
  std::int64_t query_heads = 0;  ///< on this device
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t sequences = 0;
  double kv_tokens = 0;  ///< a sequence attends to, its new ones included
};

/// One kernel (or a run of launches that belong together) of a forward pass, with what it must do.
/// Names are literals.
struct Kernel {
  KernelKind kind = KernelKind::kElementwise;
  std::string_view name;  ///< "attn_q", "softmax"
  int layer = -1;         ///< -1: outside the layers
  int launches = 1;       ///< device launches it stands for
  double flops = 0;
  double weight_bytes = 0;       ///< weights read from memory
  double traffic_bytes = 0;      ///< other memory traffic, read and written
  double working_set_bytes = 0;  ///< its largest tensor: the L2 rule looks at this
  std::int64_t tokens = 0;       ///< rows of the activation
  std::int64_t outputs = 0;      ///< columns of the result (GEMM: wave quantisation)
  std::int64_t inputs = 0;       ///< rows summed over; GEMMs with dense 16-bit weights only, else 0
  double head_tokens = 0;        ///< decode attention: query heads x KV tokens, all sequences
  bool quantized = false;        ///< a block format, priced by the format's issue cycles
  AttentionWork attention;       ///< kAttentionDecode and kAttentionGemm
};

}  // namespace rigsim::workloads
