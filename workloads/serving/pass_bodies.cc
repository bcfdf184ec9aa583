#include "workloads/serving/pass_bodies.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "sim/executor.h"
#include "workloads/pass_graph.h"

namespace rigsim::workloads {
namespace {

constexpr std::int64_t kTokenGrid = 64;  // beyond the captured sizes

/// Of each stage: when the hidden state starts to move to it, has arrived, and is done with.
struct StageTimes {
  explicit StageTimes(std::size_t stages) : sent(stages), arrived(stages), ended(stages) {}

  std::vector<sim::Time> sent, arrived, ended;
};

StageTimes times_of(const Deployment& d, const PassGraph& pass, const sim::Executor& executor) {
  std::vector<std::size_t> stage_of(d.rig.devices.size(), d.stages.size());
  for (std::size_t s = 0; s < d.stages.size(); ++s) {
    for (const std::uint32_t device : d.stages[s].devices) stage_of[device] = s;
  }
  StageTimes times(d.stages.size());
  std::size_t synced = 0;  // stages in front of which the host has waited
  for (std::uint32_t op = 0; op < pass.ops.size(); ++op) {
    const OpInfo& info = pass.ops[op];
    const sim::Time end = executor.finished(sim::OpId{op});
    if (info.op_class == OpClass::kSync) {
      times.sent[++synced] = end;
    } else if (info.place != kHostPlace && stage_of[info.place] < d.stages.size()) {
      const std::size_t stage = stage_of[info.place];
      sim::Time& time = info.name == std::string_view("hidden_state") ? times.arrived[stage]
                        : info.name == std::string_view("send")       ? times.sent[stage]
                                                                      : times.ended[stage];
      time = std::max(time, end);
    }
  }
  return times;
}

}  // namespace

PassBodies::PassBodies(const Deployment& deployment, std::vector<std::int64_t> captured,
                       double slowness)
    : d_(deployment),
      captured_(std::move(captured)),
      slowness_(slowness),
      stages_(deployment.replica(0).size()) {
  if (!(slowness > 0)) throw std::invalid_argument("slowness must be > 0");
  const auto on_host = [](const DeployedStage& stage) { return stage.on_host; };
  const bool one =
      deployment.plan.dp == 1 ||
      (replicas_per_expert_group(deployment.plan) == deployment.plan.dp && stages_ == 1);
  if (!one || std::ranges::any_of(deployment.stages, on_host))
    throw std::invalid_argument(
        "serving is simulated for a replica whose layers are on devices, or several of one stage "
        "that share their experts");
}

Ticks PassBodies::slowed(sim::Duration duration) const {
  if (slowness_ == 1.0) return to_ticks(duration);
  return ticks_of_seconds(sim::to_seconds(duration) * slowness_);
}

PassBodies::Parts PassBodies::pass(std::int64_t tokens, std::int64_t logits,
                                   std::int64_t expert_tokens) const {
  const PassGraph pass = lower_step(d_, tokens, logits, expert_tokens);
  sim::Costs costs = pass.graph.costs();
  for (const std::uint32_t op : pass.attention) costs.amount[op] = 0;
  sim::Executor executor(pass.graph);
  const sim::Time end = executor.run<sim::KeepPath::kNo>(costs);
  if (stages_ == 1) return {slowed(end - sim::Time{})};
  const StageTimes times = times_of(d_, pass, executor);
  Parts parts(3 * stages_ - 2);
  sim::Time before{};
  for (std::size_t s = 0; s < stages_; ++s) {
    const sim::Time sent = std::max(times.sent[s], before);
    const sim::Time arrived = std::max(times.arrived[s], sent);
    const sim::Time ended = std::max(times.ended[s], arrived);
    parts[s] = slowed(ended - arrived);
    if (s > 0) {
      parts[stages_ + s - 1] = slowed(sent - before);
      parts[2 * stages_ - 1 + s - 1] = slowed(arrived - sent);
    }
    before = ended;
  }
  return parts;
}

std::int64_t PassBodies::padded(std::int64_t tokens) const {
  const auto size = std::ranges::lower_bound(captured_, tokens);
  return size == captured_.end() ? tokens : *size;
}

const PassBodies::Parts& PassBodies::parts(std::int64_t tokens) {
  const auto [known, made] = parts_.try_emplace(tokens);
  if (made) known->second = pass(tokens, 1);
  return known->second;
}

Ticks PassBodies::at(std::size_t part, std::int64_t tokens) {
  const std::int64_t captured = captured_.empty() ? 0 : captured_.back();
  if (tokens <= std::max(captured, kTokenGrid)) return parts(padded(tokens))[part];
  const std::int64_t low = std::max(tokens / kTokenGrid * kTokenGrid, captured + 1);
  if (low == tokens) return parts(low)[part];
  const std::int64_t high = (tokens / kTokenGrid + 1) * kTokenGrid;
  const Ticks from = parts(low)[part];
  return from + (parts(high)[part] - from) * (tokens - low) / (high - low);
}

Ticks PassBodies::experts(std::int64_t expert_tokens) {
  const std::int64_t beyond = captured_.empty() ? 0 : captured_.back();
  const std::int64_t own = (beyond / kTokenGrid + 1) * kTokenGrid;  // any, the same for all
  const auto at = [&](std::int64_t tokens) {
    const auto [known, made] = experts_.try_emplace(tokens, 0);
    if (made) known->second = pass(own, 1, std::max<std::int64_t>(tokens, 1)).front();
    return known->second;
  };
  const std::int64_t grid = kTokenGrid * d_.plan.dp;
  const std::int64_t low = expert_tokens / grid * grid;
  const Ticks from = at(low);
  if (low == expert_tokens) return from;
  return from + (at(low + grid) - from) * (expert_tokens - low) / grid;
}

Ticks PassBodies::head(std::int64_t logits) {
  if (heads_.size() <= static_cast<std::size_t>(logits))
    heads_.resize(static_cast<std::size_t>(logits) + 1);
  std::optional<Ticks>& known = heads_[static_cast<std::size_t>(logits)];
  if (!known) {
    const std::size_t last = stages_ - 1;
    known = pass(1, std::max<std::int64_t>(logits, 1))[last] - parts(1)[last];
  }
  return *known;
}

}  // namespace rigsim::workloads
