#include "workloads/bubble.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

struct Times {
  sim::Duration busy{};
  sim::Duration filling{};  // idle while the pipeline fills
};

Times times_of(const std::vector<StageSpan>& stage, std::size_t number, sim::Duration makespan) {
  Times times;
  sim::Time idle_since{};
  for (const StageSpan& work : stage) {
    if (work.begin < idle_since || work.end < work.begin ||
        work.end.time_since_epoch() > makespan) {
      throw std::invalid_argument(fmt::format(
          "stage {}: work from {} to {} ps; it must begin at {} ps or later and end by {} ps",
          number, work.begin.time_since_epoch().count(), work.end.time_since_epoch().count(),
          idle_since.time_since_epoch().count(), makespan.count()));
    }
    const sim::Time filling = std::max(idle_since, work.filling_since);
    times.filling += std::max(work.begin - filling, sim::Duration::zero());
    times.busy += work.end - work.begin;
    idle_since = work.end;
  }
  return times;
}

}  // namespace

std::vector<StageBubble> explain_bubbles(const StageTimeline& free, sim::Duration free_makespan,
                                         sim::Duration makespan) {
  std::vector<Times> stages;
  sim::Duration most_busy{};
  for (std::size_t stage = 0; stage < free.size(); ++stage) {
    stages.push_back(times_of(free[stage], stage, free_makespan));
    most_busy = std::max(most_busy, stages.back().busy);
  }
  if (most_busy > makespan) {
    throw std::invalid_argument(
        fmt::format("a stage works {} ps in a run of {} ps", most_busy.count(), makespan.count()));
  }
  const sim::Duration without = std::min(free_makespan, makespan);
  std::vector<StageBubble> bubbles;
  for (const Times& times : stages) {
    StageBubble& stage = bubbles.emplace_back();
    stage.busy = times.busy;
    stage.bubble = makespan - times.busy;
    stage.transfer = makespan - without;
    stage.imbalance = most_busy - times.busy;
    stage.fill = std::min(times.filling, without - most_busy);
    stage.drain = without - most_busy - stage.fill;
  }
  return bubbles;
}

double bubble_fraction(const std::vector<StageBubble>& stages) {
  double bubble = 0;
  double all = 0;
  for (const StageBubble& stage : stages) {
    bubble += sim::to_seconds(stage.bubble);
    all += sim::to_seconds(stage.bubble + stage.busy);
  }
  return all > 0 ? bubble / all : 0;
}

}  // namespace rigsim::workloads
