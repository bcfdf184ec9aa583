#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "configs/config_error.h"

namespace rigsim::configs {

/// Where a row of a trace stands, to say so of what is wrong with it. `file` must outlive this.
struct RowPlace {
  const std::string& file;
  int line = 0;

  /// Throws ConfigError: `key` must be `allowed`, and is `found`.
  [[noreturn]] void fail(std::string_view key, std::string_view allowed,
                         std::string_view found) const;
};

/// Throws ConfigError: the file is a trace of no form that is known; names them all.
[[noreturn]] void fail_unknown_form(const RowPlace& place, std::string_view line);

/// How a form writes the time of a row.
enum class TimeUnit {
  kNone,          ///< no times
  kClock,         ///< "2023-11-16 18:17:03.9799600", also with "T" and "Z" or "+01:00"
  kSeconds,       ///< a decimal number
  kMilliseconds,  ///< a decimal number
  kNanoseconds,   ///< a decimal number
};

/// Tokens of a prompt or an answer, from `least` to workloads::kMostTokens. Throws ConfigError.
[[nodiscard]] std::int64_t token_count(std::string_view text, std::int64_t least,
                                       const RowPlace& place, std::string_view key);

/// A time in nanoseconds; what is finer is cut off. Numbers with an exponent are rounded to double
/// precision, others are exact. A clock time counts from 1970 in UTC. Throws ConfigError: no such
/// time, negative, NaN, or beyond 2^63 ns.
[[nodiscard]] std::int64_t time_ns(std::string_view text, TimeUnit unit, const RowPlace& place,
                                   std::string_view key);

}  // namespace rigsim::configs
