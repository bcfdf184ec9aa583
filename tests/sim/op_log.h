#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "sim/ids.h"
#include "sim/observer.h"
#include "sim/units.h"

namespace rigsim::sim {

/// Writes down what it sees, an event a line: "+3@12" when op 3 starts at 12 ps, "-3@15" when it
/// finishes.
class OpLog : public Observer {
 public:
  void op_started(OpId op, Time now) override { note('+', op, now); }
  void op_finished(OpId op, Time now) override { note('-', op, now); }

  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  void note(char what, OpId op, Time now) {
    lines_.push_back(fmt::format("{}{}@{}", what, index_of(op), now.time_since_epoch().count()));
  }

  std::vector<std::string> lines_;
};

/// A point in time, by its picoseconds.
constexpr Time at(std::int64_t picoseconds) { return Time(Duration(picoseconds)); }

}  // namespace rigsim::sim
