// Several steps on their way through the stations of a replica.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <random>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/even_step_cost.h"
#include "tests/workloads/serving/toy_step_cost.h"
#include "workloads/serving/server.h"
#include "workloads/serving/steady_rounds.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;
using test::CheckingObserver;
using test::EvenStepCost;
using test::ToyStepCost;

sim::Time at(sim::Duration duration) { return sim::Time(duration); }

/// All there at the start.
Traffic traffic_of(std::initializer_list<std::array<std::int64_t, 2>> prompts_and_outputs) {
  Traffic traffic;
  for (const auto& [prompt, output] : prompts_and_outputs) {
    TrafficRequest request;
    request.prompt_tokens = prompt;
    request.output_tokens = output;
    traffic.requests.push_back(request);
  }
  return traffic;
}

ServerConfig config_of(std::int32_t in_flight, std::int64_t step_tokens) {
  ServerConfig config;
  config.limits.kv_blocks = 1'000;
  config.limits.step_tokens = step_tokens;
  config.in_flight = in_flight;
  return config;
}

struct Served {
  std::vector<RequestRecord> records;
  std::int64_t rows = 0;    ///< that its steps were run in
  std::vector<Ticks> busy;  ///< of the first replica: with steps on their way, then by stage
};

Served served(const Traffic& traffic, const ServerConfig& config,
              std::span<const Station> stations) {
  CheckingObserver observer(traffic, config);
  Served result;
  result.records = serve(traffic, config, stations, observer);
  observer.finish();
  result.rows = observer.rows;
  result.busy = observer.busy().front();
  return result;
}

// Each prompt fills a step; stages of 1 us. The first request's steps enter at 0, 2, 4 us, the
// second's at 1, 3, 5: no stage ever waits but when the pipeline fills and drains.
TEST(Pipeline, OfTwoEqualStagesIsFullWithTwoBatches) {
  EvenStepCost stage(1us);
  const std::array<Station, 2> stations{Station{&stage}, Station{&stage}};
  const Served two = served(traffic_of({{10, 50}, {10, 50}}), config_of(2, 10), stations);
  EXPECT_EQ(two.records[0].first_token, at(2us));
  EXPECT_EQ(two.records[0].finished, at(100us));
  EXPECT_EQ(two.records[1].scheduled, at(1us));
  EXPECT_EQ(two.records[1].first_token, at(3us));
  EXPECT_EQ(two.records[1].finished, at(101us));
  EXPECT_EQ(two.busy, (std::vector<Ticks>{to_ticks(101us), to_ticks(100us), to_ticks(100us)}));
}

// One batch is in one stage at a time: each stage idles half of the time.
TEST(Pipeline, OfTwoEqualStagesIsHalfEmptyWithOneBatch) {
  EvenStepCost stage(1us);
  const std::array<Station, 2> stations{Station{&stage}, Station{&stage}};
  const Served one = served(traffic_of({{10, 50}}), config_of(2, 10), stations);
  EXPECT_EQ(one.records[0].finished, at(100us));
  EXPECT_EQ(one.busy, (std::vector<Ticks>{to_ticks(100us), to_ticks(50us), to_ticks(50us)}));
}

// Both prompts in one step, and then both sequences: there is nothing for a second batch.
TEST(Pipeline, ASequenceIsInOneStepAtATime) {
  EvenStepCost stage(1us);
  const std::array<Station, 2> stations{Station{&stage}, Station{&stage}};
  const Served both = served(traffic_of({{10, 50}, {10, 50}}), config_of(2, 20), stations);
  EXPECT_EQ(both.records[0].finished, at(100us));
  EXPECT_EQ(both.records[1].finished, at(100us));
}

// Four chunks of one prompt follow each other through the stages: 4 + 1 us to the first token.
TEST(Pipeline, ChunksOfAPromptFollowEachOther) {
  EvenStepCost stage(1us);
  const std::array<Station, 2> stations{Station{&stage}, Station{&stage}};
  const Served chunks = served(traffic_of({{40, 1}}), config_of(2, 10), stations);
  EXPECT_EQ(chunks.records[0].first_token, at(5us));
}

