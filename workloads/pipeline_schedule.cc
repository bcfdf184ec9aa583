#include "workloads/pipeline_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

using Order = std::vector<PipelinePass>;

Order forward_only(const PipelineShape& shape) {
  const bool serial = shape.schedule == PipelineSchedule::kSerial;
  Order order;
  for (std::uint32_t outer = 0; outer < (serial ? shape.micro_batches : shape.rounds); ++outer) {
    for (std::uint32_t inner = 0; inner < (serial ? shape.rounds : shape.micro_batches); ++inner) {
      order.push_back({PassKind::kForward, serial ? outer : inner, 0, serial ? inner : outer});
    }
  }
  return order;
}

Order gpipe(std::uint32_t micro_batches) {
  Order order;
  for (std::uint32_t i = 0; i < micro_batches; ++i) order.push_back({PassKind::kForward, i});
  for (std::uint32_t i = micro_batches; i-- > 0;) order.push_back({PassKind::kBackward, i});
  return order;
}

/// The k-th forward or backward pass of a stage, both in the order of the groups of micro-batches.
PipelinePass interleaved_pass(const PipelineShape& shape, PassKind kind, std::uint32_t k) {
  const std::uint32_t chunk = k / shape.stages % shape.chunks;
  return {kind, k / shape.positions() * shape.stages + k % shape.stages,
          kind == PassKind::kForward ? chunk : shape.chunks - 1 - chunk};
}

/// 1F1B over one or more chunks.
Order one_forward_one_backward(const PipelineShape& shape, std::uint32_t stage) {
  const std::uint32_t total = shape.micro_batches * shape.chunks;
  const std::uint32_t behind = shape.stages - 1 - stage;
  const std::uint32_t first =
      std::min(shape.chunks == 1 ? behind : 2 * behind + (shape.chunks - 1) * shape.stages, total);
  Order order;
  const auto add = [&](PassKind kind, std::uint32_t k) {
    order.push_back(interleaved_pass(shape, kind, k));
  };
  for (std::uint32_t k = 0; k < first; ++k) add(PassKind::kForward, k);
  for (std::uint32_t k = first; k < total; ++k) {
    add(PassKind::kForward, k);
    add(PassKind::kBackward, k - first);
  }
  for (std::uint32_t k = total - first; k < total; ++k) add(PassKind::kBackward, k);
  return order;
}

/// A 1F1B order with its backward passes split and the weight gradients put off.
Order zero_bubble_h1(const PipelineShape& shape, std::uint32_t stage) {
  const std::uint32_t m = shape.micro_batches;
  Order order;
  std::uint32_t forwards = 0;
  std::uint32_t inputs = 0;
  std::uint32_t weights = 0;
  for (const PipelinePass& pass : one_forward_one_backward(shape, stage)) {
    if (pass.kind == PassKind::kForward) {
      order.push_back(pass);
      ++forwards;
      continue;
    }
    order.push_back({PassKind::kBackwardInput, pass.micro_batch});
    ++inputs;
    if (inputs - weights > stage || forwards == m) {
      order.push_back({PassKind::kBackwardWeight, weights++});
    }
  }
  while (weights < m) order.push_back({PassKind::kBackwardWeight, weights++});
  return order;
}

Order order_of(const PipelineShape& shape, std::uint32_t stage) {
  switch (shape.schedule) {
    case PipelineSchedule::kSerial:
    case PipelineSchedule::kInference:
      return forward_only(shape);
    case PipelineSchedule::kGpipe:
      return gpipe(shape.micro_batches);
    case PipelineSchedule::kOneForwardOneBackward:
    case PipelineSchedule::kInterleaved:
      return one_forward_one_backward(shape, stage);
    case PipelineSchedule::kZeroBubbleH1:
      return zero_bubble_h1(shape, stage);
  }
  throw std::logic_error("unknown pipeline schedule");
}

std::uint64_t kinds_of_pass(PipelineSchedule schedule) {
  if (!has_backward(schedule)) return 1;
  return schedule == PipelineSchedule::kZeroBubbleH1 ? 3 : 2;
}

}  // namespace

