#include "workloads/serving/server.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/even_step_cost.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;
using test::CheckingObserver;
using test::EvenStepCost;

TrafficRequest request_at(sim::Duration arrival, std::int64_t prompt, std::int64_t output,
                          std::int32_t priority = 0) {
  TrafficRequest request;
  request.arrival = sim::Time(arrival);
  request.prompt_tokens = prompt;
  request.output_tokens = output;
  request.priority = priority;
  return request;
}

ServerConfig roomy() {
  ServerConfig config;
  config.limits.kv_blocks = 1'000;
  return config;
}

/// Every step takes 1 us.
std::vector<RequestRecord> serve_evenly(const Traffic& traffic, const ServerConfig& config) {
  EvenStepCost cost(1us);
  CheckingObserver observer(traffic, config);
  auto records = serve(traffic, config, cost, observer);
  observer.finish();
  return records;
}

std::string refusal(const Traffic& traffic, const ServerConfig& config) {
  try {
    serve_evenly(traffic, config);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

sim::Time at(sim::Duration duration) { return sim::Time(duration); }

// The second comes during the first's prompt, waits for its end and shares the next step.
TEST(Server, SeesWhatArrivesAtTheEndOfAStep) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 10, 3), request_at(500ns, 10, 2)};
  const auto records = serve_evenly(traffic, roomy());
  EXPECT_EQ(records[0].scheduled, at(0us));
  EXPECT_EQ(records[0].first_token, at(1us));
  EXPECT_EQ(records[0].finished, at(3us));
  EXPECT_EQ(records[1].arrival, at(500ns));
  EXPECT_EQ(records[1].scheduled, at(1us));
  EXPECT_EQ(records[1].first_token, at(2us));
  EXPECT_EQ(records[1].finished, at(3us));
}

// The step behind the one that runs is scheduled already: what arrives during the first is computed
// in the third.
TEST(Server, WithAsynchronousSchedulingSeesItAStepLater) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 10, 5), request_at(500ns, 10, 2)};
  ServerConfig config = roomy();
  config.limits.async_scheduling = true;
  const auto records = serve_evenly(traffic, config);
  EXPECT_EQ(records[0].finished, at(5us));
  EXPECT_EQ(records[1].scheduled, at(2us));
  EXPECT_EQ(records[1].first_token, at(3us));
  EXPECT_EQ(records[1].finished, at(4us));
}

// The first finishes at 2 us; by then the step that begins there is scheduled without the third.
TEST(Server, WithAsynchronousSchedulingFreesAPlaceAStepLater) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 10, 2), request_at(0us, 10, 10), request_at(0us, 10, 1)};
  ServerConfig config = roomy();
  config.limits.max_sequences = 2;
  EXPECT_EQ(serve_evenly(traffic, config)[2].scheduled, at(2us));
  config.limits.async_scheduling = true;
  EXPECT_EQ(serve_evenly(traffic, config)[2].scheduled, at(3us));
}

TEST(Server, TakesLongerForTheFirstStepOfEachReplica) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 1, 2), request_at(0us, 1, 2), request_at(10us, 1, 1)};
  ServerConfig config = roomy();
  config.replicas = 2;
  config.first_step = 5us;
  const auto records = serve_evenly(traffic, config);
  EXPECT_EQ(records[0].first_token, at(6us));
  EXPECT_EQ(records[1].first_token, at(6us));
  EXPECT_EQ(records[0].finished, at(7us));
  EXPECT_EQ(records[2].finished, at(11us));
}

TEST(Server, IdlesUntilSomethingArrives) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 1, 1), request_at(70us, 1, 2)};
  const auto records = serve_evenly(traffic, roomy());
  EXPECT_EQ(records[1].scheduled, at(70us));
  EXPECT_EQ(records[1].finished, at(72us));
}

TEST(Server, OfEqualPriorityTheFirstToArriveGoesFirst) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 1, 5), request_at(1us, 1, 1, 1), request_at(2us, 1, 1, 1),
                      request_at(3us, 1, 1, 0)};
  ServerConfig config = roomy();
  config.limits.max_sequences = 1;
  const auto in_order = serve_evenly(traffic, config);
  EXPECT_EQ(in_order[1].finished, at(6us));
  EXPECT_EQ(in_order[2].finished, at(7us));
  EXPECT_EQ(in_order[3].finished, at(8us));
  config.batching = VllmV1Batching{.by_priority = true};
  const auto by_priority = serve_evenly(traffic, config);
  EXPECT_EQ(by_priority[3].finished, at(6us));
  EXPECT_EQ(by_priority[1].finished, at(7us));
  EXPECT_EQ(by_priority[2].finished, at(8us));
}