// The slower stage of 2 us is always busy; a round of two batches takes 4 us, also where the copy
// between them (0.5 us) and the host (0.25 us) come on top of each step's way.
TEST(Pipeline, GoesAsFastAsItsSlowestStage) {
  EvenStepCost host(250ns);
  EvenStepCost fast(1us);
  EvenStepCost copy(500ns);
  EvenStepCost slow(2us);
  const std::array<Station, 4> stations{Station{&host, StationKind::kLine}, Station{&fast},
                                        Station{&copy, StationKind::kLine}, Station{&slow}};
  const Served two = served(traffic_of({{10, 50}, {10, 50}}), config_of(2, 10), stations);
  // First step: 0.25 + 1 + 0.5 + 2 us; the second enters the slow stage then.
  EXPECT_EQ(two.records[0].first_token, at(3'750ns));
  EXPECT_EQ(two.records[1].first_token, at(5'750ns));
  EXPECT_EQ(two.records[0].finished, at(3'750ns + 49 * 4us));
  EXPECT_EQ(two.busy[1], to_ticks(100us));
  EXPECT_EQ(two.busy[2], to_ticks(200us));
}

// vLLM 0.19's broadcast of sampled tokens: a stage waits for those of the step in front.
TEST(Pipeline, WithAsynchronousSchedulingStepsTakeTurns) {
  EvenStepCost stage(1us);
  const std::array<Station, 2> stations{Station{&stage}, Station{&stage}};
  ServerConfig config = config_of(2, 10);
  config.limits.async_scheduling = true;
  const Served two = served(traffic_of({{10, 50}, {10, 50}}), config, stations);
  EXPECT_EQ(two.records[0].first_token, at(2us));
  // 2 us a step: the first prompt; 9 tokens of the second, and its last one, beside the first's
  // decoding; 48 of both; one more.
  EXPECT_EQ(two.records[1].first_token, at(6us));
  EXPECT_EQ(two.records[0].finished, at(100us));
  EXPECT_EQ(two.records[1].finished, at(104us));
}

// Batches of 2, 1 and 1 sequences: until one ends, whole rounds at once.
TEST(Pipeline, IsLeptOverInRounds) {
  std::array<ToyStepCost, 3> costs;
  costs[1].step = costs[0].step / 20;  // a copy
  const std::array<Station, 3> stations{Station{&costs[0]}, Station{&costs[1], StationKind::kLine},
                                        Station{&costs[2]}};
  const Traffic traffic = traffic_of({{10, 9'000}, {10, 7'000}, {20, 8'000}, {20, 5'000}});
  ServerConfig config = config_of(3, 20);
  config.limits.kv_blocks = 3'000;
  const Served result = served(traffic, config, stations);
  EXPECT_LT(result.rows, 100);
}

TEST(Pipeline, RefusesNoStationsAndNothingInFlight) {
  EvenStepCost stage(1us);
  const Station station{&stage};
  const Traffic traffic = traffic_of({{10, 5}});
  EXPECT_THROW(served(traffic, config_of(0, 10), std::span(&station, 1)), std::invalid_argument);
  EXPECT_THROW(served(traffic, config_of(1, 10), {}), std::invalid_argument);
}

/// A pipeline without KV limits by its recurrence, station by station, for requests that are all
/// there at the start: in their order, a token of each that has none on its way, or what the budget
/// leaves of its prompt.
class Plainly {
 public:
  Plainly(const Traffic& traffic, const ServerConfig& config, std::span<const Station> stations)
      : config_(config), stations_(stations), last_(stations.size(), 0) {
    for (const TrafficRequest& request : traffic.requests)
      members_.push_back({request.prompt_tokens, request.output_tokens});
  }

  std::vector<sim::Time> finished() && {
    std::vector<sim::Time> result(members_.size());
    std::deque<Batch> flying;
    for (Ticks now = 0;;) {
      while (std::ssize(flying) < config_.in_flight) {
        Batch batch = form();
        if (batch.load.sequences == 0 && batch.chunks.empty()) break;
        batch.end = passed(batch, now);
        flying.push_back(batch);
      }
      if (flying.empty()) return result;
      now = flying.front().end;
      for (const std::size_t r : flying.front().answered) {
        members_[r].on_its_way = false;
        if (--members_[r].left == 0) result[r] = to_time(now);
      }
      flying.pop_front();
    }
  }

 private:
  struct Member {
    std::int64_t prompt = 0;
    std::int64_t left = 0;  ///< tokens to answer
    std::int64_t computed = 0;
    bool on_its_way = false;
  };
  struct Batch {
    std::vector<std::size_t> answered;
    DecodeLoad load;
    std::vector<PromptChunk> chunks;
    Ticks end = 0;
  };

  Batch form() {
    Batch batch;
    std::int64_t budget = config_.limits.step_tokens;
    for (std::size_t r = 0; r < members_.size() && budget > 0; ++r) {
      Member& member = members_[r];
      if (member.on_its_way || member.left == 0) continue;
      const bool decodes = member.computed >= member.prompt;
      const std::int64_t tokens = decodes ? 1 : std::min(member.prompt - member.computed, budget);
      if (!decodes) batch.chunks.push_back({tokens, member.computed});
      member.computed += tokens;
      if (decodes) {
        ++batch.load.sequences;
        batch.load.kv_tokens += member.computed;
      }
      budget -= tokens;
      member.on_its_way = member.computed >= member.prompt;
      if (member.on_its_way) batch.answered.push_back(r);
    }
    return batch;
  }

  Ticks passed(const Batch& batch, Ticks now) {
    for (std::size_t s = 0; s < stations_.size(); ++s) {
      const Ticks cost = batch.chunks.empty() ? stations_[s].cost->decode(batch.load).first
                                              : stations_[s].cost->mixed(batch.load, batch.chunks);
      const bool waits = stations_[s].kind != StationKind::kDelay;
      now = (waits ? std::max(now, last_[s]) : now) + cost;
      last_[s] = now;
    }
    return now;
  }

  const ServerConfig& config_;
  std::span<const Station> stations_;
  std::vector<Ticks> last_;  // by station
  std::vector<Member> members_;
};

TEST(Pipeline, IsItsRecurrence) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto from = [&](std::uint64_t low, std::uint64_t high) {
      return static_cast<std::int64_t>(low + random() % (high - low + 1));
    };
    std::vector<ToyStepCost> costs(static_cast<std::size_t>(from(1, 6)));
    std::vector<Station> stations;
    for (ToyStepCost& cost : costs) {
      cost.step = from(0, 2'000'000);
      cost.kv = from(0, 20);
      stations.push_back({&cost, static_cast<StationKind>(from(0, 2))});
    }
    stations.back().kind = StationKind::kStage;  // no step passes another
    Traffic traffic;
    for (std::int64_t i = from(1, 20); i > 0; --i) {
      TrafficRequest request;
      request.prompt_tokens = from(1, 500);
      request.output_tokens = from(1, 300);
      traffic.requests.push_back(request);
    }
    const ServerConfig config = config_of(static_cast<std::int32_t>(from(1, 6)), from(20, 700));
    const Served result = served(traffic, config, stations);
    const auto plain = Plainly(traffic, config, stations).finished();
    for (std::size_t r = 0; r < plain.size(); ++r)
      ASSERT_EQ(result.records[r].finished, plain[r]) << "request " << r;
  }
}

// Stations that take no time, one step in flight: a replica of one station.
TEST(Pipeline, OfOneStageIsAReplicaOfOneStation) {
  ToyStepCost whole;
  EvenStepCost nothing(0ns);
  const std::array<Station, 3> stations{Station{&nothing, StationKind::kLine}, Station{&whole},
                                        Station{&nothing}};
  const Traffic traffic = traffic_of({{10, 50}, {300, 7}, {20, 400}, {100, 100}});
  for (const bool async : {false, true}) {
    ServerConfig config = config_of(1, 100);
    config.limits.async_scheduling = async;
    const Served several = served(traffic, config, stations);
    const Served alone = served(traffic, config, std::span(&stations[1], 1));
    for (std::size_t r = 0; r < traffic.requests.size(); ++r) {
      EXPECT_EQ(several.records[r].first_token, alone.records[r].first_token);
      EXPECT_EQ(several.records[r].finished, alone.records[r].finished);
    }
  }
}

/// In a pipeline of stages alone.
std::optional<SteadyRounds> steady(std::span<const Ticks> ends, std::span<const Ticks> free,
                                   std::span<const StepRun> costs, std::int64_t most) {
  return steady_rounds(std::vector<Station>(free.size()), ends, free, costs, most);
}

// Two batches, two stages of 10 ticks, the second batch's step half done: rounds of 20.
TEST(SteadyRounds, AreThoseOfAFullPipeline) {
  const std::array<Ticks, 2> ends{100, 110};
  const std::array<Ticks, 2> free{100, 110};
  const std::vector<StepRun> costs(4, StepRun{10, 0, 7});
  const auto rounds = steady(ends, free, costs, 99);
  ASSERT_TRUE(rounds);
  EXPECT_EQ(rounds->ends[0], (Recurring{100, 20, 0}));
  EXPECT_EQ(rounds->ends[1], (Recurring{110, 20, 0}));
  EXPECT_EQ(rounds->rounds, 7);
  EXPECT_EQ(steady(ends, free, costs, 5)->rounds, 5);
}

// The first stage is the slower one, until the second, which grows by 1 a round, takes as long: 10
// = 5 + n. Then a batch waits for the second stage.
TEST(SteadyRounds, EndWhereAnotherStageBecomesTheSlowest) {
  const std::array<Ticks, 2> ends{104, 114};
  const std::array<Ticks, 2> free{110, 114};
  const std::vector<StepRun> costs{{10, 0, 99}, {5, 1, 99}, {10, 0, 99}, {5, 1, 99}};
  const auto rounds = steady(ends, free, costs, 99);
  ASSERT_TRUE(rounds);
  EXPECT_EQ(rounds->ends[0], (Recurring{104, 21, 0}));
  EXPECT_EQ(rounds->rounds, 6);
}

// Two batches that do not meet in three stages: the first goes round in 30 + 3 n ticks, the second
// in 33. It is 15 ticks behind, and the first catches up: it would enter the first stage in front.
TEST(SteadyRounds, AreOfEachBatchWhereTheyDoNotMeet) {
  const std::array<Ticks, 2> ends{100, 115};
  const std::array<Ticks, 3> free{93, 104, 115};
  const std::vector<StepRun> costs{{10, 1, 99}, {10, 1, 99}, {10, 1, 99},
                                   {11, 0, 99}, {11, 0, 99}, {11, 0, 99}};
  const auto rounds = steady(ends, free, costs, 99);
  ASSERT_TRUE(rounds);
  EXPECT_EQ(rounds->ends[0], (Recurring{100, 30, 3}));
  EXPECT_EQ(rounds->ends[1], (Recurring{115, 33, 0}));
}

// The state in which a pipeline was started is not one that comes again.
TEST(SteadyRounds, AreNotThereWhereItFills) {
  const std::array<Ticks, 2> ends{100, 103};
  const std::array<Ticks, 2> free{40, 103};
  const std::vector<StepRun> costs(4, StepRun{10, 0, 7});
  EXPECT_FALSE(steady(ends, free, costs, 99));
}

}  // namespace
}  // namespace rigsim::workloads
