#include "workloads/serving/front_end.h"

#include <algorithm>

namespace rigsim::workloads {
namespace {

/// The outputs of one replica on their way to the users.
class OutputQueue {
 public:
  /// The way of the last step's tokens, from its end, once the front end has done with the steps.
  Ticks pass(const StepRecord& s, Ticks per_token) {
    const Ticks work = per_token * (s.decodes + s.chunks);
    Ticks end = s.start;
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const Ticks duration = s.first + s.slope * i;
      // Nothing waits, steps do not get shorter and outlast their outputs: so do all that follow.
      if (s.slope >= 0 && free_ <= end + duration && work <= duration) {
        end = s.start + s.duration();
        free_ = end + work;
        break;
      }
      end += duration;
      free_ = std::max(free_, end) + work;
    }
    return free_ - end;
  }

 private:
  Ticks free_ = 0;  // when the front end has done with all so far
};

class BehindFrontEnd final : public ServingObserver {
 public:
  BehindFrontEnd(const FrontEnd& front, const Traffic& traffic, std::int32_t replicas,
                 ServingObserver& next)
      : per_token_(ticks_of_seconds(front.output_us * 1e-6)),
        per_prompt_token_(sim::from_seconds(front.tokenize_us * 1e-6)),
        traffic_(traffic),
        next_(next),
        queues_(static_cast<std::size_t>(std::max(replicas, 1))),
        first_delays_(traffic.requests.size()),
        ended_(traffic.requests.size()) {}

  /// The traffic as the engine sees it.
  [[nodiscard]] Traffic tokenised() const {
    Traffic shifted = traffic_;
    if (traffic_.closed_loop) return shifted;
    sim::Time free{};
    for (TrafficRequest& request : shifted.requests) {
      free = std::max(free, request.arrival) + tokenising(request);
      request.arrival = free;
    }
    return shifted;
  }

  void steps_executed(const StepRecord& steps) override {
    const Ticks delay = queues_[steps.replica].pass(steps, per_token_);
    delay_ = to_duration(delay);
    for (const std::uint32_t request : firsts_) first_delays_[request] = delay_;
    firsts_.clear();
    next_.steps_executed(steps);
  }
  void gaps_seen(const GapRun& gaps) override { next_.gaps_seen(gaps); }
  void token_out(std::uint32_t request, Ticks now, bool first) override {
    if (first) firsts_.push_back(request);
    next_.token_out(request, now, first);
  }
  [[nodiscard]] bool wants_tokens() const override { return next_.wants_tokens(); }
  void request_ended(std::uint32_t request, const RequestRecord& record) override {
    ended_[request] = seen_by_user(request, record);
    next_.request_ended(request, ended_[request]);
  }

  [[nodiscard]] std::vector<RequestRecord> records(std::vector<RequestRecord> of_engine) && {
    for (std::size_t i = 0; i < of_engine.size(); ++i) {
      if (of_engine[i].outcome != RequestOutcome::kUnserved) of_engine[i] = ended_[i];
    }
    return of_engine;
  }

 private:
  [[nodiscard]] sim::Duration tokenising(const TrafficRequest& request) const {
    return per_prompt_token_ * request.prompt_tokens;
  }

  [[nodiscard]] RequestRecord seen_by_user(std::uint32_t request, RequestRecord record) const {
    const bool closed = traffic_.closed_loop.has_value();
    const sim::Duration later =
        closed ? tokenising(traffic_.requests[request]) : sim::Duration::zero();
    if (!closed) record.arrival = traffic_.requests[request].arrival;
    if (record.outcome != RequestOutcome::kFinished) return record;
    record.first_token += later + first_delays_[request];
    record.finished += later + delay_;
    return record;
  }

  Ticks per_token_;
  sim::Duration per_prompt_token_;
  const Traffic& traffic_;
  ServingObserver& next_;
  std::vector<OutputQueue> queues_;
  std::vector<sim::Duration> first_delays_;
  std::vector<RequestRecord> ended_;
  std::vector<std::uint32_t> firsts_;  // of the step that ends
  sim::Duration delay_{};              // of the last step
};

}  // namespace

std::vector<RequestRecord> serve_behind(const FrontEnd& front, const Traffic& traffic,
                                        const ServerConfig& config, StepCost& cost,
                                        ServingObserver& observer) {
  if (!front.any()) return serve(traffic, config, cost, observer);
  BehindFrontEnd behind(front, traffic, config.replicas, observer);
  auto records = serve(behind.tokenised(), config, cost, behind);
  return std::move(behind).records(std::move(records));
}

}  // namespace rigsim::workloads
