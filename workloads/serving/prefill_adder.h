#pragma once

#include <cstdint>

#include "workloads/serving/batch_state.h"

namespace rigsim::workloads {

/// What one step of prompts may still take: SGLang's PrefillAdder (schedule_policy.py, 0.5.9).
class PrefillAdder {
 public:
  enum class Answer : std::uint8_t { kContinue, kNoToken, kOther };

  /// `held_back`: tokens of answers to come that running sequences are to find free.
  PrefillAdder(const BatchState& state, double held_back, std::int64_t prefill_tokens)
      : state_(state),
        held_back_(held_back),
        input_tokens_(prefill_tokens),
        chunk_tokens_(state.limits().step_tokens) {}

  /// Tokens of the prompt under way that come next (add_chunked_req).
  std::int64_t continue_prompt(const Sequence& sequence);

  /// Whether a sequence that waits may come in, which holds nothing yet; `first`: of this step.
  [[nodiscard]] Answer may_come(const Sequence& sequence, const CachedPrefix& cached,
                                bool first) const;
  /// Its tokens in this step, once it holds what is cached of it. (Both: add_one_req.)
  std::int64_t take(const Sequence& sequence);
  /// Whether another may come behind it (budget_state).
  [[nodiscard]] Answer goes_on() const;

 private:
  [[nodiscard]] std::int64_t to_page(std::int64_t tokens) const {
    return state_.blocks_of(tokens) * state_.limits().kv_block_tokens;
  }
  [[nodiscard]] std::int64_t available() const {
    return state_.pool().free() * state_.limits().kv_block_tokens;
  }
  [[nodiscard]] double total_left() const { return static_cast<double>(available()) - held_back_; }
  void spend(std::int64_t tokens, std::int64_t answer);

  const BatchState& state_;
  double held_back_;           // rem_total_token_offset
  std::int64_t prompts_ = 0;   // cur_rem_token_offset
  std::int64_t input_tokens_;  // rem_input_tokens
  std::int64_t chunk_tokens_;  // rem_chunk_tokens
};

/// Tokens of an answer beyond this are not planned for (CLIP_MAX_NEW_TOKENS).
inline constexpr std::int64_t kClippedAnswer = 4096;

}  // namespace rigsim::workloads
