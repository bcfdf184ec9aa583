#include "workloads/pipeline_graph.h"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>

namespace rigsim::workloads {
namespace {

void check_transfers(std::string_view what, const std::vector<sim::Op>& ops, std::size_t joints) {
  if (ops.empty()) return;
  if (ops.size() != joints) {
    throw std::invalid_argument(
        fmt::format("{} {} transfers, one for each of the {} joints "
                    "between positions is needed, or none",
                    ops.size(), what, joints));
  }
  for (const sim::Op& op : ops) {
    if (std::holds_alternative<sim::Exclusive>(op)) {
      throw std::invalid_argument(
          fmt::format("{} transfers: a Transfer or a Delay is needed, got an Exclusive", what));
    }
  }
}

void check_plan(const PipelinePlan& plan) {
  check(plan.shape);
  const std::size_t positions = plan.shape.positions();
  if (plan.times.size() != positions) {
    throw std::invalid_argument(
        fmt::format("{} times for {} positions: one each is needed", plan.times.size(), positions));
  }
  check_transfers("activation", plan.activations, positions - 1);
  check_transfers("gradient", plan.gradients, positions - 1);
}

/// Where a pass finds the op it waits for: forwards, and what sends gradients back.
class PassTable {
 public:
  explicit PassTable(const PipelineShape& shape)
      : shape_(shape),
        forward_(std::size_t{shape.positions()} * shape.micro_batches * shape.rounds),
        backward_(has_backward(shape.schedule) ? forward_.size() : 0) {}

  [[nodiscard]] sim::OpId& forward(std::uint32_t position, std::uint32_t micro_batch,
                                   std::uint32_t round) {
    return forward_[(std::size_t{round} * shape_.micro_batches + micro_batch) * shape_.positions() +
                    position];
  }
  [[nodiscard]] sim::OpId& backward(std::uint32_t position, std::uint32_t micro_batch) {
    return backward_[std::size_t{micro_batch} * shape_.positions() + position];
  }

 private:
  PipelineShape shape_;
  std::vector<sim::OpId> forward_;
  std::vector<sim::OpId> backward_;
};

class Lowering {
 public:
  explicit Lowering(const PipelinePlan& plan)
      : plan_(plan), builder_(plan.network), table_(plan.shape) {}

  [[nodiscard]] PipelineGraph run() && {
    const auto orders = stage_orders(plan_.shape);
    for (std::uint32_t stage = 0; stage < orders.size(); ++stage) add_passes(stage, orders[stage]);
    const std::size_t passes = ops_.size();
    for (std::size_t op = 0; op < passes; ++op) {
      connect(sim::OpId(static_cast<std::uint32_t>(op)), PipelineOp(ops_[op]));
    }
    return {std::move(builder_).compile(), std::move(ops_), plan_.shape.stages};
  }

 private:
  [[nodiscard]] std::uint32_t position_of(const PipelineOp& op) const {
    return op.pass.chunk * plan_.shape.stages + op.stage;
  }

  void add_passes(std::uint32_t stage, const std::vector<PipelinePass>& order) {
    const sim::ResourceId compute = builder_.add_resource();
    std::optional<sim::OpId> last;
    for (const PipelinePass& pass : order) {
      const PipelineOp op{pass, false, stage, stage};
      const std::uint32_t position = position_of(op);
      const auto id = builder_.add(sim::Exclusive{compute, plan_.times[position].of(pass.kind)});
      ops_.push_back(op);
      if (last) builder_.precede(*last, id);
      last = id;
      if (pass.kind == PassKind::kForward) {
        table_.forward(position, pass.micro_batch, pass.round) = id;
      } else if (pass.kind != PassKind::kBackwardWeight) {
        table_.backward(position, pass.micro_batch) = id;
      }
    }
  }

  void connect(sim::OpId id, const PipelineOp& op) {
    const std::uint32_t position = position_of(op);
    switch (op.pass.kind) {
      case PassKind::kForward:
        connect_forward(id, op, position);
        break;
      case PassKind::kBackward:
      case PassKind::kBackwardInput:
        connect_backward(id, op, position);
        break;
      case PassKind::kBackwardWeight:
        builder_.precede(table_.backward(position, op.pass.micro_batch), id);
        break;
    }
  }

