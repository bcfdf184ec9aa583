#include "tests/bench/plain_serving.h"

#include <algorithm>
#include <deque>

namespace rigsim::bench {
namespace {

struct Sequence {
  std::size_t request = 0;
  std::int64_t prompt = 0;
  std::int64_t output = 0;
  std::int64_t answered = 0;
  std::int64_t computed = 0;
  std::int64_t blocks = 0;
  std::int64_t scheduled = 0;  ///< tokens in this step
};

class PlainServer {
 public:
  PlainServer(const workloads::Traffic& traffic, const workloads::BatchLimits& limits,
              const PlainCost& cost)
      : traffic_(traffic),
        limits_(limits),
        cost_(cost),
        free_(limits.kv_blocks),
        finished_(traffic.requests.size()) {}

  std::vector<std::int64_t> run() && {
    std::int64_t now = 0;
    while (next_ < traffic_.requests.size() || !running_.empty() || !waiting_.empty()) {
      if (running_.empty() && waiting_.empty()) now = std::max(now, arrival(next_));
      while (next_ < traffic_.requests.size() && arrival(next_) <= now) {
        const workloads::TrafficRequest& what = traffic_.requests[next_];
        waiting_.push_back({next_++, what.prompt_tokens, what.output_tokens});
      }
      std::int64_t budget = limits_.step_tokens;
      if (!schedule_running(budget)) schedule_waiting(budget);
      now += end_step(now);
    }
    return std::move(finished_);
  }

 private:
  [[nodiscard]] std::int64_t arrival(std::size_t request) const {
    return traffic_.requests[request].arrival.time_since_epoch().count();
  }
  [[nodiscard]] std::int64_t blocks_of(std::int64_t tokens) const {
    return (tokens + limits_.kv_block_tokens - 1) / limits_.kv_block_tokens;
  }

  bool allocate(Sequence& sequence, std::int64_t tokens) {
    const std::int64_t missing =
        std::max<std::int64_t>(blocks_of(sequence.computed + tokens) - sequence.blocks, 0);
    if (missing > free_) return false;
    free_ -= missing;
    sequence.blocks += missing;
    return true;
  }

  bool schedule_running(std::int64_t& budget) {
    bool preempted = false;
    for (Sequence& each : running_) each.scheduled = 0;
    for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
      const std::int64_t tokens =
          std::min(running_[i].prompt + running_[i].answered - running_[i].computed, budget);
      while (i < running_.size() && !allocate(running_[i], tokens)) {
        Sequence last = running_.back();
        running_.pop_back();
        free_ += last.blocks;
        last.blocks = last.computed = 0;
        waiting_.push_front(last);
        preempted = true;
      }
      if (i == running_.size()) break;
      running_[i].scheduled = tokens;
      budget -= tokens;
    }
    return preempted;
  }

  void schedule_waiting(std::int64_t budget) {
    while (!waiting_.empty() && budget > 0 &&
           static_cast<std::int64_t>(running_.size()) < limits_.max_sequences) {
      Sequence& next = waiting_.front();
      const std::int64_t all = next.prompt + next.answered;
      if (blocks_of(all) > free_) break;
      next.scheduled = std::min(all, budget);
      allocate(next, next.scheduled);
      budget -= next.scheduled;
      running_.push_back(next);
      waiting_.pop_front();
    }
  }

  /// How long the step takes that began at `now`.
  std::int64_t end_step(std::int64_t now) {
    std::int64_t duration = cost_.step;
    for (Sequence& each : running_) {
      const bool decodes = each.answered > 0 && each.computed >= each.prompt + each.answered - 1;
      each.computed += each.scheduled;
      if (each.scheduled == 0) continue;
      duration += decodes ? cost_.kv * each.computed : cost_.prompt * each.scheduled;
    }
    std::erase_if(running_, [&](Sequence& each) {
      if (each.scheduled == 0 || each.computed < each.prompt + each.answered) return false;
      if (++each.answered < each.output) return false;
      finished_[each.request] = now + duration;
      free_ += each.blocks;
      return true;
    });
    return duration;
  }

  const workloads::Traffic& traffic_;
  const workloads::BatchLimits& limits_;
  const PlainCost& cost_;
  std::int64_t free_;
  std::vector<Sequence> running_;
  std::deque<Sequence> waiting_;
  std::size_t next_ = 0;
  std::vector<std::int64_t> finished_;
};

}  // namespace

std::vector<std::int64_t> serve_plainly(const workloads::Traffic& traffic,
                                        const workloads::BatchLimits& limits,
                                        const PlainCost& cost) {
  return PlainServer(traffic, limits, cost).run();
}

}  // namespace rigsim::bench
