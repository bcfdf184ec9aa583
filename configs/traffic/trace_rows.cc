#include "configs/traffic/trace_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace rigsim::configs {
namespace {

constexpr std::size_t kExamples = 3;
constexpr std::string_view kOffer = "; --skip-bad leaves such rows out";
constexpr std::int64_t kPsPerNs = 1000;
constexpr std::int64_t kLatestNs = 9'200'000'000'000'000;  ///< the clock's 106 days

template <class T>
void reorder(std::vector<T>& values, const std::vector<std::uint32_t>& order) {
  if (values.empty()) return;
  std::vector<T> out;
  out.reserve(values.size());
  for (const std::uint32_t i : order) out.push_back(values[i]);
  values = std::move(out);
}

}  // namespace

TraceRows::TraceRows(const std::string& file, const TraceForm& form, const TraceOptions& options)
    : file_(file), form_(form), options_(options) {
  report_.form = form.name;
  traffic_.source = file;
  traffic_.hash_block_tokens = form.hash_block_tokens;
}

void TraceRows::refuse(const ConfigError& error) const {
  throw ConfigError(error.place(), error.message() + std::string(kOffer));
}

void TraceRows::refuse(const UnreadableInput& error) const {
  const std::string what = error.what();
  throw UnreadableInput(error.file(), what.substr(error.file().size() + 2) + std::string(kOffer));
}

void TraceRows::count_bad(const std::exception& error, std::size_t hashes) {
  traffic_.prefix_hashes.resize(hashes);
  if (report_.bad++ < static_cast<std::int64_t>(kExamples)) {
    report_.bad_examples.emplace_back(error.what());
  }
}

void TraceRows::check_order(std::int64_t ns, const RowPlace& place) {
  if (arrivals_ns_.empty() || ns >= arrivals_ns_.back()) return;
  if (!options_.sort) {
    throw ConfigError({place.file, place.line, 0, std::string(form_.time_key)},
                      fmt::format("must not be before the row above it, is {} s earlier; --sort "
                                  "puts rows in the order of time",
                                  static_cast<double>(arrivals_ns_.back() - ns) * 1e-9));
  }
  ++report_.out_of_order;
}

void TraceRows::take(const TraceRow& row, const RowPlace& place) {
  const auto& requests = traffic_.requests;
  auto& hashes = traffic_.prefix_hashes;
  const std::size_t before =
      requests.empty() ? 0 : requests.back().first_hash + requests.back().hash_count;
  if (row.output_tokens == 0) {
    ++report_.unanswered;
    hashes.resize(before);
    return;
  }
  if (form_.has_arrivals) check_order(row.arrival_ns, place);
  if (hashes.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw ConfigError({place.file, place.line, 0, {}}, "more than 2^32 prefix hashes up to here");
  }
  workloads::TrafficRequest request;
  request.prompt_tokens = row.prompt_tokens;
  request.output_tokens = row.output_tokens;
  request.priority = row.priority;
  request.first_hash = static_cast<std::uint32_t>(before);
  request.hash_count = static_cast<std::uint32_t>(hashes.size() - before);
  traffic_.requests.push_back(request);
  arrivals_ns_.push_back(row.arrival_ns);
  if (row.measured) measured_.push_back(*row.measured);
}

void TraceRows::sort() {
  if (report_.out_of_order == 0) return;
  std::vector<std::uint32_t> order(arrivals_ns_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return arrivals_ns_[a] != arrivals_ns_[b] ? arrivals_ns_[a] < arrivals_ns_[b] : a < b;
  });
  reorder(traffic_.requests, order);
  reorder(measured_, order);
  reorder(arrivals_ns_, order);
}

void TraceRows::spread() {
  std::int64_t tick = 0;
  for (std::size_t i = 1; i < arrivals_ns_.size(); ++i) {
    tick = std::gcd(tick, arrivals_ns_[i] - arrivals_ns_[i - 1]);
  }
  for (std::size_t begin = 0, end = 0; begin < arrivals_ns_.size(); begin = end) {
    const std::int64_t stamp = arrivals_ns_[begin];
    while (end < arrivals_ns_.size() && arrivals_ns_[end] == stamp) ++end;
    const double share = static_cast<double>(tick) / static_cast<double>(end - begin);
    for (std::size_t i = begin; i < end; ++i) {
      arrivals_ns_[i] = stamp + static_cast<std::int64_t>(share * static_cast<double>(i - begin));
    }
  }
}

void TraceRows::keep_range(std::size_t begin, std::size_t end) {
  const auto keep = [&](auto& all) {
    if (all.empty()) return;
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(end), all.end());
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(begin));
  };
  keep(traffic_.requests);
  keep(arrivals_ns_);
  keep(measured_);
}

void TraceRows::cut() {
  std::size_t begin = 0;
  std::size_t end = arrivals_ns_.size();
  if (form_.has_arrivals && end > 0) {
    const auto at = [&](sim::Duration offset) {
      const std::int64_t first = arrivals_ns_.front();
      const auto found = std::lower_bound(arrivals_ns_.begin(), arrivals_ns_.end(), offset,
                                          [&](std::int64_t ns, sim::Duration wanted) {
                                            return ns - first < kLatestNs &&
                                                   sim::Duration((ns - first) * kPsPerNs) < wanted;
                                          });
      return static_cast<std::size_t>(found - arrivals_ns_.begin());
    };
    if (options_.to) end = at(*options_.to);
    if (options_.from) begin = std::min(end, at(*options_.from));
  }
  if (options_.requests) {
    end = std::min(end, begin + static_cast<std::size_t>(*options_.requests));
  }
  keep_range(begin, end);
}

void TraceRows::set_arrivals() {
  const std::int64_t first = arrivals_ns_.front();
  if (arrivals_ns_.back() - first >= kLatestNs) {
    throw ConfigError({file_, 0, 0, std::string(form_.time_key)},
                      fmt::format("the trace spans {:.1f} days, the clock holds 106; keep a part "
                                  "with --from and --to",
                                  static_cast<double>(arrivals_ns_.back() - first) / 86400e9));
  }
  for (std::size_t i = 0; i < arrivals_ns_.size(); ++i) {
    traffic_.requests[i].arrival = sim::Time(sim::Duration((arrivals_ns_[i] - first) * kPsPerNs));
    if (i > 0 && arrivals_ns_[i] == arrivals_ns_[i - 1]) ++report_.same_time;
  }
}

Trace TraceRows::finish() && {
  const std::size_t read = traffic_.requests.size();
  if (form_.has_arrivals) {
    sort();
    if (options_.spread) spread();
  }
  cut();
  if (traffic_.requests.empty()) {
    const std::string why =
        read > 0 ? fmt::format("none of its {} requests is left after the cut", read)
                 : fmt::format("has no request: {} rows, {} bad, {} without an answer",
                               report_.rows, report_.bad, report_.unanswered);
    throw ConfigError({file_, 0, 0, {}}, why);
  }
  if (form_.has_arrivals) set_arrivals();
  return {std::move(traffic_), form_.has_arrivals, std::move(report_), std::move(measured_)};
}

}  // namespace rigsim::configs
