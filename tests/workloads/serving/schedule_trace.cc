#include "tests/workloads/serving/schedule_trace.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <ranges>
#include <utility>

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads::test {
namespace {

class Tracer {
 public:
  Tracer(const Batching& batching, const BatchLimits& limits)
      : state_(limits), policy_(make_batch_policy(batching)) {}

  void arrive(std::uint32_t request, const TracedRequest& what) {
    Sequence sequence;
    sequence.request = request;
    sequence.priority = what.priority;
    sequence.prompt = what.prompt;
    sequence.output = what.output;
    sequence.target = what.prompt;
    const Prefix prefix{what.prefix, what.prefix.empty() ? 0 : kHashTokens};
    state_.arrive(sequence, prefix, policy_->by_priority());
  }

  /// Plans a step and ends it, or the one in front of it; what it was.
  std::string step() {
    std::vector<std::pair<Slot, std::uint32_t>> before;
    for (const Slot slot : state_.running() | std::views::reverse)
      before.emplace_back(slot, state_.at(slot).preemptions);
    StepPlan plan;
    policy_->plan(state_, plan);
    std::string preempted;
    for (const auto& [slot, times] : before) {
      if (state_.at(slot).preemptions > times) preempted.append(" ").append(name_of(slot));
    }
    std::string line = described(plan);
    line.append(" |").append(preempted).append(" | ").append(std::to_string(state_.pool().held()));
    if (plan.copies.out > 0) line.append(" out ").append(std::to_string(plan.copies.out));
    if (plan.copies.in > 0) line.append(" in ").append(std::to_string(plan.copies.in));
    if (!state_.limits().async_scheduling) {
      end(plan);
    } else {
      end(std::exchange(on_its_way_, std::move(plan)));
    }
    return line;
  }

  [[nodiscard]] const BatchState& state() const { return state_; }
  [[nodiscard]] bool done() const { return state_.idle() && on_its_way_.empty(); }

 private:
  [[nodiscard]] std::string name_of(Slot slot) const {
    return std::to_string(state_.at(slot).request);
  }

  [[nodiscard]] std::string described(const StepPlan& plan) const {
    std::string text;
    for (std::size_t i = 0; i < plan.decode.size(); ++i) {
      text.append(" ").append(name_of(plan.decode[i]));
      if (!plan.drafts.empty()) text.append("+").append(std::to_string(plan.drafts[i]));
    }
    if (plan.idle > 0) text.append(" +").append(std::to_string(plan.idle));
    text.append(" |");
    for (const ScheduledChunk& each : plan.chunks) {
      text.append(" ").append(name_of(each.slot)).append(":");
      text.append(std::to_string(each.tokens)).append("@").append(std::to_string(each.cached));
    }
    return text;
  }

  void end(const StepPlan& plan) {
    const Speculation& speculation = state_.limits().speculation;
    for (std::size_t i = 0; i < plan.decode.size(); ++i) {
      std::int64_t accepted = 0;
      if (speculation.on()) {
        const Sequence& sequence = state_.at(plan.decode[i]);
        accepted = speculation.accepted(sequence.request, sequence.emitted, plan.drafts[i]);
        state_.take_drafts(plan.decode[i], plan.drafts[i], accepted);
      }
      emit(plan.decode[i], 1 + accepted);
    }
    for (const ScheduledChunk& each : plan.chunks) {
      if (each.emits) emit(each.slot, 1);
    }
    if (speculation.on()) state_.recount(on_its_way_);
    state_.sweep();
  }

  void emit(Slot slot, std::int64_t tokens) {
    Sequence& sequence = state_.at(slot);
    if (sequence.discarded > 0) {
      --sequence.discarded;
      return;
    }
    sequence.emitted = std::min(sequence.emitted + tokens, sequence.output);
    if (sequence.emitted == sequence.output) state_.finish(slot);
  }

  BatchState state_;
  std::unique_ptr<BatchPolicy> policy_;
  StepPlan on_its_way_;
};

}  // namespace

std::vector<TracedRequest> traced_requests() {
  return {{0, 7, 9, 1},   {0, 5, 12, 0}, {0, 14, 3, 2},  {1, 3, 13, 1}, {1, 15, 2, 0},
          {2, 6, 7, 1},   {4, 4, 1, 0},  {4, 11, 4, 2},  {5, 7, 9, 0},  {6, 2, 12, 1},
          {9, 13, 3, 2},  {9, 8, 7, 0},  {10, 13, 4, 1}, {12, 1, 9, 1}, {13, 10, 3, 0},
          {13, 6, 10, 2}, {14, 3, 8, 1}, {18, 12, 2, 0}, {18, 5, 9, 1}, {20, 14, 3, 1}};
}

BatchLimits traced_limits() {
  BatchLimits limits;
  limits.max_sequences = 5;
  limits.step_tokens = 16;
  limits.kv_blocks = 11;
  limits.kv_block_tokens = 4;
  limits.prefix_caching = false;
  return limits;
}

std::vector<std::string> schedule_of(const Batching& batching,
                                     const std::vector<TracedRequest>& requests,
                                     const BatchLimits& limits) {
  Tracer tracer(batching, limits);
  std::vector<std::string> lines;
  std::string last;
  std::int64_t times = 0;
  const auto flush = [&] {
    if (times > 0) lines.push_back(std::to_string(times).append(" x").append(last));
  };
  std::uint32_t next = 0;
  for (std::int64_t step = 0; next < requests.size() || !tracer.done(); ++step) {
    for (; next < requests.size() && requests[next].step <= step; ++next)
      tracer.arrive(next, requests[next]);
    const std::string line = tracer.step();
    if (line != last) {
      flush();
      times = 0;
      last = line;
    }
    ++times;
    if (step == 1'000) {
      ADD_FAILURE() << "no end";
      break;
    }
  }
  flush();
  EXPECT_EQ(tracer.state().pool().held(), 0);
  EXPECT_EQ(tracer.state().swap_held(), 0);
  return lines;
}

void expect_schedule(const Batching& batching, const std::vector<std::string>& expected,
                     const BatchLimits& limits, const std::vector<TracedRequest>& requests) {
  EXPECT_THAT(schedule_of(batching, requests, limits), testing::ElementsAreArray(expected));
}

}  // namespace rigsim::workloads::test