std::vector<int> replicas_of(const std::vector<RequestRecord>& records) {
  std::vector<int> replicas;
  for (const RequestRecord& record : records) replicas.push_back(record.replica);
  return replicas;
}

TEST(Server, RoutesInTurns) {
  Traffic traffic;
  traffic.requests.assign(5, request_at(0us, 1, 1));
  ServerConfig config = roomy();
  config.replicas = 3;
  EXPECT_EQ(replicas_of(serve_evenly(traffic, config)), (std::vector{0, 1, 2, 0, 1}));
}

// The second replica's only request is done at 1 us, the first's two are not.
TEST(Server, RoutesToWhereTheFewestWaitOrRun) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 1, 9), request_at(0us, 1, 1), request_at(0us, 1, 9),
                      request_at(2us, 1, 9), request_at(2us, 1, 9), request_at(2us, 1, 9)};
  ServerConfig config = roomy();
  config.replicas = 2;
  config.routing = Routing::kLeastOutstanding;
  EXPECT_EQ(replicas_of(serve_evenly(traffic, config)), (std::vector{0, 1, 0, 1, 1, 0}));
}

// The third has the prefix of the second, 32 of its 40 tokens; the fourth 16 of them, less than
// half; the last has none that is known.
TEST(Server, RoutesToWhereThePrefixIsCached) {
  Traffic traffic;
  traffic.hash_block_tokens = 16;
  traffic.prefix_hashes = {1, 2, 3, 4, 3, 4, 3, 5, 8, 9};
  for (std::uint32_t i = 0; i < 5; ++i) {
    traffic.requests.push_back(request_at(2us * i, 40, i == 1 ? 50 : 2));
    traffic.requests.back().first_hash = 2 * i;
    traffic.requests.back().hash_count = 2;
  }
  ServerConfig config = roomy();
  config.replicas = 2;
  config.routing = Routing::kPrefixAware;
  traffic.requests[1].arrival = at(1us);
  const auto records = serve_evenly(traffic, config);
  EXPECT_EQ(replicas_of(records), (std::vector{0, 1, 1, 0, 0}));
  EXPECT_EQ(records[1].cached_tokens, 0);
  EXPECT_EQ(records[2].cached_tokens, 32);
  EXPECT_EQ(records[3].cached_tokens, 0);
  EXPECT_EQ(records[4].cached_tokens, 0);
}

// Two users: answers at 2 us, their next requests 3 us later, answers 2 us after that.
TEST(Server, InAClosedLoopUsersThinkBetweenRequests) {
  Traffic traffic;
  traffic.requests.assign(5, request_at(0us, 1, 2));
  traffic.closed_loop = ClosedLoop{2, std::vector<sim::Duration>(5, 3us)};
  const auto records = serve_evenly(traffic, roomy());
  EXPECT_EQ(records[0].finished, at(2us));
  EXPECT_EQ(records[1].finished, at(2us));
  EXPECT_EQ(records[2].arrival, at(5us));
  EXPECT_EQ(records[3].arrival, at(5us));
  EXPECT_EQ(records[3].finished, at(7us));
  EXPECT_EQ(records[4].arrival, at(10us));
  EXPECT_EQ(records[4].finished, at(12us));
}

// 4 blocks of 16 hold 64 tokens; the last one answered needs no place.
TEST(Server, TurnsAwayWhatCanNeverRunAndGoesOn) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 60, 6), request_at(0us, 60, 5), request_at(0us, 10, 1)};
  ServerConfig config = roomy();
  config.limits.kv_blocks = 4;
  const auto records = serve_evenly(traffic, config);
  EXPECT_EQ(records[0].outcome, RequestOutcome::kTooLong);
  EXPECT_EQ(records[1].outcome, RequestOutcome::kFinished);
  EXPECT_EQ(records[2].outcome, RequestOutcome::kFinished);
  config.max_context = 64;
  EXPECT_EQ(serve_evenly(traffic, config)[1].outcome, RequestOutcome::kTooLong);
  config.max_context = 65;
  EXPECT_EQ(serve_evenly(traffic, config)[1].outcome, RequestOutcome::kFinished);
}

