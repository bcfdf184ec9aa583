#include "topology/power.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string_view>

namespace rigsim::topology {
namespace {

/// A PowerCurve in parts of the datasheet power.
struct Shares {
  double base;
  double dynamic;
  double exponent;
};

struct Family {
  std::string_view chips;   ///< start of Device::chip; "" matches any
  std::string_view fitted;  ///< the one that was measured; "" for a prior
  double waiting;
  Shares memory_bound;
  Shares compute_bound;
};

// Least squares over the relative error of the clock; clock 1 is that of the 350 W row of the same
// sweep. Figures read 2026-11.
//
// GA10x: RTX 3090, 10 W steps, 190 W to 330 W (club-3090 @4a29ab57 docs/img/power-cap-3090-*.py).
// Memory-bound: decode of a dense 27B Q3_K_XL, error 1.9 % rms, 3.5 % worst. Compute-bound: prefill
// of that and of a 35B-A3B model, 2.9 % rms, 6.7 % worst. Left out: decode of the A3B model, which
// waits for launches and keeps more clock. Waiting: 130 W and 144 W in P2 with nothing to do
// (lmstudio-bug-tracker#1403, club-3090#390).
//
// AD10x: RTX 4090, 230 W to 400 W, same source: decode speed only, no clocks, so that the curve and
// an r for memory_rate_fraction() were fitted at once, the exponent held at 2; speed error 0.6 %
// rms, 1.5 % worst. Compute-bound and waiting: prior.
//
// GB20x: RTX PRO 6000 Blackwell Workstation, two cards, 150 W to 600 W, gpu_burn -tc (rtx6kpro
// @29f3863a data/): GEMM rate 2.2 % rms, 6.9 % worst. Memory-bound as AD10x; waiting: prior.
//
// Any other: prior, nothing fitted. Decode at 70 % of the datasheet power: an H100 SXM decodes at
// 320 W to 690 W of 700 W (ML.ENERGY v3).
constexpr std::array<Family, 4> kFamilies{{
    {"GA10", "GA102", 0.38, {0.252, 0.644, 0.734}, {0.498, 0.393, 2.561}},
    {"AD10", "AD102", 0.25, {0.429, 0.445, 2.0}, {0.43, 0.50, 2.6}},
    {"GB20", "GB202", 0.17, {0.429, 0.445, 2.0}, {0.170, 0.830, 1.603}},
    {"", "", 0.20, {0.40, 0.30, 2.0}, {0.40, 0.60, 2.6}},
}};

// The lowest step of GA102's clock table, 210 of 1695 MHz (from memory); the sweeps end at 0.35.
constexpr double kLowestClock = 0.125;

PowerCurve scaled(const Shares& shares, sim::Watts tdp) {
  return {tdp * shares.base, tdp * shares.dynamic, shares.exponent};
}

void check_share(std::string_view what, double share) {
  if (!(share >= 0 && share <= 1))
    throw std::invalid_argument(fmt::format("{} must lie between 0 and 1, got {}", what, share));
}

}  // namespace

sim::Watts PowerCurve::draw(double clock) const {
  return base + dynamic * std::pow(clock, exponent);
}

PowerModel power_model(const Device& device) {
  if (!(device.tdp.count() > 0))
    throw std::invalid_argument(
        fmt::format("{}: tdp must be > 0 W, got {} W", device.name, device.tdp.count()));
  const Family& family = *std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& row) {
    return device.chip.starts_with(row.chips);
  });
  return {device.tdp * family.waiting, scaled(family.memory_bound, device.tdp),
          scaled(family.compute_bound, device.tdp), kLowestClock,
          !family.fitted.empty() && device.chip.starts_with(family.fitted)};
}

sim::Watts busy_draw(const PowerModel& model, double clock, double compute_share) {
  return model.memory_bound.draw(clock) * (1 - compute_share) +
         model.compute_bound.draw(clock) * compute_share;
}

sim::Watts average_draw(const PowerModel& model, double clock, double duty, double compute_share) {
  return busy_draw(model, clock, compute_share) * duty + model.waiting * (1 - duty);
}

double clock_fraction(const PowerModel& model, sim::Watts limit, double duty,
                      double compute_share) {
  if (!(limit.count() > 0))
    throw std::invalid_argument(
        fmt::format("the power limit must be > 0 W, got {} W", limit.count()));
  check_share("duty", duty);
  check_share("compute_share", compute_share);
  const auto fits = [&](double clock) {
    return average_draw(model, clock, duty, compute_share) <= limit;
  };
  if (fits(1)) return 1;
  double low = model.lowest_clock;
  double high = 1;
  while (high - low > 1e-12) {
    const double middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

double clock_fraction(const InstalledDevice& installed, double duty, double compute_share) {
  const sim::Watts limit = installed.power_limit.value_or(installed.device.tdp);
  return clock_fraction(power_model(installed.device), limit, duty, compute_share);
}

double memory_rate_fraction(double clock) {
  if (!(clock > 0 && clock <= 1))
    throw std::invalid_argument(fmt::format("a relative clock must lie in (0, 1], got {}", clock));
  // LLaMA 3 8B F16, llama-bench, contexts of 512 to 8192: 0.83, 0.87, 0.88, 0.89 of the speed at
  // 370 W, where the clock is 0.53 of it (github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference,
  // 2024-05): r from the median, 0.877.
  constexpr double kIssueToMemory = 0.53;
  const double full = 1 + std::pow(kIssueToMemory, 4);
  return std::pow(full / (1 + std::pow(kIssueToMemory / clock, 4)), 0.25);
}

sim::Joules energy(const PowerModel& model, double clock, double compute_share, sim::Duration busy,
                   sim::Duration waiting) {
  return busy_draw(model, clock, compute_share) * busy + model.waiting * waiting;
}

}  // namespace rigsim::topology
