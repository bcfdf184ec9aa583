#include "workloads/pipeline_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <stdexcept>
#include <tuple>

namespace rigsim::workloads {
namespace {

using enum PipelineSchedule;
using namespace sim::literals;
using namespace std::chrono_literals;
using sim::Duration;

/// A pipeline by hand: every pass as early as its stage and what it waits for allow, found by going
/// over the stages until nothing moves. It shares no code with the product: not the orders, the
/// graph or the engine.
class NaivePipeline {
 public:
  explicit NaivePipeline(const PipelinePlan& plan)
      : plan_(plan),
        p_(static_cast<int>(plan.shape.stages)),
        m_(static_cast<int>(plan.shape.micro_batches)),
        v_(static_cast<int>(plan.shape.chunks)),
        r_(static_cast<int>(plan.shape.rounds)) {}

  std::int64_t makespan() {
    std::vector<std::vector<Pass>> todo;
    for (int s = 0; s < p_; ++s) todo.push_back(order(s));
    std::vector<std::size_t> next(todo.size(), 0);
    std::vector<std::int64_t> clock(todo.size(), 0);
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t s = 0; s < todo.size(); ++s) {
        while (next[s] < todo[s].size()) {
          const Pass pass = todo[s][next[s]];
          const auto ready = ready_at(pass, static_cast<int>(s));
          if (!ready) break;
          clock[s] = std::max(clock[s], *ready) + length(pass, static_cast<int>(s));
          end_[key(pass, position(pass, static_cast<int>(s)))] = clock[s];
          ++next[s];
          moved = true;
        }
      }
    }
    for (std::size_t s = 0; s < todo.size(); ++s) {
      if (next[s] != todo[s].size()) throw std::logic_error("the naive pipeline is stuck");
    }
    return *std::ranges::max_element(clock);
  }

 private:
  struct Pass {
    char kind;  // F, B (whole), b (input), w (weight)
    int micro_batch;
    int chunk = 0;
    int round = 0;
  };
  using Key = std::tuple<bool, bool, int, int, int>;

  static Key key(const Pass& pass, int position) {
    return {pass.kind == 'F', pass.kind == 'w', pass.micro_batch, position, pass.round};
  }
  int position(const Pass& pass, int s) const { return pass.chunk * p_ + s; }

  std::int64_t length(const Pass& pass, int s) const {
    const ChunkTime& t = plan_.times[static_cast<std::size_t>(position(pass, s))];
    if (pass.kind == 'F') return t.forward.count();
    if (pass.kind == 'b') return t.backward_input.count();
    if (pass.kind == 'w') return t.backward_weight.count();
    return t.backward_input.count() + t.backward_weight.count();
  }

  static std::int64_t hop(const std::vector<sim::Op>& ops, int joint) {
    if (ops.empty()) return 0;
    return std::get<sim::Delay>(ops[static_cast<std::size_t>(joint)]).duration.count();
  }

  std::optional<std::int64_t> end_of(const Pass& pass, int position) const {
    const auto found = end_.find(key(pass, position));
    if (found == end_.end()) return std::nullopt;
    return found->second;
  }

  std::optional<std::int64_t> plus(std::optional<std::int64_t> time, std::int64_t more) const {
    if (time) *time += more;
    return time;
  }

  std::optional<std::int64_t> ready_at(const Pass& pass, int s) const {
    const int at = position(pass, s);
    const int last = p_ * v_ - 1;
    Pass before = pass;
    if (pass.kind == 'F' && at > 0) {
      return plus(end_of(before, at - 1), hop(plan_.activations, at - 1));
    }
    if (pass.kind == 'F') {
      if (pass.round > 0) {
        --before.round;
        return end_of(before, last);
      }
      if (plan_.shape.schedule != kSerial || pass.micro_batch == 0) return 0;
      --before.micro_batch;
      before.round = r_ - 1;
      return end_of(before, last);
    }
    if (pass.kind == 'w') {
      before.kind = 'b';
      return end_of(before, at);
    }
    if (at == last) {
      before.kind = 'F';
      return end_of(before, at);
    }
    return plus(end_of(before, at + 1), hop(plan_.gradients, at));
  }

