#include "workloads/portable_math.h"

#include <cmath>

namespace rigsim::workloads {
namespace {

// log 2 in two parts: k * kLogTwoHigh is exact for |k| < 2^20 (fdlibm, e_log.c).
constexpr double kLogTwoHigh = 6.93147180369123816490e-01;
constexpr double kLogTwoLow = 1.90821492927058770002e-10;
constexpr double kInverseLogTwo = 1.44269504088896338700e+00;
constexpr double kRootHalf = 0.70710678118654752440;
constexpr int kLogTerms = 12;  ///< s^25/25 of s < 0.172 is below 1e-20
constexpr int kExpTerms = 17;  ///< r^18/18! of r < 0.347 is below 1e-24

}  // namespace

double portable_log(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);  // exact
  if (mantissa < kRootHalf) {
    mantissa *= 2;
    --exponent;
  }
  // log m = 2 atanh s = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1)/(m + 1)
  const double s = (mantissa - 1) / (mantissa + 1);
  const double square = s * s;
  double series = 0;
  for (int n = kLogTerms; n >= 1; --n) series = (series + 1.0 / (2 * n + 1)) * square;
  return exponent * kLogTwoHigh + (2 * s * series + exponent * kLogTwoLow + 2 * s);
}

double portable_exp(double y) {
  const double power = std::floor(y * kInverseLogTwo + 0.5);
  const double rest = (y - power * kLogTwoHigh) - power * kLogTwoLow;
  double series = 1;
  for (int n = kExpTerms; n >= 1; --n) series = 1 + series * rest / n;
  return std::ldexp(series, static_cast<int>(power));  // exact
}

}  // namespace rigsim::workloads