  void connect_forward(sim::OpId id, const PipelineOp& op, std::uint32_t position) {
    const auto& [kind, micro_batch, chunk, round] = op.pass;
    if (position > 0) {
      feed(plan_.activations, position - 1, position - 1,
           table_.forward(position - 1, micro_batch, round), id, op);
      return;
    }
    // The next token of a sequence needs the one before; a serial split has one request inside.
    const std::uint32_t last = plan_.shape.positions() - 1;
    if (round > 0) {
      builder_.precede(table_.forward(last, micro_batch, round - 1), id);
    } else if (plan_.shape.schedule == PipelineSchedule::kSerial && micro_batch > 0) {
      builder_.precede(table_.forward(last, micro_batch - 1, plan_.shape.rounds - 1), id);
    }
  }

  void connect_backward(sim::OpId id, const PipelineOp& op, std::uint32_t position) {
    const std::uint32_t micro_batch = op.pass.micro_batch;
    if (position + 1 < plan_.shape.positions()) {
      feed(plan_.gradients, position, position + 1, table_.backward(position + 1, micro_batch), id,
           op);
    } else {
      builder_.precede(table_.forward(position, micro_batch, 0), id);
    }
  }

  /// `to` waits for what `from` at position `source` sends over the joint `joint`.
  void feed(const std::vector<sim::Op>& transfers, std::uint32_t joint, std::uint32_t source,
            sim::OpId from, sim::OpId to, const PipelineOp& op) {
    if (transfers.empty()) {
      builder_.precede(from, to);
      return;
    }
    const auto transfer = builder_.add(transfers[joint], {from});
    builder_.precede(transfer, to);
    ops_.push_back({op.pass, true, op.stage, source % plan_.shape.stages});
  }

  const PipelinePlan& plan_;
  sim::OpGraphBuilder builder_;
  PassTable table_;
  std::vector<PipelineOp> ops_;
};

/// When each micro-batch of each round began on the first stage.
std::vector<sim::Time> entries(const PipelineGraph& graph, const PipelineShape& shape,
                               const sim::Executor& executor) {
  std::vector<sim::Time> entered(std::size_t{shape.micro_batches} * shape.rounds);
  for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
    const PipelineOp& op = graph.ops[i];
    if (op.transfer || op.stage > 0 || op.pass.chunk > 0) continue;
    if (op.pass.kind != PassKind::kForward) continue;
    entered[std::size_t{op.pass.round} * shape.micro_batches + op.pass.micro_batch] =
        executor.started(sim::OpId{i});
  }
  return entered;
}

StageTimeline timeline_of(const PipelineGraph& graph, const PipelineShape& shape,
                          const sim::Executor& executor) {
  const auto entered = entries(graph, shape, executor);
  const bool training = has_backward(shape.schedule);
  StageTimeline timeline(graph.stages);
  std::vector<bool> turned(graph.stages);  // whether the stage's first backward is over
  for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
    const PipelineOp& op = graph.ops[i];
    if (op.transfer) continue;
    const sim::Time begin = executor.started(sim::OpId{i});
    const auto entry = std::size_t{op.pass.round} * shape.micro_batches + op.pass.micro_batch;
    sim::Time filling = training ? sim::Time{} : entered[entry];
    if (turned[op.stage]) filling = begin;
    timeline[op.stage].push_back({begin, executor.finished(sim::OpId{i}), filling});
    if (op.pass.kind != PassKind::kForward) turned[op.stage] = true;
  }
  return timeline;
}

std::vector<PipelineSpan> spans_of(const PipelineGraph& graph, const sim::Executor& executor) {
  std::vector<PipelineSpan> spans;
  spans.reserve(graph.ops.size());
  for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
    spans.push_back(
        {graph.ops[i], executor.started(sim::OpId{i}), executor.finished(sim::OpId{i}), false});
  }
  for (const sim::PathStep& step : executor.critical_path()) {
    spans[sim::index_of(step.op)].on_critical_path = true;
  }
  return spans;
}

}  // namespace

PipelineGraph lower_pipeline(const PipelinePlan& plan) {
  check_plan(plan);
  return Lowering(plan).run();
}

PipelineResult run_pipeline(const PipelinePlan& plan) {
  PipelinePlan free_plan{plan.shape, plan.times, {}, {}, {}};
  const PipelineGraph free = lower_pipeline(free_plan);
  sim::Executor free_run(free.graph);
  const auto free_makespan = free_run.run(free.graph.costs()).time_since_epoch();

  const PipelineGraph graph = lower_pipeline(plan);
  sim::Executor executor(graph.graph);
  PipelineResult result;
  result.makespan = executor.run(graph.graph.costs()).time_since_epoch();
  result.stages =
      explain_bubbles(timeline_of(free, plan.shape, free_run), free_makespan, result.makespan);
  result.spans = spans_of(graph, executor);
  return result;
}

}  // namespace rigsim::workloads
