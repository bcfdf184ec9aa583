#include "cli/traffic_options.h"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "configs/config_error.h"
#include "configs/quantity_parser.h"

namespace rigsim::cli {
namespace {

constexpr double kLeastFactor = 1e-6;
constexpr double kMostFactor = 1e6;

/// "2", "0.5" or "x2".
double factor_of(const ParsedOptions& options, std::string_view name, double usual) {
  const auto given = options.text(name);
  if (!given) return usual;
  return options.checked(name, [&] {
    const std::string_view text = *given;
    const double factor = configs::parse_number(text.substr(text.starts_with('x') ? 1 : 0));
    if (factor >= kLeastFactor && factor <= kMostFactor) return factor;
    throw std::invalid_argument(fmt::format("must be {} to {}, got {}", kLeastFactor, kMostFactor,
                                            configs::in_quotes(*given)));
  });
}

std::optional<sim::Duration> time_of(const ParsedOptions& options, std::string_view name) {
  const auto given = options.text(name);
  if (!given) return std::nullopt;
  return options.checked(name, [&] {
    return configs::parse_quantity<sim::Duration>(*given, configs::Zero::kAllowed);
  });
}

}  // namespace

std::vector<OptionSpec> traffic_options() {
  return {
      {"requests", "N", "the first N of a trace (default all), or how many to make up (1000)"},
      {"seed", "N", "of what is made up (default 1)"},
      {"rate-scale", "X", "X times as many requests a second"},
      {"prompt-scale", "X", "prompts X times as long"},
      {"output-scale", "X", "outputs X times as long"},
      {"from", "TIME", "leave out what arrives earlier after the first request, as in 10min"},
      {"to", "TIME", "leave out what arrives then or later"},
      {"skip-bad", "", "leave out rows of a trace that are wrong, and count them"},
      {"sort", "", "put the rows of a trace in the order of time"},
      {"spread", "", "share out requests of one time stamp until the next tick of the stamps"},
      {"bytes-per-token", "X", "of texts without token counts (default 4)"},
  };
}

configs::TrafficSettings read_traffic_settings(const ParsedOptions& options,
                                               configs::TrafficSettings settings) {
  settings.trace.skip_bad |= options.has("skip-bad");
  settings.trace.sort |= options.has("sort");
  settings.trace.spread |= options.has("spread");
  settings.trace.bytes_per_token =
      factor_of(options, "bytes-per-token", settings.trace.bytes_per_token);
  if (options.has("from")) settings.trace.from = time_of(options, "from");
  if (options.has("to")) settings.trace.to = time_of(options, "to");
  if (const auto requests = options.count("requests", 1, workloads::kMostRequests))
    settings.trace.requests = requests;
  constexpr auto kMostSeed = std::numeric_limits<std::int64_t>::max();
  if (const auto seed = options.count("seed", 0, kMostSeed))
    settings.seed = static_cast<std::uint64_t>(*seed);
  settings.rate_scale = factor_of(options, "rate-scale", settings.rate_scale);
  settings.prompt_scale = factor_of(options, "prompt-scale", settings.prompt_scale);
  settings.output_scale = factor_of(options, "output-scale", settings.output_scale);
  return settings;
}

}  // namespace rigsim::cli
