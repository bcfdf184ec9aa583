#include "workloads/serving/speculation.h"

#include <cstddef>
#include <stdexcept>
#include <string>

namespace rigsim::workloads {
namespace {

/// SplitMix64's output function (Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

/// From 0 to below 1, in 53 bits.
double uniform(std::uint64_t bits) { return static_cast<double>(bits >> 11U) * 0x1p-53; }

}  // namespace

std::int64_t Speculation::accepted(std::uint32_t request, std::int64_t answered,
                                   std::int64_t drafts) const {
  const std::uint64_t stream = mixed(mixed(seed) ^ request);
  std::int64_t count = 0;
  for (; count < drafts; ++count) {
    const auto place = static_cast<std::uint64_t>(answered + count);
    if (uniform(mixed(stream + place)) >= acceptance[static_cast<std::size_t>(count)]) break;
  }
  return count;
}

double mean_acceptance_length(const Speculation& speculation) {
  double length = 1, all = 1;
  for (const double rate : speculation.acceptance) length += all *= rate;
  return length;
}

void validate(const Speculation& speculation) {
  if (speculation.tokens < 0 || speculation.lookahead < 0)
    throw std::invalid_argument("drafted tokens must be >= 0");
  if (std::ssize(speculation.acceptance) != speculation.tokens)
    throw std::invalid_argument(std::to_string(speculation.tokens) +
                                " drafted tokens need as many acceptance rates, got " +
                                std::to_string(speculation.acceptance.size()));
  for (const double rate : speculation.acceptance) {
    if (!(rate >= 0 && rate <= 1))
      throw std::invalid_argument("acceptance rates must be from 0 to 1, got " +
                                  std::to_string(rate));
  }
}

}  // namespace rigsim::workloads
