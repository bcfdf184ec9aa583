#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/workloads/serving/toy_joint_cost.h"
#include "tests/workloads/serving/toy_step_cost.h"
#include "workloads/serving/front_end.h"

namespace rigsim::workloads::test {

/// Traffic and what serves it.
struct Scenario {
  Traffic traffic;
  ServerConfig config;
  FrontEnd front;
  std::vector<ToyStepCost> costs = std::vector<ToyStepCost>(1);  // by station
  std::vector<StationKind> kinds = {StationKind::kStage};
  bool in_turn = false;               // all stations are one, whose stages compute in turn
  std::optional<ToyJointCost> joint;  // in lock step, in place of these
  BlockCopyCost copies;               // of each stage
};

/// The same throws on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t from(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return from(1, 100) <= percent; }

 private:
  std::mt19937_64 engine_;
};

/// Every policy, with and without prefixes, preemption, asynchronous scheduling, host memory,
/// several replicas, front ends, prompts on replicas of their own and closed loops; one station.
[[nodiscard]] Scenario random_scenario(std::uint64_t seed);
/// Two to four replicas whose steps cost unlike or nearly alike.
void make_lock_step(Scenario& scenario, Dice& dice);
/// Where it is modelled, with a draft model (slots ahead) or without.
void speculate(Scenario& scenario, Dice& dice);
/// Up to five stages with a host in front, delays and copies between them, alike or not, and as
/// many steps in flight, or some other number.
void make_pipeline(Scenario& scenario, Dice& dice);

/// What came of a scenario.
struct ScenarioOutcome {
  std::vector<RequestRecord> records;
  std::string full;  // the swap space, and the run ended there
  std::int64_t swapped = 0;
  std::int64_t loaded = 0;
  std::int64_t drafts = 0;
  std::int64_t accepted = 0;
  std::vector<std::vector<Ticks>> busy;
  std::vector<Ticks> waited;
  std::int64_t steps = 0;
  std::int64_t rows = 0;
  std::map<Ticks, std::int64_t> gaps;
};

/// Serves it, held to what must be conserved (CheckingObserver).
[[nodiscard]] ScenarioOutcome run(Scenario scenario, StepMode mode);

}  // namespace rigsim::workloads::test
