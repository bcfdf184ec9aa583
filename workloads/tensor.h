#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "workloads/model.h"

namespace rigsim::workloads {

/// What a weight tensor does in the block. `k...Bias` tensors and norms are vectors, the others
/// matrices.
enum class TensorRole {
  kTokenEmbedding,
  kPositionEmbedding,
  kAttnNorm,
  kAttnQ,
  kAttnK,
  kAttnV,
  kAttnQkv,  ///< Q, K and V in one matrix, as Falcon and GPT-2 store them
  kAttnQBias,
  kAttnKBias,
  kAttnVBias,
  kAttnQkvBias,
  kAttnQNorm,
  kAttnKNorm,
  kAttnSinks,  ///< gpt-oss: one value per head
  kAttnQA,     ///< MLA: hidden to the query's low rank
  kAttnQANorm,
  kAttnQB,   ///< MLA: low rank to all heads' queries
  kAttnKvA,  ///< MLA: hidden to the KV low rank and the shared rotary key
  kAttnKvANorm,
  kAttnKB,  ///< MLA: absorbed into the query, one matrix per head
  kAttnVB,  ///< MLA: low rank to values, one matrix per head
  kAttnOutput,
  kAttnOutputBias,
  kPostAttnNorm,
  kFfnNorm,
  kFfnGate,
  kFfnUp,
  kFfnDown,
  kFfnUpBias,
  kFfnDownBias,
  kPostFfnNorm,
  kRouter,
  kRouterBias,
  kExpertGate,  ///< all routed experts of a layer, `count` matrices
  kExpertUp,
  kExpertDown,
  kExpertGateBias,
  kExpertUpBias,
  kExpertDownBias,
  kSharedGate,  ///< shared experts side by side, as one wide FFN
  kSharedUp,
  kSharedDown,
  kNormBias,  ///< the bias of any LayerNorm
  kOutputNorm,
  kOutput  ///< language-model head; absent where it is tied to the token embedding
};

/// The role in lower case with underscores: "attn_q", "expert_down".
[[nodiscard]] std::string_view to_string(TensorRole role);

/// One weight tensor, or `count` equal ones of a layer (experts; MLA heads).
struct Tensor {
  TensorRole role{};
  std::optional<int> layer{};  ///< 0-based; none: outside the layers
  std::int64_t rows = 0;       ///< outputs
  std::int64_t cols = 0;       ///< inputs, contiguous in memory: block formats run along them
  std::int64_t count = 1;

  [[nodiscard]] std::int64_t weights() const { return rows * cols * count; }

  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// A matrix that a linear layer inside the blocks multiplies by: neither embedding, head, router,
/// norm nor bias.
[[nodiscard]] bool is_linear(TensorRole role);

/// Routed experts' matrices and biases: only `active` of `count` work on a token.
[[nodiscard]] bool is_routed_expert(TensorRole role);

/// Every weight tensor of `model`: embeddings, then layer by layer, then the final norm and the
/// head. Layouts: the models' published code (see the parameter counts in
/// tests/workloads/tensor_test.cc). Throws std::invalid_argument as validate(model) does.
[[nodiscard]] std::vector<Tensor> tensors(const Model& model);

/// All weights.
[[nodiscard]] std::int64_t parameter_count(const Model& model);

/// Weights that one token passes: all but the routed experts it is not sent to. Embeddings count in
/// full.
[[nodiscard]] std::int64_t active_parameter_count(const Model& model);

}  // namespace rigsim::workloads
