#pragma once

#include "workloads/tensor.h"

namespace rigsim::workloads {

/// Matrices applied before the attention scores (queries, keys, values, MLA's projections).
[[nodiscard]] constexpr bool is_attention_input(TensorRole role) {
  switch (role) {
    case TensorRole::kAttnQ:
    case TensorRole::kAttnK:
    case TensorRole::kAttnV:
    case TensorRole::kAttnQkv:
    case TensorRole::kAttnQA:
    case TensorRole::kAttnQB:
    case TensorRole::kAttnKvA:
    case TensorRole::kAttnKB:
    case TensorRole::kAttnVB:
      return true;
    default:
      return false;
  }
}

/// Matrices applied before the activation: gate, up, router.
[[nodiscard]] constexpr bool is_ffn_input(TensorRole role) {
  switch (role) {
    case TensorRole::kFfnGate:
    case TensorRole::kFfnUp:
    case TensorRole::kRouter:
    case TensorRole::kExpertGate:
    case TensorRole::kExpertUp:
    case TensorRole::kSharedGate:
    case TensorRole::kSharedUp:
      return true;
    default:
      return false;
  }
}

/// Matrices applied after the activation.
[[nodiscard]] constexpr bool is_ffn_output(TensorRole role) {
  return role == TensorRole::kFfnDown || role == TensorRole::kExpertDown ||
         role == TensorRole::kSharedDown;
}

}  // namespace rigsim::workloads
