#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/workloads/serving/toy_step_cost.h"
#include "workloads/serving/joint_step_cost.h"

namespace rigsim::workloads::test {

/// The slowest of replicas that cost as ToyStepCost says, and `shared` per token of all of them.
class ToyJointCost final : public JointStepCost {
 public:
  ToyStepCost own;
  Ticks idle = 1'000;  // of one that only runs along
  Ticks shared = 400;

  StepRun price(std::span<const RankLoad> ranks, std::span<StepRun> waits) override {
    std::vector<StepRun> runs;
    Ticks all = 0;
    for (const RankLoad& rank : ranks) {
      all += shared * rank.tokens();
      if (!rank.chunks.empty()) {
        runs.push_back({own.mixed(rank.decode, rank.chunks), 0, 1});
      } else if (rank.decode.sequences > 0) {
        runs.push_back(own.decode(rank.decode));
      } else {
        runs.push_back({idle, 0, std::int64_t{1} << 40});
      }
    }
    StepRun run = slowest(runs);
    for (std::size_t r = 0; r < ranks.size(); ++r)
      waits[r] = {run.first - runs[r].first, run.slope - runs[r].slope, run.steps};
    run.first += all;
    return run;
  }
};

/// 10 us, and 1 us for each token of the replica that has most.
class TokenJointCost final : public JointStepCost {
 public:
  StepRun price(std::span<const RankLoad> ranks, std::span<StepRun> waits) override {
    std::int64_t most = 0;
    for (const RankLoad& rank : ranks) most = std::max(most, rank.tokens());
    for (std::size_t r = 0; r < ranks.size(); ++r)
      waits[r] = {us(most - ranks[r].tokens()), 0, std::int64_t{1} << 40};
    const bool prompts =
        std::ranges::any_of(ranks, [](const RankLoad& rank) { return !rank.chunks.empty(); });
    return {us(10 + most), 0, prompts ? 1 : std::int64_t{1} << 40};
  }

 private:
  static Ticks us(std::int64_t count) { return to_ticks(std::chrono::microseconds(count)); }
};

}  // namespace rigsim::workloads::test