  /// The order of stage `s`, from the rule of each schedule: how many forwards may run ahead.
  std::vector<Pass> order(int s) const {
    std::vector<Pass> passes;
    const auto schedule = plan_.shape.schedule;
    if (schedule == kSerial) {
      for (int i = 0; i < m_; ++i) {
        for (int r = 0; r < r_; ++r) passes.push_back({'F', i, 0, r});
      }
      return passes;
    }
    if (schedule == kInference) {
      for (int r = 0; r < r_; ++r) {
        for (int i = 0; i < m_; ++i) passes.push_back({'F', i, 0, r});
      }
      return passes;
    }
    if (schedule == kGpipe) {
      for (int i = 0; i < m_; ++i) passes.push_back({'F', i});
      for (int i = 0; i < m_; ++i) passes.push_back({'B', m_ - 1 - i});
      return passes;
    }
    // The rest: forwards and backwards each in a fixed sequence, a backward as soon as `ahead`
    // forwards have run before it.
    std::vector<Pass> forwards;
    std::vector<Pass> backwards;
    for (int group = 0; group < m_; group += v_ > 1 ? p_ : m_) {
      for (int c = 0; c < v_; ++c) {
        for (int i = group; i < group + (v_ > 1 ? p_ : m_); ++i) {
          forwards.push_back({'F', i, c});
          backwards.push_back({schedule == kZeroBubbleH1 ? 'b' : 'B', i, v_ - 1 - c});
        }
      }
    }
    const int ahead = v_ > 1 ? 2 * (p_ - 1 - s) + (v_ - 1) * p_ + 1 : p_ - s;
    std::size_t f = 0;
    int w = 0;
    for (std::size_t b = 0; b < backwards.size(); ++b) {
      const std::size_t until = std::min(forwards.size(), b + static_cast<std::size_t>(ahead));
      while (f < until) passes.push_back(forwards[f++]);
      const bool draining = f == forwards.size();
      passes.push_back(backwards[b]);
      if (schedule != kZeroBubbleH1) continue;
      if (draining || static_cast<int>(b) + 1 - w > s) passes.push_back({'w', w++});
    }
    while (schedule == kZeroBubbleH1 && w < m_) passes.push_back({'w', w++});
    return passes;
  }

  const PipelinePlan& plan_;
  int p_, m_, v_, r_;
  std::map<Key, std::int64_t> end_;
};

Duration random_time(std::mt19937_64& random) {
  return Duration(static_cast<std::int64_t>(random() % 1000));
}

PipelinePlan random_plan(PipelineSchedule schedule, std::mt19937_64& random) {
  PipelinePlan plan;
  plan.shape.schedule = schedule;
  plan.shape.stages = 1 + static_cast<std::uint32_t>(random() % 8);
  plan.shape.micro_batches = 1 + static_cast<std::uint32_t>(random() % 16);
  if (schedule == kInterleaved) {
    plan.shape.chunks = 2 + static_cast<std::uint32_t>(random() % 3);
    plan.shape.micro_batches = plan.shape.stages * (1 + plan.shape.micro_batches % 3);
  }
  if (!has_backward(schedule)) plan.shape.rounds = 1 + static_cast<std::uint32_t>(random() % 3);
  for (std::uint32_t i = 0; i < plan.shape.positions(); ++i) {
    plan.times.push_back({random_time(random), random_time(random), random_time(random)});
  }
  if (random() % 2 == 0) {
    for (std::uint32_t i = 0; i + 1 < plan.shape.positions(); ++i) {
      plan.activations.emplace_back(sim::Delay{random_time(random)});
      plan.gradients.emplace_back(sim::Delay{random_time(random)});
    }
  }
  return plan;
}

void expect_like_naive(PipelineSchedule schedule) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    std::mt19937_64 random(seed);
    const PipelinePlan plan = random_plan(schedule, random);
    const PipelineResult result = run_pipeline(plan);
    ASSERT_EQ(result.makespan.count(), NaivePipeline(plan).makespan()) << "seed " << seed;
    for (const StageBubble& stage : result.stages) {
      ASSERT_EQ(stage.busy + stage.bubble, result.makespan) << "seed " << seed;
      ASSERT_EQ(stage.fill + stage.drain + stage.imbalance + stage.transfer, stage.bubble);
      const Duration least =
          std::min({stage.fill, stage.drain, stage.imbalance, stage.transfer, stage.busy});
      ASSERT_GE(least, Duration(0)) << "seed " << seed;
    }
  }
}

TEST(PipelineGraph, SerialRunsLikeTheNaiveRecurrence) { expect_like_naive(kSerial); }
TEST(PipelineGraph, InferenceRunsLikeTheNaiveRecurrence) { expect_like_naive(kInference); }
TEST(PipelineGraph, GpipeRunsLikeTheNaiveRecurrence) { expect_like_naive(kGpipe); }
TEST(PipelineGraph, OneForwardOneBackwardRunsLikeTheNaiveRecurrence) {
  expect_like_naive(kOneForwardOneBackward);
}
TEST(PipelineGraph, InterleavedRunsLikeTheNaiveRecurrence) { expect_like_naive(kInterleaved); }
TEST(PipelineGraph, ZeroBubbleRunsLikeTheNaiveRecurrence) { expect_like_naive(kZeroBubbleH1); }

