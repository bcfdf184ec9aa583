#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/serving_metrics.h"
#include "workloads/engine_profile.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/traffic.h"

namespace rigsim::analysis {

/// What has to hold at a load.
struct CapacityTarget {
  ServiceLevel level;          ///< limits, at least one
  double percentile = 0.99;    ///< of each latency with a limit, which has to keep it; or
  std::optional<double> good;  ///< instead: the share of requests that have to keep all limits
};

/// Loads are steps of a ladder, each `precision` above the one below: load k is
/// (1 + precision)^k times the traffic's own rate.
struct LoadLadder {
  double precision = 0.01;
  std::int64_t lowest = -2000;
  std::int64_t highest = 2000;

  [[nodiscard]] double factor(std::int64_t step) const;
};

/// The highest step of a ladder that meets a target, searched upwards and downwards by doublings
/// and then by halves.
struct LadderSearch {
  std::optional<std::int64_t> step{};  ///< none: not even the lowest meets it
  bool open = false;                   ///< the highest of the ladder does, too
  int runs = 0;                        ///< loads that were tried
  /// Where one of the next steps above the first that does not meet it does again: the target is
  /// not monotone in the load here (a schedule that changes with it).
  std::optional<std::int64_t> meets_again{};
};
/// The same, searched from step `start`.
[[nodiscard]] LadderSearch search_ladder(const LoadLadder& ladder,
                                         const std::function<bool(std::int64_t step)>& meets,
                                         std::int64_t start = 0);

/// What a limit found at a load.
struct LimitAtLoad {
  std::string name{};  ///< "ttft", "tpot", "e2e", "good"
  double value = 0;    ///< seconds; of "good" the share
  double limit = 0;
  bool kept = true;
};

/// How many requests a second one setup serves within a target.
struct Capacity {
  /// Without those that were turned away, mean over replications; 0: not even single requests keep
  /// it.
  double requests_per_s = 0;
  double low = 0;  ///< on slower devices, by the cost model's band
  double high = 0;
  std::optional<double> chance{};  ///< half of Student's 95 % interval over replications
  bool open = false;               ///< more than the highest load that was tried
  bool monotone = true;
  /// While the second half of the traffic arrives, at least 0.8 times as many requests are
  /// answered: else it is too short, or a burst, to tell a rate that lasts.
  bool lasts = true;
  double turned_away = 0;  ///< share of the requests that a replica can never hold
  int runs = 0;            ///< loads tried; each end of the band takes about as many again
  workloads::Evidence evidence = workloads::Evidence::kDatasheet;
  std::vector<LimitAtLoad> limits{};  ///< at capacity (without any: at the lowest load)
  std::vector<LimitAtLoad> above{};   ///< one step above: what breaks first
  ServingMetrics metrics{};           ///< at capacity, of the first replication
};

/// The highest rate at which `setup` serves `replications` of one traffic, each faster or slower as
/// a whole, within `target`: mean over replications, which have the same ladder, as far down as the
/// clock reaches. Requests that a replica can never hold do not count as served (of a share of good
/// requests they are bad ones); a load at which the swap space fills up is too high. Throws as
/// workloads::serve, and std::invalid_argument without a limit, for a closed loop, requests that
/// all come at once, a percentile or share outside 0 to 1, a limit on what no request has.
[[nodiscard]] Capacity capacity(const workloads::ServingSetup& setup,
                                std::span<const workloads::Traffic> replications,
                                const CapacityTarget& target, const LoadLadder& ladder = {});

/// Which of many setups serves most.
struct BestSetup {
  std::optional<std::size_t> index{};  ///< none: none meets the target at the lowest load
  std::int64_t step = 0;               ///< of the ladder, its highest
  int tried = 0;                       ///< setups
  int runs = 0;
};

/// Looks through `count` setups that `make` gives (none: it cannot be, or does not fit) for the one
/// that serves `traffic` at the highest step. A setup that does not meet the target one step above
/// the best so far is left: where the target is monotone in the load it cannot be better. Of equals
/// the first. Throws as capacity().
[[nodiscard]] BestSetup best_setup(
    std::size_t count,
    const std::function<std::optional<workloads::ServingSetup>(std::size_t)>& make,
    const workloads::Traffic& traffic, const CapacityTarget& target, const LoadLadder& ladder);

/// Requests a second as they arrive, from the first to the last.
[[nodiscard]] double arrival_rate(const workloads::Traffic& traffic);

}  // namespace rigsim::analysis
