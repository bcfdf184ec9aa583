#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "sim/units.h"
#include "workloads/traffic.h"

namespace rigsim::workloads {

/// The same requests `factor` times as often: arrivals and think times divided by it, rounded to
/// the nearest ps. Throws std::invalid_argument unless factor > 0 and finite; std::out_of_range
/// beyond the clock's 106 days.
void scale_rate(Traffic& traffic, double factor);

/// Prompts and outputs longer or shorter, rounded to whole tokens, at least 1. The block of a
/// prefix hash grows with the prompt, so that requests share what they shared. Throws
/// std::invalid_argument unless both factors are > 0 and finite and no length passes kMostTokens.
void scale_lengths(Traffic& traffic, double prompt_factor, double output_factor);

/// Keeps what arrives in [from, to), counted from the first request's arrival, and moves it so that
/// the first kept arrives at 0. Throws std::invalid_argument for a closed loop, which has no
/// arrivals.
void cut_time(Traffic& traffic, std::optional<sim::Duration> from, std::optional<sim::Duration> to);

/// Keeps the first `count` requests.
void keep_first(Traffic& traffic, std::int64_t count);

/// What to do with a request that does not fit the context.
enum class TooLong { kTruncate, kDrop };

/// How many requests a context limit touched.
struct ContextCut {
  std::int64_t truncated_prompts = 0;
  std::int64_t truncated_outputs = 0;
  std::int64_t dropped = 0;
};

/// Makes every request fit `context_tokens` (prompt + output): a prompt keeps its beginning, and
/// with it the prefix it shares (vLLM's truncate_prompt_tokens keeps the end), up to one token
/// below the limit; then the output fills what is left. Or drops the request. Prompts alone have at
/// most `prompt_tokens`. Throws std::invalid_argument unless context_tokens >= 2 and
/// prompt_tokens >= 1.
ContextCut fit_context(Traffic& traffic, std::int64_t context_tokens, TooLong policy,
                       std::int64_t prompt_tokens = std::numeric_limits<std::int64_t>::max());

}  // namespace rigsim::workloads