// Two stages of 10 ms, two micro-batches, 50 MB over 25 GB/s = 2 ms between them. The second stage
// starts at 12 and works without a gap: 32 ms; without transfers 30.
TEST(PipelineGraph, ATransferThatIsHiddenBehindWorkCostsOnce) {
  PipelinePlan plan{{kInference, 2, 2}, std::vector<ChunkTime>(2, {10ms, {}, {}}), {}, {}, {}};
  const auto route = plan.network.add_route({plan.network.add_link(25_GBps)});
  plan.activations = {sim::Transfer{route, 50_MB}};
  const PipelineResult result = run_pipeline(plan);
  EXPECT_EQ(result.makespan, 32ms);
  EXPECT_EQ(result.stages[0].transfer, 2ms);
  EXPECT_EQ(result.stages[0].drain, 10ms);
  EXPECT_EQ(result.stages[0].fill, 0ms);
  EXPECT_EQ(result.stages[1].transfer, 2ms);
  EXPECT_EQ(result.stages[1].fill, 10ms);
  const auto on_path = std::ranges::count_if(
      result.spans, [](const PipelineSpan& s) { return s.op.transfer && s.on_critical_path; });
  EXPECT_EQ(on_path, 1);
}

// Stages of 10 and 14 ms, three micro-batches: 10 + 3 x 14 = 52. The first works 30, would wait
// 3 x 4 = 12 for the second even in a full pipeline, and 10 for it to drain; the second fills 10.
TEST(PipelineGraph, ASlowStageMakesTheOthersIdleByImbalance) {
  const PipelinePlan plan{{kInference, 2, 3}, {{10ms, {}, {}}, {14ms, {}, {}}}, {}, {}, {}};
  const PipelineResult result = run_pipeline(plan);
  EXPECT_EQ(result.makespan, 52ms);
  EXPECT_EQ(result.stages[0].imbalance, 12ms);
  EXPECT_EQ(result.stages[0].drain, 10ms);
  EXPECT_EQ(result.stages[1].imbalance, 0ms);
  EXPECT_EQ(result.stages[1].fill, 10ms);
}

// 1F1B, p = 4, m = 8, F = 10, B = 20: stage s fills s F + (p-1-s) B, drains (p-1-s) F + s B.
TEST(PipelineGraph, FillAndDrainMirrorEachOtherIn1f1b) {
  const PipelinePlan plan{
      {kOneForwardOneBackward, 4, 8}, std::vector<ChunkTime>(4, {10ms, 10ms, 10ms}), {}, {}, {}};
  const PipelineResult result = run_pipeline(plan);
  EXPECT_EQ(result.makespan, 11 * 30ms);
  for (int s = 0; s < 4; ++s) {
    const auto& stage = result.stages[static_cast<std::size_t>(s)];
    EXPECT_EQ(stage.fill, s * 10ms + (3 - s) * 20ms);
    EXPECT_EQ(stage.drain, (3 - s) * 10ms + s * 20ms);
  }
}

// Serial, 3 equal stages, 2 requests: stage 1 waits 1 stage for each request to come and 1 for it
// to leave.
TEST(PipelineGraph, ASerialSplitFillsAndDrainsForEveryRequest) {
  const PipelinePlan plan{{kSerial, 3, 2}, std::vector<ChunkTime>(3, {5ms, {}, {}}), {}, {}, {}};
  const PipelineResult result = run_pipeline(plan);
  EXPECT_EQ(result.makespan, 30ms);
  EXPECT_EQ(result.stages[0].fill, 0ms);
  EXPECT_EQ(result.stages[0].drain, 20ms);
  EXPECT_EQ(result.stages[1].fill, 10ms);
  EXPECT_EQ(result.stages[1].drain, 10ms);
  EXPECT_EQ(result.stages[2].fill, 20ms);
}

TEST(PipelineGraph, RefusesTheWrongNumberOfTimesOrTransfers) {
  PipelinePlan plan{{kGpipe, 3, 2}, std::vector<ChunkTime>(2), {}, {}, {}};
  EXPECT_THROW((void)lower_pipeline(plan), std::invalid_argument);
  plan.times.resize(3);
  EXPECT_NO_THROW((void)lower_pipeline(plan));
  plan.activations = {sim::Delay{}};
  EXPECT_THROW((void)lower_pipeline(plan), std::invalid_argument);
  plan.activations = {sim::Delay{}, sim::Exclusive{}};
  EXPECT_THROW((void)lower_pipeline(plan), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
