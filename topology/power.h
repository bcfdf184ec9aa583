#pragma once

#include "sim/units.h"
#include "topology/rig.h"

namespace rigsim::topology {

/// What a busy device draws at a relative SM clock x: base + dynamic * x^exponent. `base` holds
/// leakage, memory and whatever else does not follow the clock.
struct PowerCurve {
  sim::Watts base{};
  sim::Watts dynamic{};
  double exponent = 1;

  /// `clock` in [0, 1]: 1 is the clock that the device sustains at its datasheet power on such
  /// work.
  [[nodiscard]] sim::Watts draw(double clock) const;
};

/// How a device turns power into clock, per kind of work.
struct PowerModel {
  sim::Watts
      waiting{};  ///< a model loaded, clocks up, nothing to do (between tokens, not desktop idle)
  PowerCurve memory_bound;   ///< decode
  PowerCurve compute_bound;  ///< prefill
  double lowest_clock = 0;   ///< the driver goes no lower, whatever the limit
  bool fitted = false;  ///< from a power sweep of this very chip; otherwise of its kin, or a prior
};

/// The model of a device, by its chip family (power.cc has the fits with their errors and sources),
/// scaled by its datasheet power. Throws std::invalid_argument unless that is > 0.
[[nodiscard]] PowerModel power_model(const Device& device);

/// Draw while busy. `compute_share` in [0, 1] is the compute-bound part of the busy time, the rest
/// is memory-bound.
[[nodiscard]] sim::Watts busy_draw(const PowerModel& model, double clock, double compute_share);

/// Draw averaged over work and waiting; `duty` in [0, 1] is the busy part of all time.
[[nodiscard]] sim::Watts average_draw(const PowerModel& model, double clock, double duty,
                                      double compute_share);

/// The highest relative SM clock in [lowest_clock, 1] whose average draw stays within `limit`: a
/// power limit acts on a moving average of power, so a card that waits half the time runs faster
/// while it works. Never falls as the limit rises, never rises with the duty. At lowest_clock the
/// limit may be exceeded. Throws std::invalid_argument unless limit > 0 and both shares lie in [0,
/// 1].
[[nodiscard]] double clock_fraction(const PowerModel& model, sim::Watts limit, double duty,
                                    double compute_share);

/// The same for a device as installed: its own power limit, else its datasheet power.
[[nodiscard]] double clock_fraction(const InstalledDevice& installed, double duty,
                                    double compute_share);

/// What memory bandwidth is left at a relative SM clock: the memory's own clock stays, but slower
/// SMs and L2 issue fewer requests. b(x) = ((1 + r^4) / (1 + (r/x)^4))^(1/4) with r = 0.53, fitted
/// to F16 decode of an RTX 3090 at 230 W and 370 W (power.cc). Throws std::invalid_argument unless
/// clock lies in (0, 1].
[[nodiscard]] double memory_rate_fraction(double clock);

/// Energy of a device that works for `busy` and waits for `waiting`.
[[nodiscard]] sim::Joules energy(const PowerModel& model, double clock, double compute_share,
                                 sim::Duration busy, sim::Duration waiting);

}  // namespace rigsim::topology
