#include "configs/traffic_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

#include "configs/config_error.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"
#include "workloads/traffic_change.h"

namespace rigsim::configs {
namespace {

using workloads::Arrivals;
using workloads::LengthDistribution;
using workloads::TrafficPlan;

constexpr std::string_view kAllowed =
    "poisson:4/s, gamma:4/s,cv=2, uniform:4/s, ramp:1/s-10/s, closed:16,think=2s, or a file";

/// A kind of arrivals and the keys that it has beside the lengths'.
struct Kind {
  std::string_view name;
  std::array<std::string_view, 2> keys;
};

constexpr std::array kKinds = {
    Kind{"poisson", {}}, Kind{"gamma", {"cv", "burstiness"}}, Kind{"uniform", {}},
    Kind{"ramp", {}},    Kind{"closed", {"think", ""}},
};

const Kind* kind_named(std::string_view name) {
  const auto found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.name == name; });
  return found == kKinds.end() ? nullptr : &*found;
}

/// What is wrong with `part`, a view of the whole text: plan_of() says where in it.
class WrongPart : public std::invalid_argument {
 public:
  WrongPart(std::string_view part, const std::string& message)
      : std::invalid_argument(message), part_(part) {}
  [[nodiscard]] std::string_view part() const { return part_; }

 private:
  std::string_view part_;
};

[[noreturn]] void fail(std::string_view part, const std::string& message) {
  throw WrongPart(part, message);
}

/// Runs `parse`; what it refuses is said of `key`, whose value is `part` or holds what is wrong.
template <class F>
auto parsed(std::string_view key, std::string_view part, F&& parse) {
  const auto said = [&](const std::exception& error) {
    return fmt::format("{}: {}", key, error.what());
  };
  try {
    return parse();
  } catch (const ConfigError&) {
    throw;
  } catch (const WrongPart& error) {
    fail(error.part(), said(error));
  } catch (const std::invalid_argument& error) {
    fail(part, said(error));
  }
}

/// Cuts at commas that stand in no brackets.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return parts;
}

using Pair = std::pair<std::string_view, std::string_view>;

Pair pair_of(std::string_view part) {
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos) {
    fail(part, fmt::format("expected KEY=VALUE such as prompt=512, got {}", in_quotes(part)));
  }
  return {part.substr(0, equals), part.substr(equals + 1)};
}

/// "name(a,b)" without the name and its brackets; nullopt for another text.
std::optional<std::string_view> arguments_of(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || !text.ends_with(')')) return std::nullopt;
  text.remove_prefix(name.size());
  if (!text.starts_with('(')) return std::nullopt;
  return text.substr(1, text.size() - 2);
}

/// "4/s", "240/min", "900/h": per second.
double rate_of(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view unit = slash == text.npos ? "" : text.substr(slash + 1);
  const double seconds = unit == "s" ? 1 : unit == "min" ? 60 : unit == "h" ? 3600 : 0;
  if (seconds == 0) {
    throw std::invalid_argument(
        fmt::format("expected a rate such as 4/s, 240/min or 900/h, got {}", in_quotes(text)));
  }
  const double rate = parse_number(text.substr(0, slash)) / seconds;
  if (rate > 0) return rate;
  throw std::invalid_argument(fmt::format("a rate must be > 0, got {}", in_quotes(text)));
}

LengthDistribution lognormal_of(std::string_view arguments) {
  std::optional<double> mean, cv;
  for (const std::string_view part : parts_of(arguments)) {
    const auto [key, value] = pair_of(part);
    std::optional<double>* const wanted = key == "mean" ? &mean : key == "cv" ? &cv : nullptr;
    if (wanted == nullptr || wanted->has_value()) {
      fail(part, fmt::format("lognormal has mean and cv, each once, got {}", in_quotes(part)));
    }
    *wanted = parsed(key, value, [&, text = value] { return parse_number(text); });
  }
  if (!mean || !cv) throw std::invalid_argument("lognormal needs mean and cv");
  return workloads::LognormalLength{*mean, *cv};
}

LengthDistribution length_of(std::string_view text) {
  if (const auto arguments = arguments_of(text, "lognormal")) return lognormal_of(*arguments);
  if (const auto arguments = arguments_of(text, "uniform")) {
    const auto parts = parts_of(*arguments);
    if (parts.size() != 2) {
      throw std::invalid_argument(fmt::format("uniform(LEAST,MOST), got {}", in_quotes(text)));
    }
    return workloads::UniformLength{
        parsed("least", parts[0], [&] { return parse_count(parts[0]); }),
        parsed("most", parts[1], [&] { return parse_count(parts[1]); })};
  }
  if (text.find_first_not_of("0123456789") != text.npos || text.empty()) {
    throw std::invalid_argument(fmt::format(
        "must be tokens such as 512, uniform(100,1000) or lognormal(mean=512,cv=1), got {}",
        in_quotes(text)));
  }
  return workloads::FixedLength{parse_count(text)};
}