std::string_view to_string(PipelineSchedule schedule) {
  switch (schedule) {
    case PipelineSchedule::kSerial:
      return "serial";
    case PipelineSchedule::kInference:
      return "inference";
    case PipelineSchedule::kGpipe:
      return "gpipe";
    case PipelineSchedule::kOneForwardOneBackward:
      return "1f1b";
    case PipelineSchedule::kInterleaved:
      return "interleaved";
    case PipelineSchedule::kZeroBubbleH1:
      return "zb-h1";
  }
  throw std::logic_error("unknown pipeline schedule");
}

std::string_view to_string(PassKind kind) {
  switch (kind) {
    case PassKind::kForward:
      return "forward";
    case PassKind::kBackward:
      return "backward";
    case PassKind::kBackwardInput:
      return "backward_input";
    case PassKind::kBackwardWeight:
      return "backward_weight";
  }
  throw std::logic_error("unknown kind of pass");
}

sim::Duration ChunkTime::of(PassKind kind) const {
  switch (kind) {
    case PassKind::kForward:
      return forward;
    case PassKind::kBackward:
      return backward_input + backward_weight;
    case PassKind::kBackwardInput:
      return backward_input;
    case PassKind::kBackwardWeight:
      return backward_weight;
  }
  throw std::logic_error("unknown kind of pass");
}

bool has_backward(PipelineSchedule schedule) {
  return schedule != PipelineSchedule::kSerial && schedule != PipelineSchedule::kInference;
}

void check(const PipelineShape& shape) {
  const auto refuse = [&](std::string_view what, std::uint32_t value, std::string_view allowed) {
    throw std::invalid_argument(
        fmt::format("{}: {} {}, {}", to_string(shape.schedule), value, what, allowed));
  };
  if (shape.stages == 0) refuse("stages", 0, "at least 1 is needed");
  if (shape.micro_batches == 0) refuse("micro-batches", 0, "at least 1 is needed");
  if (shape.chunks == 0) refuse("chunks", 0, "at least 1 is needed");
  if (shape.rounds == 0) refuse("rounds", 0, "at least 1 is needed");
  if (shape.chunks > 1 && shape.schedule != PipelineSchedule::kInterleaved) {
    refuse("chunks", shape.chunks, "only the interleaved schedule has more than 1 per stage");
  }
  if (shape.rounds > 1 && has_backward(shape.schedule)) {
    refuse("rounds", shape.rounds, "a schedule with backward passes has 1");
  }
  if (shape.chunks > 1 && shape.micro_batches % shape.stages != 0) {
    refuse("micro-batches", shape.micro_batches,
           fmt::format("must be a multiple of the {} stages: chunks take turns in groups of one "
                       "micro-batch per stage",
                       shape.stages));
  }
  const double passes = static_cast<double>(shape.stages) * shape.micro_batches * shape.chunks *
                        shape.rounds * static_cast<double>(kinds_of_pass(shape.schedule));
  if (passes > static_cast<double>(kMostPasses)) {
    throw std::invalid_argument(
        fmt::format("{}: {:.0f} passes, at most {} are allowed: fewer stages, micro-batches, "
                    "chunks or rounds are needed",
                    to_string(shape.schedule), passes, kMostPasses));
  }
}

std::vector<std::vector<PipelinePass>> stage_orders(const PipelineShape& shape) {
  check(shape);
  std::vector<Order> orders;
  for (std::uint32_t stage = 0; stage < shape.stages; ++stage) {
    orders.push_back(order_of(shape, stage));
  }
  return orders;
}

std::uint32_t most_held(const std::vector<PipelinePass>& order) {
  const bool split = std::ranges::any_of(
      order, [](const PipelinePass& pass) { return pass.kind == PassKind::kBackwardWeight; });
  const PassKind last = split ? PassKind::kBackwardWeight : PassKind::kBackward;
  std::uint32_t held = 0;
  std::uint32_t most = 0;
  bool released = false;
  for (const PipelinePass& pass : order) {
    held += pass.kind == PassKind::kForward;
    most = std::max(most, held);
    held -= pass.kind == last;
    released = released || pass.kind == last;
  }
  return released ? most : 0;
}

}  // namespace rigsim::workloads
