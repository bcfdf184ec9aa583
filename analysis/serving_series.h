#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/serving/serving_record.h"

namespace rigsim::analysis {

/// What the replicas did within one window of time.
struct SeriesWindow {
  double busy_s = 0;         ///< steps running, all replicas together
  double sequence_s = 0;     ///< seconds x sequences in a step
  double block_s = 0;        ///< seconds x KV blocks held
  double waiting_s = 0;      ///< seconds x sequences waiting, while steps run
  double stage_s = 0;        ///< computing, the stages of all pipelines together
  double link_s = 0;         ///< steps held up by links between devices
  double decode_tokens = 0;  ///< answered by decoding
  double prompt_tokens = 0;  ///< computed
  std::int64_t preemptions = 0;

  SeriesWindow& operator+=(const SeriesWindow& other);
};

/// A run over time, in windows of equal length: a second each, twice as long whenever there would
/// be more than kMost of them. A leap's steps share out over the windows by their time.
class ServingSeries {
 public:
  static constexpr std::size_t kMost = 4096;

  /// Steps of which `link` is held up by links.
  void add(const workloads::StepRecord& steps, workloads::Ticks link = 0);
  [[nodiscard]] double window_s() const { return window_s_; }
  /// From time 0.
  [[nodiscard]] const std::vector<SeriesWindow>& windows() const { return windows_; }

 private:
  void make_room(double end_s);

  double window_s_ = 1;
  std::vector<SeriesWindow> windows_;
};

}  // namespace rigsim::analysis
