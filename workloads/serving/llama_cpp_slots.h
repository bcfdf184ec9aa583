#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads {

/// See LlamaCppBatching. The prompt cache in host memory is not modelled (--cache-ram 0).
class LlamaCppPolicy final : public BatchPolicy {
 public:
  explicit LlamaCppPolicy(const LlamaCppBatching& batching) : batching_(batching) {}

  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;

 private:
  /// server_slot: what runs in it, and the sequence whose cache it holds, running or not.
  struct Place {
    std::optional<Slot> running;
    std::uint32_t request = 0;
    Prefix prefix;
    std::int64_t prompt = 0;      ///< tokens of its prompt; 0: empty
    std::int64_t last_used = -1;  ///< number of its release
  };

  void release(const BatchState& state);
  void launch(BatchState& state);
  [[nodiscard]] std::int64_t kept(const Place& place, const Sequence& sequence,
                                  const Prefix& prefix) const;
  Place& available(const Sequence& sequence, const Prefix& prefix);

  LlamaCppBatching batching_;
  std::vector<Place> places_;
  std::int64_t releases_ = 0;
  std::size_t deferred_ = 0;  // of those that wait, the ones that found no slot already
  std::size_t just_released_ = 0;
};

}  // namespace rigsim::workloads
