#include "workloads/serving/front_end.h"

#include <algorithm>

namespace rigsim::workloads {
namespace {

/// The outputs of one replica on their way to the users.
class OutputQueue {
 public:
  explicit OutputQueue(Ticks per_token) : per_token_(per_token) {}

  /// Steps ended. Those of several batches in a pipeline come batch by batch: they wait for a step
  /// that ends behind all of them.
  void add(const StepRecord& s) {
    if (s.start + s.first >= latest_) pass_all();
    latest_ = std::max(latest_, s.start + s.duration());
    waiting_.push_back({s.start, s.first, s.slope, s.steps, per_token_ * (s.decodes + s.chunks)});
  }

  /// The way of the last step's tokens, from its end, once the front end has done with the steps.
  Ticks delay() {
    pass_all();
    return delay_;
  }

 private:
  struct Run {
    Ticks start = 0;
    Ticks first = 0;
    Ticks slope = 0;
    std::int64_t steps = 0;
    Ticks work = 0;  // for the tokens of one step

    [[nodiscard]] Ticks first_end() const { return start + first; }
    /// Without its first step.
    [[nodiscard]] Run rest() const { return {first_end(), first + slope, slope, steps - 1, work}; }
  };

  void pass_all() {
    if (waiting_.size() == 1) {
      pass(waiting_.front());
      waiting_.clear();
    }
    while (!waiting_.empty()) {  // in the order of their ends
      const auto next = std::ranges::min_element(waiting_, {}, &Run::first_end);
      pass({next->start, next->first, 0, 1, next->work});
      *next = next->rest();
      if (next->steps == 0) waiting_.erase(next);
    }
  }

  void pass(const Run& s) {
    Ticks end = s.start;
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const Ticks duration = s.first + s.slope * i;
      // Nothing waits, steps do not get shorter and outlast their outputs: so do all that follow.
      if (s.slope >= 0 && free_ <= end + duration && s.work <= duration) {
        end = s.start + series(s.first, s.slope, s.steps);
        free_ = end + s.work;
        break;
      }
      end += duration;
      free_ = std::max(free_, end) + s.work;
    }
    delay_ = free_ - end;
  }

  Ticks per_token_;
  std::vector<Run> waiting_;
  Ticks latest_ = 0;  // end of those that came
  Ticks free_ = 0;    // when the front end has done with all that passed
  Ticks delay_ = 0;
};

sim::Duration tokenising(const FrontEnd& front, const TrafficRequest& request) {
  return sim::from_seconds(front.tokenize_us * 1e-6) * request.prompt_tokens;
}

class BehindFrontEnd final : public ServingObserver {
 public:
  BehindFrontEnd(const FrontEnd& front, const Traffic& traffic, std::int32_t replicas,
                 ServingObserver& next)
      : front_(front),
        traffic_(traffic),
        next_(next),
        queues_(static_cast<std::size_t>(std::max(replicas, 1)),
                OutputQueue(ticks_of_seconds(front.output_us * 1e-6))),
        first_delays_(traffic.requests.size()),
        ended_(traffic.requests.size()) {}

  /// The traffic as the engine sees it.
  [[nodiscard]] Traffic tokenised() const {
    Traffic shifted = traffic_;
    if (traffic_.closed_loop) return shifted;
    const std::vector<sim::Time> arrivals = engine_arrivals(front_, traffic_);
    for (std::size_t i = 0; i < arrivals.size(); ++i) shifted.requests[i].arrival = arrivals[i];
    return shifted;
  }

  void steps_executed(const StepRecord& steps) override {
    OutputQueue& queue = queues_[steps.replica];
    queue.add(steps);
    if (!firsts_.empty()) {
      const sim::Duration delay = to_duration(queue.delay());
      for (const std::uint32_t request : firsts_) first_delays_[request] = delay;
      firsts_.clear();
    }
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
  [[nodiscard]] RequestRecord seen_by_user(std::uint32_t request, RequestRecord record) {
    const bool closed = traffic_.closed_loop.has_value();
    const sim::Duration later =
        closed ? tokenising(front_, traffic_.requests[request]) : sim::Duration::zero();
    if (!closed) record.arrival = traffic_.requests[request].arrival;
    if (record.outcome != RequestOutcome::kFinished) return record;
    record.first_token += later + first_delays_[request];
    record.finished += later + to_duration(queues_[record.replica].delay());
    return record;
  }

  const FrontEnd& front_;
  const Traffic& traffic_;
  ServingObserver& next_;
  std::vector<OutputQueue> queues_;
  std::vector<sim::Duration> first_delays_;
  std::vector<RequestRecord> ended_;
  std::vector<std::uint32_t> firsts_;  // of the step that ends
};

}  // namespace

std::vector<sim::Time> engine_arrivals(const FrontEnd& front, const Traffic& traffic) {
  std::vector<sim::Time> arrivals;
  sim::Time free{};
  for (const TrafficRequest& request : traffic.requests) {
    free = std::max(free, request.arrival) + tokenising(front, request);
    arrivals.push_back(free);
  }
  return arrivals;
}

std::vector<RequestRecord> serve_behind(const FrontEnd& front, const Traffic& traffic,
                                        const ServerConfig& config,
                                        std::span<const Station> stations,
                                        ServingObserver& observer) {
  if (!front.any()) return serve(traffic, config, stations, observer);
  BehindFrontEnd behind(front, traffic, config.replicas, observer);
  auto records = serve(behind.tokenised(), config, stations, behind);
  return std::move(behind).records(std::move(records));
}

}  // namespace rigsim::workloads
