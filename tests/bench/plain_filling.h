#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/network.h"
#include "sim/units.h"

namespace rigsim::bench {

/// How often plain filling solves: at every event, a start or a finish; or once for all events of
/// an instant.
enum class Solve { kEveryEvent, kEveryInstant };

/// Flows shared max-min fairly, the plain way: all flows' progress is brought up to date, all rates
/// are filled again from 0 (find the link that fills first, give its flows their share, take that
/// from their other links, repeat), and the next completion is looked for among all flows. Arrays
/// only, no allocation in the loop. Does not know caps.
class PlainFilling {
 public:
  PlainFilling(const sim::Network& network, std::size_t flows, Solve solve);

  /// Starts a flow at the current instant in slot `flow`.
  void start(std::size_t flow, sim::RouteId route, double bytes);

  /// Goes to the next completion; returns the slot that is free then. `now()` is its instant.
  std::size_t advance();

  [[nodiscard]] double now() const { return now_; }

 private:
  struct Flow {
    double remaining = 0;  // bytes
    double rate = 0;       // bytes per second
    sim::RouteId route{};
    bool moving = false;
  };

  void fill();

  const sim::Network* network_;
  Solve solve_;
  std::vector<Flow> flows_;
  std::vector<std::vector<std::uint32_t>> on_;  // by link: the flows on it
  std::vector<double> left_;                    // by link: capacity not given away yet
  std::vector<std::uint32_t> rising_;           // by link: its flows without a rate yet
  std::vector<std::uint8_t> given_;             // by flow: has a rate
  double now_ = 0;                              // seconds
};

}  // namespace rigsim::bench
