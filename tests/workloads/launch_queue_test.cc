#include "workloads/launch_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

using sim::Duration;
using std::chrono::microseconds;

// Kernels of 3, 2 and 4 launches in a queue of 6.
TEST(LaunchQueue, NamesTheKernelThatMakesRoom) {
  LaunchQueue queue;
  EXPECT_EQ(queue.blocker(6, 6), std::nullopt);
  EXPECT_EQ(queue.blocker(7, 6), std::nullopt);  // too large, but the queue is empty
  queue.add(3, sim::OpId{10});
  EXPECT_EQ(queue.blocker(3, 6), std::nullopt);
  EXPECT_EQ(queue.blocker(4, 6), sim::OpId{10});
  queue.add(2, sim::OpId{11});
  queue.add(4, sim::OpId{12});
  EXPECT_EQ(queue.blocker(1, 6), sim::OpId{11});  // 9 + 1 - 6 = 4 must be done: the first two
  EXPECT_EQ(queue.blocker(3, 6), sim::OpId{12});
  EXPECT_EQ(queue.blocker(99, 6), sim::OpId{12});
  EXPECT_EQ(queue.blocker(99, 0), std::nullopt);
}

// m micro-batches over p equal stages that take T each: m + p - 1 rounds, against m p in a row; and
// the p - 1 boundaries once.
TEST(LowerPrompt, PipelinesAsTheClosedFormSays) {
  for (const int p : {1, 2, 3, 4}) {
    for (const int m : {1, 2, 5}) {
      const PassGraph pass = lower_prompt(equal_stages(p, 2), 512 * m, 1);
      const Duration stage = microseconds(kernels_per_stage(pass, p, m));
      EXPECT_EQ(makespan(pass, even_costs(pass)), (m + p - 1) * stage + (p - 1) * microseconds(12))
          << p << " stages, " << m << " micro-batches";
    }
  }
}

// A host that waits for each staged copy launches the next micro-batch once the last stage has its
// input: (p - 1) stages and copies for each of m, and the last stage once.
TEST(LowerPrompt, OverlapsTheLastStageAloneWhereStagedCopiesBlockTheHost) {
  for (const int p : {2, 3, 4}) {
    for (const int m : {1, 2, 5}) {
      Deployment deployment = equal_stages(p, 2);
      for (BackendProfile& backend : deployment.backends) backend.staged_copy_blocks = true;
      const PassGraph pass = lower_prompt(deployment, 512 * m, 1);
      const Duration stage = microseconds(kernels_per_stage(pass, p, m));
      EXPECT_EQ(makespan(pass, even_costs(pass)), m * (p - 1) * (stage + microseconds(12)) + stage)
          << p << " stages, " << m << " micro-batches";
    }
  }
}

// One token walks through p equal stages: each works one p-th of the time, the rest is bubble.
TEST(LowerDecode, LeavesADeviceIdleWhileTheOthersWork) {
  for (const int p : {2, 4}) {
    const PassGraph pass = lower_decode(equal_stages(p, 2), 64, 1);
    sim::Costs costs = even_costs(pass);
    const Duration stage = microseconds(kernels_per_stage(pass, p, 1));
    EXPECT_EQ(makespan(pass, costs), p * stage + (p - 1) * microseconds(12));
  }
}

/// The host launches kernel after kernel in program order; each takes `submit`. A stream holds the
/// launches of its unfinished kernels, at most `depth` together (0: any number); while one more
/// would exceed that, the host waits for the oldest. Kernels of a stream run in order, a stage's
/// first one once the hidden state has arrived.
class NaivePipeline {
 public:
  NaivePipeline(int depth, Duration submit, Duration hop)
      : depth_(depth), submit_(submit), hop_(hop), streams_(8) {}

  /// One micro-batch's kernels on the next stage.
  void stage(std::size_t device, const std::vector<std::pair<int, Duration>>& kernels) {
    Stream& stream = streams_[device];
    Duration ready = device == 0 ? Duration::zero() : arrived_;
    for (const auto& [launches, length] : kernels) {
      make_room(stream, launches);
      host_ += launches * submit_;
      ready = std::max({ready, stream.free, host_}) + length;
      stream.free = ready;
      stream.queued.push_back({launches, ready});
      stream.held += launches;
    }
    end_ = std::max(end_, ready);
    arrived_ = ready + hop_;
  }

