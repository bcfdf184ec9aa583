#pragma once

#include <cstdint>

#include "workloads/op_graph_document.h"

namespace rigsim::configs::test {

/// A valid document of random nodes of all kinds, the same for the same seed: names with quotes,
/// blanks and letters beyond ASCII; durations to the picosecond; dependencies on earlier nodes and,
/// where no circle comes of it, later ones.
[[nodiscard]] workloads::OpGraphDocument random_graph(std::uint64_t seed);

}  // namespace rigsim::configs::test
