#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace rigsim::workloads {

/// Speculative decoding (Leviathan et al., ICML 2023) as a scheduler sees it: something cheap
/// drafts `tokens` tokens for each decoding sequence, one step of the model computes them beside
/// the sequence's own next token, and those in front of the first that is rejected are answered,
/// with one more token of the model.
struct Speculation {
  std::int64_t tokens = 0;  ///< drafted for each sequence and step; 0: none
  /// KV slots that a running sequence needs beyond what a step computes of it: where a draft model
  /// works ahead (vLLM's num_lookahead_tokens).
  std::int64_t lookahead = 0;
  std::int64_t max_context = 0;  ///< tokens of the longest sequence, drafts too; 0: no limit
  /// [tokens] The chance that a drafted token is accepted where those in front of it were.
  std::vector<double> acceptance{};
  std::uint64_t seed = 0;

  [[nodiscard]] bool on() const { return tokens > 0; }
  /// Tokens that a sequence with so many computed ones can still have computed.
  [[nodiscard]] std::int64_t room(std::int64_t computed) const {
    return max_context > 0 ? max_context - 1 - computed : std::numeric_limits<std::int64_t>::max();
  }
  /// KV slots of a running sequence that has `computed` tokens behind the step.
  [[nodiscard]] std::int64_t slots(std::int64_t computed) const {
    return max_context > 0 ? std::min(computed + lookahead, max_context) : computed + lookahead;
  }
  /// How many of `drafts` tokens are accepted behind the first `answered` tokens of a request. The
  /// draw of a token depends on seed, request and its place in the answer alone, so that neither
  /// the order of steps nor what runs beside it changes it; no token is drawn for twice.
  [[nodiscard]] std::int64_t accepted(std::uint32_t request, std::int64_t answered,
                                      std::int64_t drafts) const;
};

/// Tokens that a sequence is answered with in a step, in the mean: 1 + a1 + a1 a2 + ...; of one
/// rate a that is (1 - a^(tokens + 1)) / (1 - a).
[[nodiscard]] double mean_acceptance_length(const Speculation& speculation);

/// Throws std::invalid_argument unless there is a chance from 0 to 1 for each drafted token.
void validate(const Speculation& speculation);

}  // namespace rigsim::workloads
