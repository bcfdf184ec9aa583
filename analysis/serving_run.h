#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "analysis/chance.h"
#include "analysis/serving_band.h"
#include "analysis/serving_metrics.h"
#include "workloads/engine_profile.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/traffic.h"

namespace rigsim::analysis {

/// What is left out at the start, where queue and batch still fill: nothing, what MSER-5 finds in
/// the mean E2E latency of the replications' requests, so many requests, or those that arrive
/// within a time of the first.
struct NoWarmUp {};
struct AutomaticWarmUp {};
using WarmUp = std::variant<NoWarmUp, AutomaticWarmUp, std::int64_t, sim::Duration>;

/// A replayed traffic with its error band and what chance does.
struct ServingRun {
  ServingMetrics metrics;  ///< means over replications, without the warm-up
  ServingMetrics first;    ///< of the first replication
  /// The same traffic on devices whose rates are lower, and higher, by the bands of the cost model:
  /// what queues then, too. None where the swap space is full there: no figure has a band then.
  std::optional<ServingMetrics> slow{};
  std::optional<ServingMetrics> fast{};
  ServingBand band{};
  std::optional<ChanceIntervals> chance{};
  std::size_t warm_up_requests = 0;  ///< the first of each replication, not counted
  sim::Duration warm_up{};           ///< until the first that counts arrives, in the first one
  std::vector<workloads::RequestRecord> records;  ///< [requests] of the first replication

  /// {least, greatest} of what `number` gives of the run's metrics, the slow and the fast ones.
  template <class F>
  [[nodiscard]] std::optional<std::pair<double, double>> band_of(F number) const {
    if (!slow || !fast) return std::nullopt;
    return std::minmax({number(metrics), number(*slow), number(*fast)});
  }
};

/// Replays each of `replications` on `setup` and again on slower and faster devices; `observer` (or
/// null) sees the first run of the first one, behind which comes `observed`, `watch` (or null)
/// every run. Throws as workloads::serve, and std::invalid_argument where the warm-up leaves no
/// request.
[[nodiscard]] ServingRun run_serving(std::span<const workloads::Traffic> replications,
                                     const workloads::ServingSetup& setup,
                                     const ServiceLevel& level, const WarmUp& warm_up = NoWarmUp{},
                                     workloads::ServingObserver* observer = nullptr,
                                     workloads::ServingObserver* watch = nullptr,
                                     const std::function<void()>& observed = {});

/// One replay of `traffic`, without bands and warm-up. Throws as workloads::serve.
[[nodiscard]] ServingMetrics serve_once(const workloads::Traffic& traffic,
                                        const workloads::ServingSetup& setup,
                                        const ServiceLevel& level,
                                        workloads::ServingObserver* watch = nullptr);

}  // namespace rigsim::analysis