// A whole prompt has to fit a step of V0; V1 and Sarathi cut it.
TEST(Server, TurnsAwayWhatAPolicyCannotRun) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 600, 2)};
  ServerConfig config = roomy();
  config.limits.step_tokens = 512;
  for (const Batching& batching : {Batching{VllmV1Batching{}}, Batching{SarathiBatching{}},
                                   Batching{OrcaBatching{}}, Batching{StaticBatching{}}}) {
    config.batching = batching;
    EXPECT_EQ(serve_evenly(traffic, config)[0].outcome, RequestOutcome::kFinished)
        << name_of(batching);
  }
  config.batching = VllmV0Batching{};
  EXPECT_EQ(serve_evenly(traffic, config)[0].outcome, RequestOutcome::kTooLong);
}

TEST(Server, AUserWhoIsTurnedAwaySendsTheNextRequest) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 100, 1), request_at(0us, 10, 1)};
  traffic.closed_loop = ClosedLoop{1, {0us, 4us}};
  ServerConfig config = roomy();
  config.limits.kv_blocks = 2;
  const auto records = serve_evenly(traffic, config);
  EXPECT_EQ(records[0].outcome, RequestOutcome::kTooLong);
  EXPECT_EQ(records[1].arrival, at(4us));
  EXPECT_EQ(records[1].finished, at(5us));
}

// A sequence that fills the whole cache: V0 and Sarathi want a free block for each token, and
// compute it anew for each where none is.
TEST(Server, FinishesASequenceThatFillsTheCache) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 60, 5)};
  for (const Batching& batching :
       {Batching{VllmV1Batching{}}, Batching{VllmV0Batching{}}, Batching{SarathiBatching{}}}) {
    ServerConfig config = roomy();
    config.batching = batching;
    config.limits.kv_blocks = 4;
    const auto records = serve_evenly(traffic, config);
    EXPECT_EQ(records[0].outcome, RequestOutcome::kFinished) << name_of(batching);
    EXPECT_EQ(records[0].finished, at(5us)) << name_of(batching);
    EXPECT_EQ(records[0].preemptions, std::holds_alternative<VllmV1Batching>(batching) ? 0U : 4U)
        << name_of(batching);
  }
}

TEST(Server, RefusesRequestsWithoutTokens) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 1, 1), request_at(0us, 0, 1)};
  EXPECT_EQ(refusal(traffic, roomy()), "request 1: prompt tokens must be >= 1, got 0");
  traffic.requests[1] = request_at(0us, 1, -3);
  EXPECT_EQ(refusal(traffic, roomy()), "request 1: output tokens must be >= 1, got -3");
}

TEST(Server, RefusesArrivalsOutOfOrder) {
  Traffic traffic;
  traffic.requests = {request_at(5us, 1, 1), request_at(4us, 1, 1)};
  EXPECT_EQ(refusal(traffic, roomy()), "request 1: arrives before the one in front of it");
  traffic.closed_loop = ClosedLoop{1, {}};
  EXPECT_EQ(refusal(traffic, roomy()), "");
}

TEST(Server, RefusesLimitsAndReplicasBelowOne) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 1, 1)};
  ServerConfig config = roomy();
  config.replicas = 0;
  EXPECT_EQ(refusal(traffic, config), "replicas must be >= 1, got 0");
  config = roomy();
  config.limits.max_sequences = 0;
  EXPECT_EQ(refusal(traffic, config), "max_sequences must be >= 1, got 0");
  config = roomy();
  config.limits.step_tokens = -1;
  EXPECT_EQ(refusal(traffic, config), "step_tokens must be >= 1, got -1");
  config = roomy();
  config.limits.kv_blocks = 0;
  EXPECT_EQ(refusal(traffic, config), "kv_blocks must be >= 1, got 0");
  config = roomy();
  config.limits.kv_block_tokens = 0;
  EXPECT_EQ(refusal(traffic, config), "kv_block_tokens must be >= 1, got 0");
}

TEST(Server, NamesItsRoutings) {
  for (const Routing routing :
       {Routing::kRoundRobin, Routing::kLeastOutstanding, Routing::kPrefixAware})
    EXPECT_EQ(routing_named(name_of(routing)), routing);
  try {
    static_cast<void>(routing_named("random"));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(
        e.what(),
        "routing \"random\" is not one of round-robin, least-outstanding, prefix-aware, vllm");
  }
}

TEST(Server, ServesNobody) { EXPECT_TRUE(serve_evenly(Traffic{}, roomy()).empty()); }

}  // namespace
}  // namespace rigsim::workloads
