#pragma once

#include "sim/ids.h"
#include "sim/units.h"

namespace rigsim::sim {

/// Sees every op start and finish, in the order of the events. For observers chosen at run time; a
/// run also takes any type with these two functions and then calls it directly.
class Observer {
 public:
  virtual ~Observer() = default;
  /// `op` took its resource, began its delay or began its route's latency.
  virtual void op_started(OpId op, Time now) = 0;
  /// `op` is done; its resource is free and its successors may start.
  virtual void op_finished(OpId op, Time now) = 0;
};

/// Watches nothing, and costs nothing.
struct NoObserver {
  void op_started(OpId, Time) const {}
  void op_finished(OpId, Time) const {}
};

}  // namespace rigsim::sim
