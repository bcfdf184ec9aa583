#include "workloads/serving/ticks.h"

#include <cmath>
#include <stdexcept>

namespace rigsim::workloads {

Ticks ticks_of_seconds(double seconds) {
  if (!(seconds >= 0) || seconds > 9e6)
    throw std::out_of_range("a step must take 0 to 9,000,000 s (the clock holds 106 days)");
  const double ticks = std::nearbyint(std::ldexp(seconds * 1e12, kTickBits));
  const auto whole = static_cast<Ticks>(ticks);
  return whole == 0 && seconds > 0 ? 1 : whole;
}

std::int64_t terms_below(Ticks first, Ticks slope, Ticks limit, std::int64_t most) {
  std::int64_t low = 0;
  std::int64_t high = most;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (series(first, slope, middle) < limit) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace rigsim::workloads
