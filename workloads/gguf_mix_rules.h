#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "workloads/gguf_mix.h"
#include "workloads/tensor_type.h"

namespace rigsim::workloads::mix_rules {

/// Which layers (of n) a choice is for.
enum class Layers {
  kNone,
  kAll,
  kFirst2,
  kFirst4,
  kFirstSixteenth,
  kFirstEighth,
  kMoreBits,
  kMiddle
};

/// What the model must be for a choice to count.
enum class When { kAlways, kWideGroups };

struct Choice {
  Layers layers = Layers::kNone;
  TensorType type = TensorType::kF32;
  When when = When::kAlways;
};

/// First match wins; none: the base type.
using Choices = std::array<Choice, 2>;

/// One mix, by the place of a tensor in the block.
struct MixRule {
  GgufMix mix{};
  std::string_view name{};
  TensorType base{};
  TensorType output{};
  TensorType embedding{};
  Choices attn_v{};
  Choices ffn_down{};
  Choice attn_output{};
  Choice attn_q{};
  Choice attn_k{};
  Choice ffn_gate_up{};
};

/// The rule of `mix` for an ordinary dense model and a file made without an importance matrix.
[[nodiscard]] const MixRule& mix_rule(GgufMix mix);

// Choices by the layers they cover.
constexpr Choice all(TensorType type) { return {Layers::kAll, type}; }
constexpr Choice wide_groups(TensorType type) { return {Layers::kAll, type, When::kWideGroups}; }
constexpr Choice eighth(TensorType type) { return {Layers::kFirstEighth, type}; }
constexpr Choice more_bits(TensorType type) { return {Layers::kMoreBits, type}; }

}  // namespace rigsim::workloads::mix_rules
