#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/earliest.h"
#include "sim/ids.h"
#include "sim/max_min.h"
#include "sim/network.h"
#include "sim/units.h"

namespace rigsim::sim {

/// Flows that move bytes through a network at max-min fair rates (see MaxMin), event by event:
///
///     while (const auto time = flows.next_completion()) {
///       for (const FlowId flow : flows.advance(*time)) ...  // may start() flows, at *time
///     }
///
/// Latency is not paid here: `start` is the time of the first byte. Rates, remaining bytes and the
/// instants at which rates change keep full precision, below a picosecond too; only the time that
/// is reported is rounded, to the nearest picosecond and at least one after the start or the latest
/// change of rates. A flow alone takes exactly `size / rate`. Rates are solved once per instant,
/// after all that starts and finishes in it.
class FlowNetwork {
 public:
  /// For how many flows `reserve` makes room at most, unless told otherwise.
  static constexpr std::size_t kReservedFlows = 4096;

  /// `network` must outlive this.
  explicit FlowNetwork(const Network& network) : network_(&network), max_min_(network) {}

  /// Makes room for one flow on each of `routes` at once, but for `most` flows at most: as long as
  /// no more are in flight, nothing allocates.
  void reserve(std::span<const RouteId> routes, std::size_t most = kReservedFlows);

  /// Starts to move `size` at `now`. The id is the lowest that is free.
  /// Throws std::invalid_argument unless size > 0 and the route exists; std::logic_error when `now`
  /// is in the past or beyond a completion that was not advanced to.
  FlowId start(RouteId route, Bytes size, Time now);

  /// When the next flow finishes; none when nothing moves. A flow too slow for the clock's 106 days
  /// finishes at `Time::max()`.
  std::optional<Time> next_completion();

  /// Moves the clock to `to` and removes the flows that finish then; returns them in the order of
  /// their start. Valid until the next call; their ids are free. Throws std::logic_error when `to`
  /// is in the past or beyond the next completion.
  std::span<const FlowId> advance(Time to);

  /// The rate of a moving flow from now on, with all that started and finished until now; flows
  /// that finish now must have been advanced to.
  Bandwidth rate(FlowId flow);
  /// Bytes that `flow` has yet to move at the clock's time; fractions count.
  [[nodiscard]] double remaining(FlowId flow) const;

  [[nodiscard]] std::size_t active() const { return active_; }
  [[nodiscard]] Time now() const { return Time(Duration(clock_.ps)); }

  /// Drops all flows and sets the clock; keeps the memory.
  void reset(Time now);

  /// Bytes held, by capacity.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // An instant: `ps` is its nearest picosecond, `fraction` the rest, in [-0.5, 0.5).
  struct Instant {
    std::int64_t ps = 0;
    double fraction = 0;
  };

  struct Flow {
    double remaining = 0;  // bytes, at `since`
    double rate = 0;       // bytes per second, from `since`
    Instant since;
    double end_fraction = 0;  // of its end; the rest of the instant is in `ends_`
    std::uint64_t order = 0;
  };

  static double picoseconds_between(Instant from, Instant to);
  static Instant later(Instant from, double picoseconds);
  [[nodiscard]] double remaining_at(const Flow& flow, Instant instant) const;
  [[nodiscard]] std::size_t free_slot();
  void require_clock(Time to);
  void finish(std::size_t slot);
  void solve();

  const Network* network_;
  MaxMin max_min_;
  Earliest ends_;  // by flow: the nearest picosecond of its end
  std::vector<Flow> flows_;
  std::vector<std::uint32_t> free_;  // a heap, lowest slot first
  std::vector<FlowId> finished_;
  Instant clock_;  // of the changes not yet solved; its `ps` is the reported time
  bool dirty_ = false;
  std::int64_t due_ = Earliest::kNever;  // the first end, as solved; never, once it is taken
  std::size_t active_ = 0;
  std::uint64_t next_order_ = 0;
};

}  // namespace rigsim::sim