  [[nodiscard]] Duration end() const { return end_; }

 private:
  struct Stream {
    std::deque<std::pair<int, Duration>> queued;  // launches, end
    int held = 0;                                 // launches in it
    Duration free{};
  };

  void make_room(Stream& stream, int launches) {
    if (depth_ == 0) return;
    while (!stream.queued.empty()) {
      const auto [oldest, end] = stream.queued.front();
      if (end > host_ && stream.held + launches <= depth_) return;
      host_ = std::max(host_, end);
      stream.held -= oldest;
      stream.queued.pop_front();
    }
  }

  int depth_;
  Duration submit_;
  Duration hop_;
  std::vector<Stream> streams_;
  Duration host_{};
  Duration arrived_{};
  Duration end_{};
};

/// A small generator that is the same everywhere (Knuth's MMIX LCG).
struct Random {
  std::uint64_t state;
  int below(int limit) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<int>((state >> 33) % static_cast<std::uint64_t>(limit));
  }
};

/// Launches of the kernels of a layer on the toy GPU.
std::vector<int> layer_launches(const Deployment& d, std::int64_t tokens) {
  PassShape shape;
  shape.tokens = tokens;
  shape.context = tokens;
  std::vector<int> launches;
  for (const Kernel& kernel : layer_kernels(d.model, d.weights.layers[0], 0, shape, d.engine,
                                            d.backends[0], d.rig.devices[0].device))
    launches.push_back(kernel.launches);
  return launches;
}

// 200 pipelines of 2 to 4 stages, 1 to 3 layers each, 1 to 6 micro-batches, kernels of 0 to 30 us,
// submission at 0 to 5 us a launch and queues from 1 launch (shorter than some kernels) to 400.
TEST(LowerPrompt, BlocksTheHostAsANaiveQueueDoes) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random{seed};
    const int p = 2 + random.below(3);
    const int layers = 1 + random.below(3);
    const int m = 1 + random.below(6);
    const int depth = random.below(5) == 0 ? 0 : 1 + random.below(random.below(2) == 0 ? 30 : 400);
    const Duration submit =
        random.below(4) == 0 ? Duration::zero() : Duration(random.below(5'000'000));
    Deployment d = equal_stages(p, layers);
    for (auto& backend : d.backends) {
      backend.launch_queue_depth = depth;
      backend.submit_us = sim::to_seconds(submit) * 1e6;
    }
    const PassGraph pass = lower_prompt(d, 512 * m, 1);
    const std::vector<int> launches = layer_launches(d, 512);
    sim::Costs costs = pass.graph.costs();
    NaivePipeline naive(depth, submit, microseconds(12));
    std::vector<std::pair<int, Duration>> stage;
    for (std::size_t i = 0; i < pass.ops.size(); ++i) {
      const OpInfo& info = pass.ops[i];
      if (info.op_class == OpClass::kSync || info.op_class == OpClass::kTransfer)
        costs.amount[i] = 0;
      if (info.op_class != OpClass::kKernel) continue;
      costs.amount[i] = random.below(30'000'000);
      stage.push_back({launches[stage.size() % launches.size()], Duration(costs.amount[i])});
      if (stage.size() == launches.size() * static_cast<std::size_t>(layers)) {
        naive.stage(info.place, stage);
        stage.clear();
      }
    }
    EXPECT_EQ(makespan(pass, costs), naive.end())
        << "seed " << seed << ": " << p << " stages, " << m << " micro-batches, queue " << depth;
  }
}

// A stage of one layer launches 43 times. With room for one launch the host stands at the first
// device until that is through: no overlap, but for the last kernel of a stage.
TEST(LowerPrompt, ShortQueuesSerialise) {
  Deployment d = equal_stages(2, 1);
  for (auto& backend : d.backends) backend.launch_queue_depth = 1;
  const PassGraph pass = lower_prompt(d, 4 * 512, 1);
  const std::int64_t kernels = kernels_per_stage(pass, 2, 4);
  const Duration serial = microseconds(8 * kernels);
  EXPECT_GE(makespan(pass, even_costs(pass)), serial);
  for (auto& backend : d.backends) backend.launch_queue_depth = 1000;
  const PassGraph deep = lower_prompt(d, 4 * 512, 1);
  EXPECT_EQ(makespan(deep, even_costs(deep)), microseconds(5 * kernels + 12));
}

}  // namespace
}  // namespace rigsim::workloads
