#include "workloads/serving/prefill_adder.h"

#include <algorithm>

namespace rigsim::workloads {
namespace {

std::int64_t clipped(std::int64_t answer) { return std::min(answer, kClippedAnswer); }

}  // namespace

void PrefillAdder::spend(std::int64_t tokens, std::int64_t answer) {
  const std::int64_t pages = to_page(tokens);
  held_back_ += static_cast<double>(pages + answer);
  prompts_ += pages;
  input_tokens_ -= pages;
  chunk_tokens_ -= pages;
}

std::int64_t PrefillAdder::continue_prompt(const Sequence& sequence) {
  std::int64_t most = std::min(chunk_tokens_, static_cast<std::int64_t>(total_left()));
  if (most <= 0) most = chunk_tokens_;
  // What is not free cannot be taken; the source would stop with an error.
  const std::int64_t room =
      available() + sequence.blocks * state_.limits().kv_block_tokens - sequence.computed;
  const std::int64_t left = sequence.target - sequence.computed;
  const std::int64_t tokens = std::min({left, most, room});
  if (tokens > 0) spend(tokens, tokens < left ? 0 : clipped(sequence.output));
  return tokens;
}

PrefillAdder::Answer PrefillAdder::may_come(const Sequence& sequence, const CachedPrefix& cached,
                                            bool first) const {
  const std::int64_t page = state_.limits().kv_block_tokens;
  const std::int64_t tokens = sequence.target - cached.blocks * page;
  const auto all = static_cast<double>(tokens + clipped(sequence.output - sequence.emitted));
  if (all >= total_left()) return Answer::kNoToken;
  if (to_page(tokens) >= input_tokens_ && !first) return Answer::kOther;
  // What is cached of it is no longer there to be evicted.
  if (all >= total_left() - static_cast<double>(cached.unheld * page)) return Answer::kNoToken;
  if (to_page(tokens) > chunk_tokens_ && chunk_tokens_ < page) return Answer::kOther;
  // Pages begun by several prompts: the source checks tokens alone and might run out of them.
  const std::int64_t pages = std::min(to_page(tokens), chunk_tokens_ / page * page);
  return pages > available() - prompts_ - cached.unheld * page ? Answer::kNoToken
                                                               : Answer::kContinue;
}

std::int64_t PrefillAdder::take(const Sequence& sequence) {
  const std::int64_t tokens = sequence.target - sequence.computed;
  if (to_page(tokens) <= chunk_tokens_) {
    spend(tokens, clipped(sequence.output));
    return tokens;
  }
  const std::int64_t page = state_.limits().kv_block_tokens;
  const std::int64_t chunk = chunk_tokens_ / page * page;
  spend(chunk, 0);
  return chunk;
}

PrefillAdder::Answer PrefillAdder::goes_on() const {
  if (total_left() <= 0 || available() - prompts_ <= 0) return Answer::kNoToken;
  return input_tokens_ <= 0 || chunk_tokens_ <= 0 ? Answer::kOther : Answer::kContinue;
}

}  // namespace rigsim::workloads
