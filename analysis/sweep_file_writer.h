#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/sweep_point.h"
#include "configs/sweep_file.h"

namespace rigsim::analysis {

/// Where a sweep's results come from: root attributes of its file. Neither times nor the number of
/// threads are among them: the same sweep gives the same bytes.
struct SweepHeader {
  std::string version{};  ///< of rigsim
  std::string commit{};
  std::string sweep{};  ///< the sweep file's text
};

inline constexpr std::string_view kSweepSchema = "rigsim-sweep";
inline constexpr int kSweepSchemaVersion = 1;

/// The results of a sweep: PATH with the table /points, a row for each point in the plan's order:
/// `id`, `status`, `reason`, a column per axis and per metric.
///
/// While the sweep runs, points are appended as they end to a table like it at PATH.part (the next
/// free of PATH.2.part, ... where earlier runs left some: nothing that was kept is overwritten),
/// and in order to PATH.ordered.part, which becomes PATH in the end. A killed run so leaves what it
/// last flushed. One run at a time writes PATH.
///
/// ended() and in_order() may be called from different threads; two calls wait for each other.
/// All members throw OutputError.
class SweepFileWriter {
 public:
  SweepFileWriter(const std::filesystem::path& path, const configs::SweepPlan& plan,
                  const SweepHeader& header,
                  std::chrono::milliseconds flush_interval = std::chrono::seconds(1));
  /// Keeps PATH.part where finish() was not called; of a full disk, what the last flush left.
  ~SweepFileWriter();
  SweepFileWriter(const SweepFileWriter&) = delete;
  SweepFileWriter& operator=(const SweepFileWriter&) = delete;

  /// A point has ended, in whatever order.
  void ended(const SweepPoint& point);
  /// The next point of the plan's order.
  void in_order(const SweepPoint& point);
  /// Marks the results complete, moves them to PATH and removes all parts.
  void finish();
  /// The parts that earlier runs left.
  [[nodiscard]] const std::vector<std::filesystem::path>& earlier_parts() const;
  /// The part that is kept without finish().
  [[nodiscard]] std::filesystem::path part() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rigsim::analysis
