#include "workloads/serving/server.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "workloads/serving/host_tier_rules.h"
#include "workloads/serving/lock_step.h"

namespace rigsim::workloads {
namespace {

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

}  // namespace

void validate(const ServerConfig& config) {
  if (config.replicas < 1)
    throw std::invalid_argument("replicas must be >= 1, got " + std::to_string(config.replicas));
  if (config.in_flight < 1)
    throw std::invalid_argument("in_flight must be >= 1, got " + std::to_string(config.in_flight));
  if (config.limits.host_blocks > 0) {
    require_host_tier({config.batching, config.limits.prefix_caching, config.in_flight > 1,
                       config.kv_links.has_value()});
  }
  if (config.limits.speculation.on()) {
    require_speculation(config.batching);
    if (config.in_flight > 1 || config.kv_links || config.limits.host_blocks > 0)
      throw std::invalid_argument(
          "speculative decoding is modelled on replicas of one stage that compute prompts and "
          "answers, without host memory behind the prefix cache");
  }
  if (!config.kv_links) return;
  const KvLinks& links = *config.kv_links;
  if (links.prefill_replicas < 1 || links.decode_replicas < 1 ||
      links.prefill_replicas + links.decode_replicas != config.replicas) {
    throw std::invalid_argument("of " + std::to_string(config.replicas) +
                                " replicas at least one must compute prompts and one decode, got " +
                                std::to_string(links.prefill_replicas) + " and " +
                                std::to_string(links.decode_replicas));
  }
  require_prompt_pools(config.batching);
}

namespace {

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
        records_(traffic.requests.size()),
        router_(config.routing),
        // No prefixes are known there.
        decode_router_(config.routing == Routing::kRoundRobin ? Routing::kRoundRobin
                                                              : Routing::kLeastOutstanding) {
    validate(config);
    if (!stations.empty() && stations.front().joint != nullptr) check_lock_step(config, stations);
    if (stations.empty() || stations.back().kind == StationKind::kDelay)
      throw std::invalid_argument("a replica's stations end with one that is not a delay");
    if (!stations.front().stages.empty() && (stations.size() > 1 || config.in_flight > 1))
      throw std::invalid_argument("stages that compute one step together are passed alone");
    if (config.kv_links) transfers_.emplace(*config.kv_links);
    BatchLimits limits = config.limits;
    limits.speculation.seed = traffic.seed;
    for (std::int32_t i = 0; i < config.replicas; ++i)
      replicas_.emplace_back(static_cast<std::uint32_t>(i), limits, config.batching, stations,
                             config.in_flight, records_, observer, config.mode,
                             to_ticks(config.first_step), role_of(i));
    if (JointStepCost* joint = stations.front().joint)
      lock_step_.emplace(replicas_, *joint, to_ticks(config.first_step));
    prefilled_by_.resize(config.kv_links ? traffic.requests.size() : 0);
    decoded_by_ = prefilled_by_;
  }

  std::vector<RequestRecord> run() && {
    for (;;) {
      const auto arrival = arrivals_.next();
      const auto landing = transfers_ ? transfers_->next() : std::nullopt;
      const auto first = earliest();
      if (!arrival && !landing && !first) break;
      const auto is_next = [&](std::optional<Ticks> event) {
        return event && (!first || *event <= first->first);
      };
      if (is_next(arrival) && (!landing || *arrival <= *landing)) {
        arrive_at(*arrival);
      } else if (is_next(landing)) {
        land(*landing);
      } else {
        advance(first->second, arrival, landing);
      }
    }
    return std::move(records_);
  }

 private:
  static constexpr Ticks kForever = Ticks{1} << 120;

  static void check_lock_step(const ServerConfig& config, std::span<const Station> stations) {
    if (config.kv_links || config.in_flight != 1 || stations.size() != 1)
      throw std::invalid_argument(
          "replicas in lock step have one station, one step on its way and "
          "no KV caches to pass on");
    const auto* v0 = std::get_if<VllmV0Batching>(&config.batching);
    const bool swaps = v0 != nullptr && v0->swap;
    if (config.limits.host_blocks > 0 || swaps || config.limits.speculation.on())
      throw std::invalid_argument(
          "neither host memory for KV blocks nor speculative decoding is modelled on replicas in "
          "lock step");
  }

  /// The next step to end, and whose it is; ties to the lowest number.
  [[nodiscard]] std::optional<std::pair<Ticks, std::size_t>> earliest() const {
    std::optional<std::pair<Ticks, std::size_t>> first;
    if (lock_step_) {
      if (const auto end = lock_step_->next_end()) first = {*end, 0};
      return first;
    }
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      const auto end = replicas_[i].next_end();
      if (end && (!first || *end < first->first)) first = {*end, i};
    }
    return first;
  }

  [[nodiscard]] ReplicaRole role_of(std::int32_t replica) const {
    if (!config_.kv_links) return ReplicaRole::kBoth;
    return replica < config_.kv_links->prefill_replicas ? ReplicaRole::kPrefill
                                                        : ReplicaRole::kDecode;
  }