/// The keys behind the arrivals, each once.
class Keys {
 public:
  Keys(const Kind& kind, const std::vector<std::string_view>& parts) {
    std::vector<std::string> known = {"prompt", "output", "lengths", "order"};
    for (const std::string_view key : kind.keys) {
      if (!key.empty()) known.emplace_back(key);
    }
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const Pair pair = pair_of(parts[i]);
      if (std::find(known.begin(), known.end(), pair.first) == known.end()) {
        const std::string hint = did_you_mean(pair.first, known);
        fail(pair.first, fmt::format("unknown key {}{} {} has {}", in_quotes(pair.first),
                                     hint.empty() ? ";" : hint, kind.name, fmt::join(known, ", ")));
      }
      if (value(pair.first)) fail(pair.first, fmt::format("{}: is given twice", pair.first));
      pairs_.push_back(pair);
    }
  }

  [[nodiscard]] std::optional<std::string_view> value(std::string_view key) const {
    for (const Pair& pair : pairs_) {
      if (pair.first == key) return pair.second;
    }
    return std::nullopt;
  }

 private:
  std::vector<Pair> pairs_;
};

Arrivals gamma_of(std::string_view rate, const Keys& keys) {
  const auto cv = keys.value("cv"), burstiness = keys.value("burstiness");
  if (cv.has_value() == burstiness.has_value()) {
    throw std::invalid_argument(
        "gamma needs either cv=2 (coefficient of variation) or burstiness=0.25 (vLLM's, 1 / cv^2)");
  }
  if (burstiness) {
    const double shape = parsed("burstiness", *burstiness, [&] {
      const double number = parse_number(*burstiness);
      workloads::validate(workloads::GammaArrivals{1, number});
      return number;
    });
    return workloads::GammaArrivals{rate_of(rate), shape};
  }
  constexpr double kLeastCv = 1e-3;
  constexpr double kMostCv = 100;
  const double spread = parsed("cv", *cv, [&] { return parse_number(*cv); });
  if (!(spread >= kLeastCv && spread <= kMostCv))
    fail(*cv, fmt::format("cv: must be {} to {}, got {}", kLeastCv, kMostCv, in_quotes(*cv)));
  return workloads::GammaArrivals{rate_of(rate), 1 / (spread * spread)};
}

Arrivals ramp_of(std::string_view text) {
  const std::size_t dash = text.find('-', std::min(text.find('/'), text.size()));
  if (dash == text.npos) {
    throw std::invalid_argument(
        fmt::format("ramp:1/s-10/s has two rates, got {}", in_quotes(text)));
  }
  const auto from = text.substr(0, dash), to = text.substr(dash + 1);
  return workloads::RampArrivals{parsed("from", from, [&] { return rate_of(from); }),
                                 parsed("to", to, [&] { return rate_of(to); })};
}

Arrivals closed_of(std::string_view users, const Keys& keys) {
  workloads::ClosedArrivals closed{parse_count(users)};
  const auto think = keys.value("think");
  if (!think) return closed;
  const auto mean = arguments_of(*think, "exp");
  closed.exponential_think = mean.has_value();
  closed.think = parsed("think", *think, [&] {
    return parse_quantity<sim::Duration>(mean.value_or(*think), Zero::kAllowed);
  });
  return closed;
}

Arrivals arrivals_of(const Kind& kind, std::string_view value, const Keys& keys) {
  if (kind.name == "poisson") return workloads::PoissonArrivals{rate_of(value)};
  if (kind.name == "uniform") return workloads::UniformArrivals{rate_of(value)};
  if (kind.name == "gamma") return gamma_of(value, keys);
  if (kind.name == "ramp") return ramp_of(value);
  return closed_of(value, keys);
}

workloads::EmpiricalLengths lengths_in(std::string_view file, std::optional<std::string_view> order,
                                       const TrafficSettings& settings,
                                       std::optional<TraceReport>& report) {
  TraceOptions whole = settings.trace;
  whole.from = whole.to = std::nullopt;
  whole.requests = std::nullopt;
  Trace trace = read_trace(settings.folder / file, whole);
  workloads::EmpiricalLengths lengths;
  for (const auto& request : trace.traffic.requests) {
    lengths.pairs.emplace_back(request.prompt_tokens, request.output_tokens);
  }
  report = std::move(trace.report);
  if (order && *order != "file" && *order != "random") {
    fail(*order, fmt::format("order: must be random or file, got {}", in_quotes(*order)));
  }
  lengths.in_order = order == "file";
  return lengths;
}

