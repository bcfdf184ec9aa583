#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "configs/traffic/trace.h"
#include "workloads/traffic.h"
#include "workloads/traffic_generator.h"

namespace rigsim::configs {

/// What can be said about traffic beside its text.
struct TrafficSettings {
  std::filesystem::path folder{};  ///< that files count from; empty: the working directory
  TraceOptions trace{};            ///< from, to and requests also of traffic that is made up
  std::uint64_t seed = 1;
  std::int64_t prompt_tokens = 1024;  ///< of traffic that is made up and does not say; the defaults
  std::int64_t output_tokens = 128;   ///< of vLLM's `bench serve --dataset-name random`
  double rate_scale = 1;              ///< twice as many requests a second
  double prompt_scale = 1;
  double output_scale = 1;
};

/// Requests that traffic has which is made up and of which nobody says how many.
inline constexpr std::int64_t kUsualRequests = 1000;

/// What to do with a trace that has lengths but no arrivals.
enum class NoArrivals { kRefused, kAllowed };

/// Traffic with what became of the trace it comes from.
struct LoadedTraffic {
  workloads::Traffic traffic;
  bool has_arrivals = true;             ///< false: lengths alone, all at time 0
  std::optional<TraceReport> report;    ///< of the trace or lengths=FILE; none: all is made up
  std::vector<MeasuredTimes> measured;  ///< [requests] where the trace is a measured run
};

/// Whether the text says how to make traffic up: it begins with poisson, gamma, uniform, ramp or
/// closed and a colon. Otherwise it is a file.
[[nodiscard]] bool is_made_up(std::string_view text);

/// Reads how traffic is made up:
///     poisson:4/s   gamma:4/s,cv=2   gamma:4/s,burstiness=0.25   uniform:4/s   ramp:1/s-10/s
///     closed:16,think=2s   closed:16,think=exp(2s)
/// (rates also per min or h), behind a comma the lengths in tokens: `prompt=512`,
/// `prompt=uniform(100,1000)`, `prompt=lognormal(mean=512,cv=1)`, the same of `output`, or
/// `lengths=FILE`: pairs of a trace, at random, or `order=file`. Throws std::invalid_argument with
/// what is allowed, and what read_trace throws.
[[nodiscard]] workloads::TrafficPlan parse_traffic_plan(std::string_view text,
                                                        const TrafficSettings& settings);

/// Reads or makes the traffic of a `--traffic` text, cut, then scaled. Throws as above, ConfigError
/// for a trace without arrivals where they are needed, and std::invalid_argument where a time
/// passes the clock.
[[nodiscard]] LoadedTraffic load_traffic(std::string_view text, const TrafficSettings& settings,
                                         NoArrivals without = NoArrivals::kRefused);

}  // namespace rigsim::configs