  /// All replicas that are in lock step.
  void advance_together(std::optional<Ticks> arrival) {
    const Ticks ends = *lock_step_->next_end();
    const auto& done = lock_step_->advance(arrival.value_or(kForever));
    for (std::size_t i = 0; i < done.size(); ++i) arrivals_.answered(ends);
  }

  void advance(std::size_t index, std::optional<Ticks> arrival, std::optional<Ticks> landing) {
    if (lock_step_) {
      advance_together(arrival);
      return;
    }
    Replica& replica = replicas_[index];
    const Ticks ends = *replica.next_end();
    const auto& done = replica.advance(limit(replica, arrival, landing));
    if (replica.role() == ReplicaRole::kPrefill) {
      for (const std::uint32_t request : done) hand_over(request, index, ends);
    } else {
      for (std::size_t i = 0; i < done.size(); ++i) arrivals_.answered(ends);
    }
    fetch(index, ends);
  }

  /// What the replica must not run beyond: the next arrival and the next KV cache that is there;
  /// the next end of another's step where that may bring a request: through the answer to a user
  /// who waits, or as a prompt that is done, also one that waits for the blocks of a KV cache that
  /// another replica asks for.
  [[nodiscard]] Ticks limit(const Replica& replica, std::optional<Ticks> arrival,
                            std::optional<Ticks> landing) const {
    Ticks result = std::min(arrival.value_or(kForever), landing.value_or(kForever));
    if (!arrivals_.answers_matter() && !transfers_) return result;
    for (const Replica& other : replicas_) {
      if (&other != &replica) result = std::min(result, other.next_end().value_or(result));
    }
    return result;
  }

  /// The prompt of a request is done.
  void hand_over(std::uint32_t request, std::size_t prefill, Ticks now) {
    const TrafficRequest& what = traffic_.requests[request];
    const std::size_t decode = entrance().size() + decode_router_.choose(decoders(), what, {});
    prefilled_by_[request] = static_cast<std::int32_t>(prefill);
    decoded_by_[request] = static_cast<std::int32_t>(decode);
    replicas_[decode].expect(request, what);
    replicas_[decode].wake(now);
    fetch(decode, now);
  }

  /// Starts the transfers for which a replica has made room.
  void fetch(std::size_t decode, Ticks now) {
    for (const std::uint32_t request : replicas_[decode].take_fetches()) {
      const std::int64_t block = config_.limits.kv_block_tokens;
      const std::int64_t prompt = traffic_.requests[request].prompt_tokens;
      transfers_->start(request, prefilled_by_[request],
                        static_cast<std::int32_t>(decode) - config_.kv_links->prefill_replicas,
                        (prompt + block - 1) / block * block, now);
    }
  }

  /// KV caches are there.
  void land(Ticks now) {
    for (const std::uint32_t request : transfers_->advance(now)) {
      records_[request].kv_there = to_time(now);
      Replica& prefill = replicas_[static_cast<std::size_t>(prefilled_by_[request])];
      prefill.let_go(request);
      prefill.wake(now);
      const auto decode = static_cast<std::size_t>(decoded_by_[request]);
      replicas_[decode].fetched(request);
      replicas_[decode].wake(now);
      fetch(decode, now);
    }
  }

  /// All that comes at `now` is there before a replica that idles starts on it.
  void arrive_at(Ticks now) {
    while (arrivals_.next() == now) arrive(arrivals_.take(), now);
    if (lock_step_) {
      lock_step_->wake(now);
      return;
    }
    for (Replica& replica : replicas_) replica.wake(now);
  }

  void arrive(std::uint32_t request, Ticks now) {
    const TrafficRequest& what = traffic_.requests[request];
    RequestRecord& record = records_[request];
    record.arrival = to_time(now);
    const bool fits_context =
        config_.max_context == 0 || what.prompt_tokens + what.output_tokens <= config_.max_context;
    if (!fits_context || !replicas_.front().can_run(what) || !replicas_.back().can_run(what)) {
      record.outcome = RequestOutcome::kTooLong;
      observer_.request_ended(request, record);
      arrivals_.answered(now);
      return;
    }
    const Prefix prefix{std::span(traffic_.prefix_hashes).subspan(what.first_hash, what.hash_count),
                        traffic_.hash_block_tokens};
    replicas_[router_.choose(entrance(), what, prefix)].arrive(request, what, prefix);
  }

  /// Where requests come in, and where those go on whose prompts are done.
  [[nodiscard]] Router::Pool entrance() const {
    const std::int32_t prefill =
        config_.kv_links ? config_.kv_links->prefill_replicas : config_.replicas;
    return {replicas_.begin(), replicas_.begin() + prefill};
  }
  [[nodiscard]] Router::Pool decoders() const { return {entrance().end(), replicas_.end()}; }

  const Traffic& traffic_;
  const ServerConfig& config_;
  ServingObserver& observer_;
  Arrivals arrivals_;
  std::vector<RequestRecord> records_;
  std::deque<Replica> replicas_;
  std::optional<LockStep> lock_step_;
  Router router_;
  // With kv_links.
  std::optional<KvTransfers> transfers_;
  Router decode_router_;
  std::vector<std::int32_t> prefilled_by_;  // by request
  std::vector<std::int32_t> decoded_by_;    // by request
};

}  // namespace

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
