#pragma once

#include <cstdint>

#include "sim/units.h"

namespace rigsim::workloads {

/// A 128-bit integer: sums of many steps stay exact.
__extension__ typedef __int128 Wide;  // NOLINT(modernize-use-using): __extension__ needs it

/// Instants and durations of a server in units of 2^-16 ps. The cost of a step is a whole number of
/// them, and so is what each further token of context adds to it. Adding a thousand steps one by
/// one or by the sum of their series gives the same integer; it is rounded to the clock once, where
/// it is reported.
using Ticks = Wide;

inline constexpr int kTickBits = 16;

[[nodiscard]] constexpr Ticks to_ticks(sim::Duration duration) {
  return static_cast<Ticks>(duration.count()) << kTickBits;
}
[[nodiscard]] constexpr Ticks to_ticks(sim::Time time) { return to_ticks(time - sim::Time{}); }

/// The nearest picosecond; halves go up.
[[nodiscard]] constexpr sim::Duration to_duration(Ticks ticks) {
  return sim::Duration(
      static_cast<std::int64_t>((ticks + (Ticks{1} << (kTickBits - 1))) >> kTickBits));
}
[[nodiscard]] constexpr sim::Time to_time(Ticks ticks) { return sim::Time(to_duration(ticks)); }

/// For statistics.
[[nodiscard]] constexpr double to_seconds(Ticks ticks) {
  return static_cast<double>(ticks) * (1e-12 / (1 << kTickBits));
}

/// The whole number of ticks nearest to `seconds`; at least 1 for more than none. Throws
/// std::out_of_range for what is negative, not a number or beyond the clock.
[[nodiscard]] Ticks ticks_of_seconds(double seconds);

/// first + (first + slope) + ...: `count` terms.
[[nodiscard]] constexpr Ticks series(Ticks first, Ticks slope, std::int64_t count) {
  const Ticks n = count;
  return n * first + slope * (n * (n - 1) / 2);
}

/// Of a series of positive terms, how many leave the sum below `limit`: the largest count <= `most`
/// with series(first, slope, count) < limit; 0 where not even one does.
[[nodiscard]] std::int64_t terms_below(Ticks first, Ticks slope, Ticks limit, std::int64_t most);

}  // namespace rigsim::workloads
