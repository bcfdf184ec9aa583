#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "workloads/serving/serving_record.h"

namespace rigsim::analysis {

/// When every token of every request came out of the engine: 8 bytes a token. A run that it sees
/// goes step by step.
class TokenTimes final : public workloads::ServingObserver {
 public:
  explicit TokenTimes(std::size_t requests) : gaps_(requests), last_(requests) {}

  void steps_executed(const workloads::StepRecord&) override {}
  void gaps_seen(const workloads::GapRun&) override {}
  void request_ended(std::uint32_t, const workloads::RequestRecord&) override {}
  [[nodiscard]] bool wants_tokens() const override { return true; }
  void token_out(std::uint32_t request, workloads::Ticks now, bool first) override {
    const workloads::Ticks before = std::exchange(last_[request], now);
    if (!first) gaps_[request].push_back(workloads::to_seconds(now - before));
  }

  /// Seconds between the tokens of a request.
  [[nodiscard]] const std::vector<double>& gaps(std::size_t request) const {
    return gaps_[request];
  }

 private:
  std::vector<std::vector<double>> gaps_;  // [requests]
  std::vector<workloads::Ticks> last_;
};

}  // namespace rigsim::analysis
