#pragma once

#include <cstdint>

#include "sim/units.h"
#include "workloads/engine_memory.h"
#include "workloads/model.h"

namespace rigsim::workloads {

/// What goes through one device at once.
struct ActivationExtent {
  std::int64_t cache_tokens = 0;  ///< of all sequences: what attention scores are computed against
  int tensor_parallel = 1;
  bool layers = true;      ///< layers run here
  bool head = true;        ///< the head runs here
  bool pipelined = false;  ///< one of several stages
  int gathering = 1;       ///< replicas whose tokens all come to each device's experts
};

/// The largest set of activations alive at once on a device, u tokens at a time:
///   attention  u (2 h + 2 q) a + scores u c heads 4 + mask u c m     (q = heads x head_dim; c =
///   cached tokens) FFN        u (2 h + n f) a                                       (f = FFN
///   width; experts: active ones, and outputs) head       rows x vocab x logits + u h a
/// and, where stages are pipelined, the further copies of a stage's inputs (hidden states, mask).
/// llama.cpp's own logs ("compute buffer size", no flash attention) say the same: Llama-3-8B 560.00
/// MiB at a context of 8192, Llama-2-7B 70.50, 164.00 and 296.01 at 512, 2048 and 4096. The copies
/// of pipelined inputs are not so checked.
///
/// Replicas that share their experts: a device keeps hidden states, products and sums of all tokens
/// of all of them, whole, wherever their experts are (vLLM's fused_moe sizes its workspaces so;
/// that it works on at most 16,384 tokens at a time is left out).
[[nodiscard]] sim::Bytes activation_bytes(const Model& model, const EngineMemory& engine,
                                          const ActivationExtent& extent);

/// What the host holds to feed the devices: embedded tokens and the mask (24 MiB in the example
/// above).
[[nodiscard]] sim::Bytes host_input_bytes(const Model& model, const EngineMemory& engine,
                                          std::int64_t cache_tokens);

}  // namespace rigsim::workloads
