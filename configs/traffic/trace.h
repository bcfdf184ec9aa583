#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/units.h"
#include "workloads/traffic.h"

namespace rigsim::configs {

/// How to take a request trace.
struct TraceOptions {
  bool skip_bad =
      false;          ///< rows that are wrong are left out and counted; else the first one stops
  bool sort = false;  ///< rows out of order are put in order and counted; else they are wrong
  /// Requests of one time stamp share out the time up to the next tick of the stamps (the greatest
  /// common divisor of their differences): for traces whose times are quantised.
  bool spread = false;
  double bytes_per_token = 4;           ///< of texts without token counts
  std::optional<sim::Duration> from{};  ///< keep arrivals in [from, to) after the first request's
  std::optional<sim::Duration> to{};
  std::optional<std::int64_t> requests{};  ///< keep the first so many of these
};

/// What became of a trace's rows.
struct TraceReport {
  std::string form;                       ///< "Azure CSV"
  std::int64_t rows = 0;                  ///< requests that the file lists
  std::int64_t bad = 0;                   ///< left out by skip_bad
  std::vector<std::string> bad_examples;  ///< what was wrong with the first ones
  std::int64_t unanswered = 0;            ///< left out because they failed or have no answer
  std::int64_t out_of_order = 0;          ///< earlier than a row before; put in order by sort
  std::int64_t same_time = 0;             ///< arrive at the very time of the request before
  std::string note;                       ///< what a reader of the figures must know, or nothing
};

/// Times of one request in a measured run, from when it was queued.
struct MeasuredTimes {
  sim::Duration ttft{};                 ///< to the first token
  sim::Duration e2e{};                  ///< to the last token
  std::optional<sim::Duration> wait{};  ///< until it was scheduled, where recorded
};

/// A request trace: the first request arrives at time 0.
struct Trace {
  workloads::Traffic traffic;
  bool has_arrivals = true;  ///< false: lengths alone, all at time 0
  TraceReport report;
  std::vector<MeasuredTimes> measured;  ///< [requests]; empty where the file is no measured run
};

/// Reads a request trace, plain or gzip, of a form told by its content: Azure, BurstGPT and Vidur
/// CSV; Mooncake, LLMServingSim and per-request vLLM JSONL; a result of vLLM's `bench serve
/// --save-detailed`; ShareGPT JSON. Throws UnreadableInput for a file that cannot be read, is cut
/// short or is no JSON where it must be, and ConfigError with file, line, key, value, what is
/// allowed and what to do about it for a wrong row, no known form, or no request left.
[[nodiscard]] Trace read_trace(const std::filesystem::path& path, const TraceOptions& options);

/// The same of a text at hand; `file` is its name in messages.
[[nodiscard]] Trace read_trace_text(std::string_view text, std::string file,
                                    const TraceOptions& options);

}  // namespace rigsim::configs
