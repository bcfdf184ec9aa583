#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/traffic/trace.h"
#include "configs/traffic/trace_fields.h"

namespace rigsim::configs {

/// One row of a trace as it was read.
struct TraceRow {
  std::int64_t arrival_ns = 0;
  std::int64_t prompt_tokens = 1;
  std::int64_t output_tokens = 1;  ///< 0: it was not answered
  std::int32_t priority = 0;
  std::optional<MeasuredTimes> measured{};
};

/// What all rows of a trace have in common.
struct TraceForm {
  std::string_view name;
  std::string_view time_key;
  bool has_arrivals = true;
  std::int64_t hash_block_tokens = 0;
};

/// Gathers the rows of a trace, refuses or counts the wrong ones, and makes a Trace of them.
class TraceRows {
 public:
  TraceRows(const std::string& file, const TraceForm& form, const TraceOptions& options);

  /// Adds what `read(row, hashes)` reads, which appends the row's prefix hashes and may throw
  /// ConfigError or UnreadableInput: thrown on with the choice offered, or counted.
  template <class F>
  void add(int line, F&& read);

  /// Sorts, spreads, cuts and converts. Throws ConfigError where no request is left or the times
  /// pass the clock's 106 days.
  [[nodiscard]] Trace finish() &&;

  void note(std::string text) { report_.note = std::move(text); }

 private:
  void take(const TraceRow& row, const RowPlace& place);
  void check_order(std::int64_t ns, const RowPlace& place);
  void count_bad(const std::exception& error, std::size_t hashes);
  [[noreturn]] void refuse(const ConfigError& error) const;
  [[noreturn]] void refuse(const UnreadableInput& error) const;
  void sort();
  void spread();
  void cut();
  void keep_range(std::size_t begin, std::size_t end);
  void set_arrivals();

  std::string file_;
  TraceForm form_;
  TraceOptions options_;
  TraceReport report_;
  workloads::Traffic traffic_;
  std::vector<std::int64_t> arrivals_ns_;  ///< [requests]
  std::vector<MeasuredTimes> measured_;    ///< [requests] or empty
};

template <class F>
void TraceRows::add(int line, F&& read) {
  ++report_.rows;
  const std::size_t hashes = traffic_.prefix_hashes.size();
  try {
    TraceRow row;
    read(row, traffic_.prefix_hashes);
    take(row, {file_, line});
  } catch (const ConfigError& error) {
    if (!options_.skip_bad) refuse(error);
    count_bad(error, hashes);
  } catch (const UnreadableInput& error) {
    if (!options_.skip_bad) refuse(error);
    count_bad(error, hashes);
  }
}

}  // namespace rigsim::configs
