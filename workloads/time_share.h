#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "sim/executor.h"
#include "workloads/pass_graph.h"

namespace rigsim::workloads {

/// Seconds by cause.
struct TimeShare {
  double compute_s = 0;
  double memory_s = 0;
  double link_s = 0;
  double launch_s = 0;
  double bubble_s = 0;  ///< idle while another device works
  double host_s = 0;

  [[nodiscard]] double total_s() const {
    return compute_s + memory_s + link_s + launch_s + bubble_s + host_s;
  }
  TimeShare& operator+=(const TimeShare& other);
  [[nodiscard]] TimeShare scaled(double factor) const;
};

/// Seconds of kernels by the layer of the cost model that priced them.
class EvidenceShare {
 public:
  void add(Evidence evidence, double seconds) {
    seconds_[static_cast<std::size_t>(evidence)] += seconds;
  }
  EvidenceShare& operator+=(const EvidenceShare& other);
  [[nodiscard]] EvidenceShare scaled(double factor) const;

  /// The weakest layer that priced at least a tenth of these seconds: an answer is as good as its
  /// weakest large part. Of no seconds at all: measured.
  [[nodiscard]] Evidence weakest_large() const;

 private:
  static constexpr double kLarge = 0.1;
  std::array<double, 3> seconds_{};  // by Evidence, best first
};

/// Where the time of one executed pass went.
struct PassTimes {
  EvidenceShare evidence;   ///< of kernels and collectives on the critical path
  TimeShare critical_path;  ///< tiles the pass: what the result waited for (never a bubble)
  TimeShare attention;      ///< of that, kernels whose work grows with the context
  std::vector<TimeShare>
      devices;  ///< [devices] each tiles the pass: busy by bound; idle by what the path was doing
};

/// Attributes the last run of `executor` over `pass`, which began at `start`, on `device_count`
/// devices; of several rounds the last (window_of).
/// A device's idle moment is `link` or `host` when the critical path is in a transfer, or in host
/// work or a collective's start, then, else `bubble`. For every device, and for the path,
/// the sum is the duration.
[[nodiscard]] PassTimes attribute(const PassGraph& pass, const sim::Executor& executor,
                                  std::size_t device_count, sim::Time start = {});

}  // namespace rigsim::workloads