workloads::Lengths lengths_of(const Keys& keys, const TrafficSettings& settings,
                              std::optional<TraceReport>& report) {
  const auto prompt = keys.value("prompt"), output = keys.value("output");
  if (const auto file = keys.value("lengths")) {
    if (prompt || output)
      fail(*file, "lengths: stands for prompt and output; say one or the other");
    return lengths_in(*file, keys.value("order"), settings, report);
  }
  if (const auto order = keys.value("order")) fail(*order, "order: goes with lengths=FILE");
  workloads::IndependentLengths lengths{workloads::FixedLength{settings.prompt_tokens},
                                        workloads::FixedLength{settings.output_tokens}};
  const auto read = [](std::string_view key, std::string_view text) {
    return parsed(key, text, [&] {
      const LengthDistribution length = length_of(text);
      workloads::validate(length);
      return length;
    });
  };
  if (prompt) lengths.prompt = read("prompt", *prompt);
  if (output) lengths.output = read("output", *output);
  return lengths;
}

/// Says what else could have been meant where a text names no file.
void check_is_file(std::string_view text, const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::exists(folder / text, ignored)) return;
  const std::string_view name = text.substr(0, text.find(':'));
  if (name.size() == text.size() && kind_named(name) == nullptr) return;  // the reader says it
  if (name.find_first_of("./\\") != name.npos) return;
  const std::vector<std::string> names = {"poisson", "gamma", "uniform", "ramp", "closed"};
  throw std::invalid_argument(
      fmt::format("no such file, and no arrivals: {}{} allowed: {}", in_quotes(text),
                  did_you_mean(name, names).empty() ? ";" : did_you_mean(name, names), kAllowed));
}

LoadedTraffic loaded_trace(std::string_view text, const TrafficSettings& settings,
                           NoArrivals without) {
  check_is_file(text, settings.folder);
  Trace trace = read_trace(settings.folder / text, settings.trace);
  if (!trace.has_arrivals && without == NoArrivals::kRefused) {
    throw ConfigError({std::string(text), 0, 0, {}},
                      fmt::format("has lengths but no arrivals; say how requests arrive: "
                                  "poisson:4/s,lengths={}",
                                  text));
  }
  return {std::move(trace.traffic), trace.has_arrivals, std::move(trace.report),
          std::move(trace.measured)};
}

TrafficPlan plan_of_parts(std::string_view text, const TrafficSettings& settings,
                          std::optional<TraceReport>& report) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const Kind* kind = kind_named(text.substr(0, colon));
  if (kind == nullptr || colon == text.size()) {
    throw std::invalid_argument(fmt::format("allowed: {}; got {}", kAllowed, in_quotes(text)));
  }
  const auto parts = parts_of(text.substr(colon + 1));
  const Keys keys(*kind, parts);
  TrafficPlan plan{std::string(text), {}, lengths_of(keys, settings, report)};
  plan.arrivals = parsed(kind->name, parts.front(), [&] {
    const Arrivals arrivals = arrivals_of(*kind, parts.front(), keys);
    workloads::validate(arrivals);
    return arrivals;
  });
  return plan;
}

TrafficPlan plan_of(std::string_view text, const TrafficSettings& settings,
                    std::optional<TraceReport>& report) {
  try {
    return plan_of_parts(text, settings, report);
  } catch (const WrongPart& error) {
    throw std::invalid_argument(fmt::format("at character {} of {}: {}",
                                            error.part().data() - text.data() + 1, in_quotes(text),
                                            error.what()));
  }
}

LoadedTraffic made_up(std::string_view text, const TrafficSettings& settings) {
  LoadedTraffic loaded;
  const TrafficPlan plan = plan_of(text, settings, loaded.report);
  loaded.traffic = workloads::generate_traffic(
      plan, settings.trace.requests.value_or(kUsualRequests), settings.seed);
  workloads::cut_time(loaded.traffic, settings.trace.from, settings.trace.to);
  if (!loaded.traffic.requests.empty()) return loaded;
  throw std::invalid_argument("no request arrives between --from and --to");
}

}  // namespace

bool is_made_up(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != text.npos && kind_named(text.substr(0, colon)) != nullptr;
}

TrafficPlan parse_traffic_plan(std::string_view text, const TrafficSettings& settings) {
  std::optional<TraceReport> ignored;
  return plan_of(text, settings, ignored);
}

LoadedTraffic load_traffic(std::string_view text, const TrafficSettings& settings,
                           NoArrivals without) {
  try {
    LoadedTraffic loaded =
        is_made_up(text) ? made_up(text, settings) : loaded_trace(text, settings, without);
    loaded.traffic.seed = settings.seed;
    workloads::scale_lengths(loaded.traffic, settings.prompt_scale, settings.output_scale);
    workloads::scale_rate(loaded.traffic, settings.rate_scale);
    return loaded;
  } catch (const std::out_of_range&) {
    throw std::invalid_argument(
        fmt::format("{}: a request would arrive beyond the clock's 106 days", text));
  }
}

}  // namespace rigsim::configs
