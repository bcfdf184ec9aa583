#pragma once

#include <vector>

#include "sim/units.h"

namespace rigsim::workloads {

/// One piece of a stage's work, as it ran.
struct StageSpan {
  sim::Time begin;
  sim::Time end;
  /// From when on a stage that idles until `begin` waits for the pipeline to fill; before that, for
  /// it to drain. At or after `begin`: all of that idle time is draining.
  sim::Time filling_since;
};

/// What the stages of a pipeline did, stage by stage in the order of time; work of one stage does
/// not overlap. The clock starts at 0.
using StageTimeline = std::vector<std::vector<StageSpan>>;

/// A stage's time of one run; busy + bubble = makespan, fill + drain + imbalance + transfer =
/// bubble, all >= 0 and exact.
///
/// The parts compare the run with itself without transfers (the same work in the same order, each
/// transfer done at once; makespan T', and T with transfers, C the most that any stage computes):
///
/// - transfer: T - T', what the whole pipeline would gain if links took no time. The same for every
///   stage; a transfer hidden behind other work costs nothing here.
/// - imbalance: C - the stage's own work. A pipeline that never fills or drains would still make
///   the stage wait this long for the slowest one.
/// - fill and drain: the rest, T' - C, the same sum for every stage. Without transfers, fill is the
///   time that the stage idles while the pipeline fills (see StageSpan::filling_since), but not
///   more than that rest; drain is what remains.
///
/// For equal stages without transfers imbalance and transfer are 0.
struct StageBubble {
  sim::Duration busy{};
  sim::Duration bubble{};
  sim::Duration fill{};
  sim::Duration drain{};
  sim::Duration imbalance{};
  sim::Duration transfer{};
};

/// The bubbles of a run that took `makespan`, by stage; `free` is what its stages did when the same
/// work ran without transfers, in `free_makespan`. Where an order that depends on readiness makes
/// the run without transfers longer, the transfers count as free. Throws std::invalid_argument
/// where work overlaps, begins before 0 or after its end, or ends after its makespan.
[[nodiscard]] std::vector<StageBubble> explain_bubbles(const StageTimeline& free,
                                                       sim::Duration free_makespan,
                                                       sim::Duration makespan);

/// Bubble time over all stages as a share of their time; 0 for no time.
[[nodiscard]] double bubble_fraction(const std::vector<StageBubble>& stages);

}  // namespace rigsim::workloads
