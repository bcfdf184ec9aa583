#include "workloads/pipeline_closed_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

void check_times(const ChunkTime& each) {
  const sim::Duration least = std::min({each.forward, each.backward_input, each.backward_weight});
  if (least < sim::Duration::zero()) {
    throw std::invalid_argument(
        fmt::format("the time of a pass must be >= 0 ps, got {} ps", least.count()));
  }
}

std::optional<sim::Duration> zero_bubble_h1(std::int64_t p, std::int64_t m, const ChunkTime& each) {
  const auto& [f, b, w] = each;
  if (w > std::min(f, b)) return std::nullopt;
  return m * (f + b + w) + (p - 1) * (f + b - w) + std::max<std::int64_t>(p - m, 0) * w;
}

}  // namespace

std::optional<sim::Duration> closed_form_makespan(const PipelineShape& shape,
                                                  const ChunkTime& each) {
  check(shape);
  check_times(each);
  const std::int64_t p = shape.stages;
  const std::int64_t m = shape.micro_batches;
  const std::int64_t r = shape.rounds;
  const std::int64_t v = shape.chunks;
  const sim::Duration both = each.forward + each.of(PassKind::kBackward);
  switch (shape.schedule) {
    case PipelineSchedule::kSerial:
      return r * m * p * each.forward;
    case PipelineSchedule::kInference:
      return (m >= p || r == 1 ? r * m + p - 1 : r * p + m - 1) * each.forward;
    case PipelineSchedule::kGpipe:
    case PipelineSchedule::kOneForwardOneBackward:
    case PipelineSchedule::kInterleaved:
      return (v * m + p - 1) * both;
    case PipelineSchedule::kZeroBubbleH1:
      return zero_bubble_h1(p, m, each);
  }
  throw std::logic_error("unknown pipeline schedule");
}

std::optional<double> closed_form_bubble(const PipelineShape& shape, const ChunkTime& each) {
  const auto makespan = closed_form_makespan(shape, each);
  if (!makespan || *makespan == sim::Duration::zero()) return std::nullopt;
  const std::int64_t passes = std::int64_t{shape.micro_batches} * shape.chunks * shape.rounds;
  const sim::Duration work =
      passes *
      (has_backward(shape.schedule) ? each.forward + each.of(PassKind::kBackward) : each.forward);
  return static_cast<double>((*makespan - work).count()) / static_cast<double>(makespan->count());
}

}  // namespace rigsim::workloads
