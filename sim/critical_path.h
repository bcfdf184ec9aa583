#pragma once

#include <cstdint>

#include "sim/ids.h"
#include "sim/units.h"

namespace rigsim::sim {

/// Why a step of a critical path began when it did.
enum class PathReason : std::uint8_t {
  kStart,       ///< the first step: it began with the run
  kDependency,  ///< the step before was the last that it waited for
  kResource,    ///< it was ready, and the step before freed its resource
};

/// One op of a critical path, from its start to its finish. The time of a transfer includes what
/// the sharing of links cost it.
struct PathStep {
  OpId op;
  Time start;
  Time end;
  PathReason reason;
};

}  // namespace rigsim::sim
