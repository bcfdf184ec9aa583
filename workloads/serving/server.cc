#include "workloads/serving/server.h"

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace rigsim::workloads {
namespace {

constexpr std::array<std::string_view, 3> kRoutings{"round-robin", "least-outstanding",
                                                    "prefix-aware"};

[[noreturn]] void refuse(std::size_t request, const std::string& what) {
  throw std::invalid_argument("request " + std::to_string(request) + ": " + what);
}

void check(const Traffic& traffic) {
  sim::Time last{};
  for (std::size_t i = 0; i < traffic.requests.size(); ++i) {
    const TrafficRequest& request = traffic.requests[i];
    if (request.prompt_tokens < 1)
      refuse(i, "prompt tokens must be >= 1, got " + std::to_string(request.prompt_tokens));
    if (request.output_tokens < 1)
      refuse(i, "output tokens must be >= 1, got " + std::to_string(request.output_tokens));
    if (traffic.closed_loop) continue;
    if (request.arrival < last) refuse(i, "arrives before the one in front of it");
    last = request.arrival;
  }
}

/// When requests come: as they are listed, or where users wait for answers, some time after these.
class Arrivals {
 public:
  explicit Arrivals(const Traffic& traffic) : traffic_(traffic) {
    if (!traffic.closed_loop) return;
    const auto users =
        static_cast<std::size_t>(std::max<std::int64_t>(traffic.closed_loop->users, 1));
    for (; next_ < std::min(users, traffic.requests.size()); ++next_)
      due_.emplace(0, static_cast<std::uint32_t>(next_));
  }

  [[nodiscard]] std::optional<Ticks> next() const {
    if (traffic_.closed_loop) {
      return due_.empty() ? std::nullopt : std::optional(due_.top().first);
    }
    if (next_ >= traffic_.requests.size()) return std::nullopt;
    return to_ticks(traffic_.requests[next_].arrival);
  }
  std::uint32_t take() {
    if (!traffic_.closed_loop) return static_cast<std::uint32_t>(next_++);
    const std::uint32_t request = due_.top().second;
    due_.pop();
    return request;
  }
  /// A user has the answer at `now`.
  void answered(Ticks now) {
    if (!traffic_.closed_loop || next_ >= traffic_.requests.size()) return;
    const auto& think = traffic_.closed_loop->think;
    const Ticks pause = next_ < think.size() ? to_ticks(think[next_]) : 0;
    due_.emplace(now + pause, static_cast<std::uint32_t>(next_++));
  }
  [[nodiscard]] bool answers_matter() const { return traffic_.closed_loop.has_value(); }

 private:
  using Due = std::pair<Ticks, std::uint32_t>;

  const Traffic& traffic_;
  std::size_t next_ = 0;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

class Server {
 public:
  Server(const Traffic& traffic, const ServerConfig& config, std::span<const Station> stations,
         ServingObserver& observer)
      : traffic_(traffic),
        config_(config),
        observer_(observer),
        arrivals_(traffic),
        records_(traffic.requests.size()) {
    if (config.replicas < 1)
      throw std::invalid_argument("replicas must be >= 1, got " + std::to_string(config.replicas));
    if (config.in_flight < 1)
      throw std::invalid_argument("in_flight must be >= 1, got " +
                                  std::to_string(config.in_flight));
    if (stations.empty() || stations.back().kind == StationKind::kDelay)
      throw std::invalid_argument("a replica's stations end with one that is not a delay");
    for (std::int32_t i = 0; i < config.replicas; ++i)
      replicas_.emplace_back(static_cast<std::uint32_t>(i), config.limits, config.batching,
                             stations, config.in_flight, records_, observer, config.mode,
                             to_ticks(config.first_step));
  }

  std::vector<RequestRecord> run() && {
    for (;;) {
      const auto arrival = arrivals_.next();
      const auto first = earliest();
      if (!arrival && !first) break;
      if (arrival && (!first || *arrival <= first->first)) {
        arrive_at(*arrival);
      } else {
        advance(replicas_[first->second], arrival);
      }
    }
    return std::move(records_);
  }

 private:
  /// The next step to end, and whose it is; ties to the lowest number.
  [[nodiscard]] std::optional<std::pair<Ticks, std::size_t>> earliest() const {
    std::optional<std::pair<Ticks, std::size_t>> first;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      const auto end = replicas_[i].next_end();
      if (end && (!first || *end < first->first)) first = {*end, i};
    }
    return first;
  }

  void advance(Replica& replica, std::optional<Ticks> arrival) {
    const Ticks ends = *replica.next_end();
    const std::size_t answers = replica.advance(limit(replica, arrival)).size();
    for (std::size_t i = 0; i < answers; ++i) arrivals_.answered(ends);
  }

  /// What the replica must not run beyond: the next arrival; where answers bring new requests, the
  /// next end of another's step, too.
  [[nodiscard]] Ticks limit(const Replica& replica, std::optional<Ticks> arrival) const {
    constexpr Ticks kForever = Ticks{1} << 120;
    Ticks result = arrival.value_or(kForever);
    if (!arrivals_.answers_matter()) return result;
    for (const Replica& other : replicas_) {
      if (&other != &replica) result = std::min(result, other.next_end().value_or(result));
    }
    return result;
  }

  /// All that comes at `now` is there before a replica that idles starts on it.
  void arrive_at(Ticks now) {
    while (arrivals_.next() == now) arrive(arrivals_.take(), now);
    for (Replica& replica : replicas_) replica.wake(now);
  }

  void arrive(std::uint32_t request, Ticks now) {
    const TrafficRequest& what = traffic_.requests[request];
    RequestRecord& record = records_[request];
    record.arrival = to_time(now);
    const bool fits_context =
        config_.max_context == 0 || what.prompt_tokens + what.output_tokens <= config_.max_context;
    if (!fits_context || !replicas_.front().can_run(what)) {
      record.outcome = RequestOutcome::kTooLong;
      observer_.request_ended(request, record);
      arrivals_.answered(now);
      return;
    }
    const Prefix prefix{std::span(traffic_.prefix_hashes).subspan(what.first_hash, what.hash_count),
                        traffic_.hash_block_tokens};
    replicas_[route(what, prefix)].arrive(request, what, prefix);
  }

  std::size_t route(const TrafficRequest& what, Prefix prefix) {
    if (config_.routing == Routing::kRoundRobin) return routed_++ % replicas_.size();
    if (config_.routing == Routing::kPrefixAware && even()) {
      const auto cached = [&](const Replica& replica) {
        return replica.cached_tokens(what, prefix);
      };
      const auto best = std::ranges::max_element(replicas_, {}, cached);
      if (2 * cached(*best) >= what.prompt_tokens)
        return static_cast<std::size_t>(best - replicas_.begin());
    }
    return static_cast<std::size_t>(std::ranges::min_element(replicas_, {}, &Replica::outstanding) -
                                    replicas_.begin());
  }

  /// Whether no replica has so much more to do than another that prefixes must not count.
  [[nodiscard]] bool even() const {
    constexpr std::int64_t kUneven = 32;
    const auto [least, most] = std::ranges::minmax_element(replicas_, {}, &Replica::outstanding);
    return most->outstanding() - least->outstanding() <= kUneven;
  }

  const Traffic& traffic_;
  const ServerConfig& config_;
  ServingObserver& observer_;
  Arrivals arrivals_;
  std::vector<RequestRecord> records_;
  std::deque<Replica> replicas_;
  std::size_t routed_ = 0;
};

}  // namespace

std::string_view name_of(Routing routing) { return kRoutings[static_cast<std::size_t>(routing)]; }

Routing routing_named(std::string_view name) {
  std::string allowed;
  for (std::size_t i = 0; i < kRoutings.size(); ++i) {
    if (kRoutings[i] == name) return static_cast<Routing>(i);
    allowed += (i > 0 ? ", " : "") + std::string(kRoutings[i]);
  }
  throw std::invalid_argument("routing \"" + std::string(name) + "\" is not one of " + allowed);
}

std::vector<RequestRecord> serve(const Traffic& traffic, const ServerConfig& config,
                                 std::span<const Station> stations, ServingObserver& observer) {
  check(traffic);
  return Server(traffic, config, stations, observer).run();
}

std::vector<RequestRecord> serve(const Traffic& traffic, const ServerConfig& config, StepCost& cost,
                                 ServingObserver& observer) {
  const Station station{&cost};
  return serve(traffic, config, std::span(&station, 1), observer);
}

}  // namespace rigsim::workloads
