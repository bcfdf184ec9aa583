#pragma once

#include <string>
#include <string_view>

#include "sim/units.h"

namespace rigsim::configs {

using Hertz = sim::Quantity<struct HertzTag, double>;      ///< cycles per second
using Dollars = sim::Quantity<struct DollarsTag, double>;  ///< US dollars

/// Whether a quantity may be 0. It may never be negative.
enum class Zero { kRefused, kAllowed };

/// Reads a quantity with its unit: "1008 GB/s", "24 GiB", "450 W", "165.2 TFLOPS", "660.6 TOPS",
/// "11 us", "2520 MHz", "350 USD", "1.5 kJ". T is one of sim::Bytes, Bandwidth, FlopRate, Watts,
/// Joules, Duration, Hertz, Dollars. GB = 10^9, GiB = 2^30; the unit is required and keeps its
/// case. Bytes and durations are exact where the text is, else rounded once to the nearest byte or
/// ps. Throws std::invalid_argument saying what was found and what is allowed: no unit, a unit of
/// another dimension, bits where bytes are wanted, negative, not finite, or beyond what any machine
/// has (1 PiB, 1 PB/s, 1e21 FLOPS, 1 MW, 1e15 J, 106 days, 1 THz, 1e9 USD).
template <class T>
[[nodiscard]] T parse_quantity(std::string_view text, Zero zero = Zero::kRefused);

/// The shortest text with a unit that parse_quantity turns back into exactly `value`.
/// Throws std::logic_error for values that parse_quantity refuses: negative or absurd ones.
[[nodiscard]] std::string to_text(sim::Bytes value);
[[nodiscard]] std::string to_text(sim::Bandwidth value);
[[nodiscard]] std::string to_text(sim::FlopRate value);
[[nodiscard]] std::string to_text(sim::Watts value);
[[nodiscard]] std::string to_text(sim::Joules value);
[[nodiscard]] std::string to_text(sim::Duration value);
[[nodiscard]] std::string to_text(Hertz value);
[[nodiscard]] std::string to_text(Dollars value);

/// Reads a whole number >= 0, digits only (no sign, no point, no exponent).
/// Throws std::invalid_argument otherwise or above 2^63 - 1.
[[nodiscard]] std::int64_t parse_count(std::string_view text);

/// Reads a finite number such as "0.95", "-3" or "1e-6".
/// Throws std::invalid_argument for anything else, infinities and NaN included.
[[nodiscard]] double parse_number(std::string_view text);

}  // namespace rigsim::configs
