#pragma once

#include <cstdint>
#include <span>

#include "workloads/serving/step_cost.h"

namespace rigsim::workloads::test {

/// Every step takes equally long.
class EvenStepCost final : public StepCost {
 public:
  explicit EvenStepCost(sim::Duration step) : step_(to_ticks(step)) {}

  StepRun decode(const DecodeLoad&) override { return {step_, 0, std::int64_t{1} << 40}; }
  Ticks mixed(const DecodeLoad&, std::span<const PromptChunk>) override { return step_; }

 private:
  Ticks step_;
};

}  // namespace rigsim::workloads::test
