#include "configs/traffic/trace_fields.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "workloads/traffic_generator.h"

namespace rigsim::configs {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr int kFractionDigits = 9;

template <class T>
bool parse_all(std::string_view text, T& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end && !text.empty();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the digits at the front of `text`; the first kFractionDigits of them count, as if nine
/// were there. None without a digit.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  std::int64_t value = 0;
  int digits = 0;
  while (!text.empty() && is_digit(text.front())) {
    if (digits++ < kFractionDigits) value = 10 * value + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < kFractionDigits; ++digits) value *= 10;
  return value;
}

/// `whole` units and `billionths` of one, in ns; none beyond 2^63.
std::optional<std::int64_t> in_ns(std::int64_t whole, std::int64_t billionths,
                                  std::int64_t ns_per_unit) {
  if (whole >= INT64_MAX / ns_per_unit) return std::nullopt;
  return whole * ns_per_unit + billionths / (kNsPerSecond / ns_per_unit);
}

std::optional<std::int64_t> number_ns(std::string_view text, std::int64_t ns_per_unit) {
  std::int64_t whole = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  std::string_view more = text.substr(static_cast<std::size_t>(stop - text.data()));
  if (error == std::errc() && !text.starts_with('-')) {
    if (more.empty()) return in_ns(whole, 0, ns_per_unit);
    if (more.starts_with('.')) {
      more.remove_prefix(1);
      const auto fraction = take_fraction(more);
      if (fraction && more.empty()) return in_ns(whole, *fraction, ns_per_unit);
    }
  }
  double value = 0;  // an exponent, or nothing we know
  if (!parse_all(text, value)) return std::nullopt;
  const double ns = value * static_cast<double>(ns_per_unit);
  if (!(ns >= 0 && ns < 9.2e18)) return std::nullopt;
  return std::llround(ns);
}

/// Reads a date and a time of day, piece by piece.
class ClockText {
 public:
  explicit ClockText(std::string_view text) : text_(text) {}

  std::optional<std::int64_t> ns() {
    const int year = number(4), month = number(2, '-'), day = number(2, '-');
    if (!text_.starts_with(' ') && !text_.starts_with('T')) return std::nullopt;
    const int hour = number(2, text_.front()), minute = number(2, ':'), second = number(2, ':');
    const std::int64_t fraction = fraction_ns();
    const int offset = offset_minutes();
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!right_ || !text_.empty() || year < 1971 || year > 2200 || !date.ok()) return std::nullopt;
    if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t minutes = (days * 24 + hour) * 60 + minute - offset;
    return (minutes * 60 + second) * kNsPerSecond + fraction;
  }

 private:
  /// So many digits, behind `before`.
  int number(std::size_t digits, char before = 0) {
    if (before != 0) {
      if (!text_.starts_with(before)) right_ = false;
      text_.remove_prefix(std::min<std::size_t>(1, text_.size()));
    }
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (text_.empty() || !is_digit(text_.front())) {
        right_ = false;
        return 0;
      }
      value = 10 * value + (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return value;
  }

  std::int64_t fraction_ns() {
    if (!text_.starts_with('.')) return 0;
    text_.remove_prefix(1);
    const auto fraction = take_fraction(text_);
    right_ = right_ && fraction.has_value();
    return fraction.value_or(0);
  }

  /// "+01:00" in minutes; "Z" and nothing are UTC.
  int offset_minutes() {
    if (text_ == "Z") text_ = {};
    if (!text_.starts_with('+') && !text_.starts_with('-')) return 0;
    const int sign = text_.front() == '-' ? -1 : 1;
    const int hours = number(2, text_.front()), minutes = number(2, ':');
    right_ = right_ && hours < 24 && minutes < 60;
    return sign * (60 * hours + minutes);
  }

  std::string_view text_;
  bool right_ = true;
};

std::string_view allowed_time(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kClock:
      return "a time such as 2023-11-16 18:17:03.9799600";
    case TimeUnit::kMilliseconds:
      return "a number >= 0 (milliseconds)";
    case TimeUnit::kNanoseconds:
      return "a number >= 0 (nanoseconds)";
    default:
      return "a number >= 0 (seconds)";
  }
}

std::optional<std::int64_t> parsed_time(std::string_view text, TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kClock:
      return ClockText(text).ns();
    case TimeUnit::kMilliseconds:
      return number_ns(text, 1'000'000);
    case TimeUnit::kNanoseconds:
      return number_ns(text, 1);
    default:
      return number_ns(text, kNsPerSecond);
  }
}

}  // namespace

void RowPlace::fail(std::string_view key, std::string_view allowed, std::string_view found) const {
  throw ConfigError({file, line, 0, std::string(key)},
                    found.empty() ? fmt::format("must be {}, and is missing", allowed)
                                  : fmt::format("must be {}, got {}", allowed, in_quotes(found)));
}

void fail_unknown_form(const RowPlace& place, std::string_view line) {
  constexpr std::string_view kKnown =
      "Azure CSV (TIMESTAMP, ContextTokens, GeneratedTokens), BurstGPT CSV (Timestamp, Request "
      "tokens, Response tokens), Vidur CSV (num_prefill_tokens, num_decode_tokens), Mooncake JSONL "
      "(timestamp, input_length, output_length), LLMServingSim JSONL (arrival_time_ns, input_toks, "
      "output_toks), vLLM request records (arrival_time, input_toks, output_toks), a vLLM result "
      "(input_lens, output_lens, start_times), ShareGPT JSON (conversations)";
  throw ConfigError(
      {place.file, place.line, 0, {}},
      fmt::format("no known form of a trace; allowed: {}; got {}", kKnown, in_quotes(line)));
}

std::int64_t token_count(std::string_view text, std::int64_t least, const RowPlace& place,
                         std::string_view key) {
  std::int64_t tokens = 0;
  if (parse_all(text, tokens) && tokens >= least && tokens <= workloads::kMostTokens) return tokens;
  place.fail(key, fmt::format("a whole number from {} to {}", least, workloads::kMostTokens), text);
}

std::int64_t time_ns(std::string_view text, TimeUnit unit, const RowPlace& place,
                     std::string_view key) {
  const auto ns = parsed_time(text, unit);
  if (!ns) place.fail(key, allowed_time(unit), text);
  return *ns;
}

}  // namespace rigsim::configs
