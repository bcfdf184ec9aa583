#include "workloads/random_variates.h"

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "workloads/portable_math.h"

namespace rigsim::workloads {
namespace {

/// SplitMix64 (Steele, Lea, Flood: OOPSLA 2014), the usual way to spread a seed.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

RandomVariates::RandomVariates(std::uint64_t seed, std::uint64_t stream)
    : engine_(mixed(mixed(seed) + stream)) {}

double RandomVariates::exponential() {
  return boost::random::exponential_distribution<double>(1)(engine_);
}

double RandomVariates::normal() {
  return boost::random::normal_distribution<double>(0, 1)(engine_);
}

double RandomVariates::fraction() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }

/// Marsaglia and Tsang: d v with v = (1 + c z)^3, accepted by the exact test alone (no squeeze). A
/// shape below 1 is one of shape + 1, times u^(1/shape).
double RandomVariates::gamma(double shape) {
  if (shape < 1) {
    const double raised = gamma(shape + 1);
    return raised * portable_exp(std::fmax(portable_log(fraction()) / shape, -690.0));
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double z = normal();
    const double root = 1 + c * z;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (portable_log(fraction()) < z * z / 2 + d - d * v + d * portable_log(v)) return d * v;
  }
}

std::int64_t RandomVariates::whole(std::int64_t least, std::int64_t most) {
  return boost::random::uniform_int_distribution<std::int64_t>(least, most)(engine_);
}

}  // namespace rigsim::workloads
