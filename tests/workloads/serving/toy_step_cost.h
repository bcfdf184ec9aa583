#pragma once

#include <span>

#include "workloads/serving/step_cost.h"

namespace rigsim::workloads::test {

/// A step cost that one can compute by hand, in ticks: `step` + `row` per decoding sequence and
/// drafted token + `kv` per attended token, twice `kv` for what lies beyond `knot` tokens, +
/// `prompt` per prompt token + `attention` per prompt token and token before it.
class ToyStepCost final : public StepCost {
 public:
  Ticks step = 1'000'000;
  Ticks row = 1'000;
  Ticks kv = 7;
  std::int64_t knot = 1 << 20;
  Ticks prompt = 5'000;
  Ticks attention = 3;

  StepRun decode(const DecodeLoad& load) override {
    const bool beyond = load.kv_tokens > knot;
    const std::int64_t steps =
        beyond ? std::int64_t{1} << 40 : (knot - load.kv_tokens) / load.sequences + 1;
    return {price(load), (beyond ? 2 * kv : kv) * load.sequences, steps};
  }
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override {
    Ticks total = price(load);
    for (const PromptChunk& each : chunks)
      total += each.tokens * (prompt + attention * each.cached);
    return total;
  }

 private:
  [[nodiscard]] Ticks price(const DecodeLoad& load) const {
    const std::int64_t more = load.kv_tokens > knot ? load.kv_tokens - knot : 0;
    return step + row * (load.sequences + load.drafts) + kv * (load.kv_tokens + more);
  }
};

}  // namespace rigsim::workloads::test
