#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rigsim::workloads {

/// What somebody says of speculative decoding.
struct SpeculativeChoice {
  std::string draft{};          ///< model that drafts; empty: n-grams of the sequence itself
  std::string draft_weights{};  ///< empty: as its file says, else bf16; vLLM takes a draft model of
                                ///< which nothing else is said as not quantised
  std::int64_t tokens = 0;      ///< drafted for each sequence and step
  std::vector<double> acceptance{};  ///< [tokens], or one for all

  friend bool operator==(const SpeculativeChoice&, const SpeculativeChoice&) = default;
};

/// `draft=MODEL,tokens=5,acceptance=0.7[,draft-weights=FORMAT]` or
/// `ngram,tokens=5,acceptance=0.4`; acceptance is one rate, or one for each token:
/// `0.8/0.7/0.6`. Throws std::invalid_argument naming what is wrong and what is allowed.
[[nodiscard]] SpeculativeChoice speculative_named(std::string_view text);

/// The text of which speculative_named() makes the same.
[[nodiscard]] std::string text_of(const SpeculativeChoice& choice);

}  // namespace rigsim::workloads
