#pragma once

#include <chrono>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>
#include <ratio>
#include <stdexcept>

namespace rigsim::sim {

/// Simulated time: 64-bit picoseconds, exact, +-106 days.
using Duration = std::chrono::duration<std::int64_t, std::pico>;

/// The simulation's own clock. Only its types are used; it has no `now()`, the event loop keeps the
/// time.
struct SimClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<SimClock, Duration>;
  static constexpr bool is_steady = true;
};

/// A point in simulated time. Time - Time is a Duration; Time + Time does not compile.
using Time = SimClock::time_point;

/// An amount of one kind. Different tags never mix; arithmetic stays within the kind.
template <class Tag, class Rep>
class Quantity {
 public:
  using rep = Rep;

  constexpr Quantity() = default;
  constexpr explicit Quantity(Rep count) : count_(count) {}

  /// The bare number, in the base unit that the tag names.
  [[nodiscard]] constexpr Rep count() const { return count_; }

  friend constexpr auto operator<=>(const Quantity&, const Quantity&) = default;

  constexpr Quantity& operator+=(Quantity other) {
    count_ += other.count_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    count_ -= other.count_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator*(Quantity a, Rep factor) {
    return Quantity(a.count_ * factor);
  }
  friend constexpr Quantity operator*(Rep factor, Quantity a) { return a * factor; }
  friend constexpr Quantity operator/(Quantity a, Rep divisor) {
    return Quantity(a.count_ / divisor);
  }
  /// The ratio of two amounts of one kind.
  friend constexpr double operator/(Quantity a, Quantity b) {
    return static_cast<double>(a.count_) / static_cast<double>(b.count_);
  }

 private:
  Rep count_{};
};

using Bytes = Quantity<struct BytesTag, std::int64_t>;    ///< bytes
using Bandwidth = Quantity<struct BandwidthTag, double>;  ///< bytes per second
using Flops = Quantity<struct FlopsTag, double>;  ///< floating-point operations; exact to 2^53
using FlopRate = Quantity<struct FlopRateTag, double>;  ///< floating-point operations per second
using Watts = Quantity<struct WattsTag, double>;        ///< watts
using Joules = Quantity<struct JoulesTag, double>;      ///< joules

/// Seconds as a double, for output and for fits; never fed back into the clock of a running
/// simulation.
[[nodiscard]] constexpr double to_seconds(Duration d) {
  return static_cast<double>(d.count()) * 1e-12;
}

/// The duration nearest to `seconds`, ties away from zero.
/// Throws std::out_of_range when it is not finite or beyond the clock's 106 days.
[[nodiscard]] inline Duration from_seconds(double seconds) {
  const double ps = seconds * 1e12;
  if (!(std::abs(ps) < 9.2e18))
    throw std::out_of_range("duration outside the clock's range of 106 days");
  return Duration(std::llround(ps));
}

namespace detail {
/// Rounds a positive amount of work to the clock: nearest picosecond, never zero for work that is
/// not zero.
[[nodiscard]] inline Duration work_time(double amount, double rate) {
  if (!(rate > 0)) throw std::invalid_argument("a rate must be > 0");
  if (amount <= 0) return Duration::zero();
  const Duration time = from_seconds(amount / rate);
  return time > Duration::zero() ? time : Duration(1);
}
}  // namespace detail

/// Time to move `size` at `rate`: one division, rounded once to the nearest ps, never zero for size
/// > 0. Throws std::invalid_argument unless rate > 0.
[[nodiscard]] inline Duration operator/(Bytes size, Bandwidth rate) {
  return detail::work_time(static_cast<double>(size.count()), rate.count());
}

/// Time to do `work` at `rate`; as for bytes.
[[nodiscard]] inline Duration operator/(Flops work, FlopRate rate) {
  return detail::work_time(work.count(), rate.count());
}

/// Mean rate of moving `size` in `time`.
[[nodiscard]] constexpr Bandwidth operator/(Bytes size, Duration time) {
  return Bandwidth(static_cast<double>(size.count()) / to_seconds(time));
}

[[nodiscard]] constexpr FlopRate operator/(Flops work, Duration time) {
  return FlopRate(work.count() / to_seconds(time));
}

[[nodiscard]] constexpr Joules operator*(Watts power, Duration time) {
  return Joules(power.count() * to_seconds(time));
}

[[nodiscard]] constexpr Watts operator/(Joules energy, Duration time) {
  return Watts(energy.count() / to_seconds(time));
}

/// Literals. GB = 10^9 bytes, GiB = 2^30 bytes.
namespace literals {
// NOLINTBEGIN(readability-identifier-naming): unit symbols keep their case
constexpr Bytes operator""_B(unsigned long long v) { return Bytes(static_cast<std::int64_t>(v)); }
constexpr Bytes operator""_kB(unsigned long long v) {
  return Bytes(static_cast<std::int64_t>(v) * 1'000);
}
constexpr Bytes operator""_MB(unsigned long long v) {
  return Bytes(static_cast<std::int64_t>(v) * 1'000'000);
}
constexpr Bytes operator""_GB(unsigned long long v) {
  return Bytes(static_cast<std::int64_t>(v) * 1'000'000'000);
}
constexpr Bytes operator""_KiB(unsigned long long v) {
  return Bytes(static_cast<std::int64_t>(v) << 10);
}
constexpr Bytes operator""_MiB(unsigned long long v) {
  return Bytes(static_cast<std::int64_t>(v) << 20);
}
constexpr Bytes operator""_GiB(unsigned long long v) {
  return Bytes(static_cast<std::int64_t>(v) << 30);
}
constexpr Bandwidth operator""_GBps(unsigned long long v) {
  return Bandwidth(static_cast<double>(v) * 1e9);
}
constexpr Bandwidth operator""_GBps(long double v) {
  return Bandwidth(static_cast<double>(v) * 1e9);
}
constexpr FlopRate operator""_TFLOPS(unsigned long long v) {
  return FlopRate(static_cast<double>(v) * 1e12);
}
constexpr FlopRate operator""_TFLOPS(long double v) {
  return FlopRate(static_cast<double>(v) * 1e12);
}
constexpr Watts operator""_W(unsigned long long v) { return Watts(static_cast<double>(v)); }
// NOLINTEND(readability-identifier-naming)
}  // namespace literals

}  // namespace rigsim::sim
