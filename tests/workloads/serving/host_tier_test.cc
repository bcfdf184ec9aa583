#include "workloads/serving/host_tier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <stdexcept>
#include <string>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/even_step_cost.h"
#include "workloads/serving/server.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::int64_t kBlock = 16;
const BlockCopyCost kCopies{to_ticks(sim::Duration(10us)), to_ticks(sim::Duration(20us))};

Ticks ticks(sim::Duration duration) { return to_ticks(duration); }

Sequence prompt_of(std::uint32_t request, std::int64_t tokens) {
  Sequence sequence;
  sequence.request = request;
  sequence.prompt = sequence.target = tokens;
  return sequence;
}

// 4 blocks at 10 us each, found when the last of them is there and their sequence has ended.
TEST(HostTier, StoresAtTheRateOfTheCopies) {
  HostTier host(10, kBlock, kCopies);
  const std::vector<std::uint64_t> hashes{1, 2};
  const Prefix prefix{hashes, 32};
  const Sequence sequence = prompt_of(0, 64);
  host.store(0, sequence, prefix, 1, ticks(1ms));
  host.store(0, sequence, prefix, 4, ticks(1ms));
  EXPECT_EQ(host.stored_blocks(), 4);
  host.settle(ticks(1040us));
  EXPECT_EQ(host.find(sequence, prefix, 0).blocks, 0);
  host.let_go(0, ticks(1020us));
  EXPECT_EQ(host.next(), ticks(1040us));
  host.settle(ticks(1039us));
  EXPECT_EQ(host.find(sequence, prefix, 0).blocks, 0);
  host.settle(ticks(1040us));
  EXPECT_EQ(host.find(sequence, prefix, 0).blocks, 4);
  EXPECT_EQ(host.find(sequence, prefix, 1).blocks, 3);
  EXPECT_EQ(host.find(prompt_of(1, 60), prefix, 0).blocks, 3);  // whole blocks
  host.store(1, sequence, prefix, 4, ticks(2ms));               // is there
  EXPECT_EQ(host.stored_blocks(), 4);
  EXPECT_EQ(host.pool().held(), 0);
}

// One behind the other; what is on its way stays, and who waits for it does not load it again.
TEST(HostTier, LoadsOneAfterAnother) {
  HostTier host(4, kBlock, kCopies);
  const std::vector<std::uint64_t> a{1}, b{2};
  for (std::uint32_t i = 0; i < 2; ++i) {
    host.store(i, prompt_of(i, 32), {i == 0 ? a : b, 32}, 2, 0);
    host.let_go(i, 0);
  }
  host.settle(ticks(1ms));
  host.load(5, prompt_of(5, 32), {a, 32}, 0, 2);
  host.load(6, prompt_of(6, 32), {b, 32}, 1, 1);
  EXPECT_TRUE(host.find(prompt_of(7, 32), {a, 32}, 0).on_their_way);
  EXPECT_EQ(host.next_load(), ticks(1040us));
  host.store(8, prompt_of(8, 16), {}, 1, ticks(1ms));  // no room
  EXPECT_EQ(host.stored_blocks(), 4);
  host.settle(ticks(1040us));
  EXPECT_EQ(host.take_loaded(), Slot{5});
  EXPECT_FALSE(host.take_loaded());
  EXPECT_EQ(host.next_load(), ticks(1060us));
  host.store(8, prompt_of(8, 16), {}, 1, ticks(1050us));
  EXPECT_EQ(host.stored_blocks(), 5);
  // The last block of the longest unused has made room.
  EXPECT_EQ(host.find(prompt_of(7, 32), {a, 32}, 0).blocks, 1);
  host.settle(ticks(1060us));
  EXPECT_EQ(host.take_loaded(), Slot{6});
  EXPECT_EQ(host.loaded_blocks(), 3);
}

// Whatever comes and goes, nothing stays held, and no more is found than is there.
TEST(HostTier, HoldsNothingInTheEnd) {
  std::mt19937_64 dice(7);
  const auto from = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(dice() % static_cast<std::uint64_t>(high - low + 1));
  };
  for (int round = 0; round < 50; ++round) {
    HostTier host(from(1, 60), kBlock, kCopies);
    std::vector<std::vector<std::uint64_t>> hashes(12);
    std::vector<std::int64_t> full(12, 0);
    std::vector<Sequence> sequences;
    for (std::uint32_t i = 0; i < 12; ++i) {
      for (std::int64_t h = 0; h < from(0, 4); ++h)
        hashes[i].push_back(static_cast<std::uint64_t>(100 * (h < 2 ? 0 : i) + h + 1));
      sequences.push_back(prompt_of(i, from(1, 200)));
    }
    Ticks now = 0;
    for (int step = 0; step < 200; ++step) {
      now += ticks(sim::Duration(from(0, 50) * 1'000'000));
      const auto i = static_cast<std::size_t>(from(0, 11));
      const auto slot = static_cast<Slot>(i);
      const Prefix prefix{hashes[i], 32};
      host.settle(now);
      while (host.take_loaded()) {
      }
      const HostTier::Found found = host.find(sequences[i], prefix, 0);
      EXPECT_LE(found.blocks, host.pool().blocks());
      if (from(0, 3) == 0) {
        host.let_go(slot, now);
        full[i] = 0;
      } else if (found.blocks > 0 && from(0, 1) == 0) {
        host.load(slot, sequences[i], prefix, 0, found.blocks);
      } else {
        host.store(slot, sequences[i], prefix, full[i] += from(0, 3), now);
      }
    }
    for (Slot slot = 0; slot < 12; ++slot) host.let_go(slot, now);
    while (const auto next = host.next()) host.settle(*next);
    EXPECT_EQ(host.pool().held(), 0);
  }
}

TrafficRequest request_at(sim::Duration arrival, std::int64_t prompt, std::int64_t output) {
  TrafficRequest request;
  request.arrival = sim::Time(arrival);
  request.prompt_tokens = prompt;
  request.output_tokens = output;
  return request;
}

void add(Traffic& traffic, TrafficRequest request, const std::vector<std::uint64_t>& hashes) {
  request.first_hash = static_cast<std::uint32_t>(traffic.prefix_hashes.size());
  request.hash_count = static_cast<std::uint32_t>(hashes.size());
  traffic.prefix_hashes.insert(traffic.prefix_hashes.end(), hashes.begin(), hashes.end());
  traffic.requests.push_back(request);
}

ServerConfig config_of(std::int64_t kv_blocks, std::int64_t host_blocks) {
  ServerConfig config;
  config.limits.kv_blocks = kv_blocks;
  config.limits.host_blocks = host_blocks;
  return config;
}

std::vector<RequestRecord> served(const Traffic& traffic, const ServerConfig& config) {
  test::EvenStepCost cost(1ms);
  const Station station{&cost, StationKind::kStage, {}, nullptr, kCopies};
  test::CheckingObserver observer(traffic, config);
  auto records = serve(traffic, config, std::span(&station, 1), observer);
  observer.finish();
  return records;
}

sim::Time at(sim::Duration time) { return sim::Time(time); }

// Six blocks on the device. The first request's 4 are stored by 1.04 ms. The second takes the two
// that nobody had and the first one's last three. The third finds block 1 on the device and 2 to 4
// on the host, loads these by 4.06 ms and computes its last 16 tokens.
TEST(HostTier, IsLoadedBehindWhatTheDeviceHas) {
  Traffic traffic;
  traffic.hash_block_tokens = 16;
  add(traffic, request_at(0ms, 64, 1), {1, 2, 3, 4});
  add(traffic, request_at(2ms, 80, 1), {11, 12, 13, 14, 15});
  add(traffic, request_at(4ms, 80, 2), {1, 2, 3, 4, 5});
  const auto records = served(traffic, config_of(6, 100));
  EXPECT_EQ(records[0].finished, at(1ms));
  EXPECT_EQ(records[1].finished, at(3ms));
  EXPECT_EQ(records[2].cached_tokens, 16);
  EXPECT_EQ(records[2].host_tokens, 48);
  EXPECT_EQ(records[2].scheduled, at(4060us));
  EXPECT_EQ(records[2].first_token, at(5060us));
  EXPECT_EQ(records[2].finished, at(6060us));
  const auto without = served(traffic, config_of(6, 0));
  EXPECT_EQ(without[2].cached_tokens, 16);
  EXPECT_EQ(without[2].host_tokens, 0);
  EXPECT_EQ(without[2].scheduled, at(4ms));
}

// The same as above on two replicas, of which all three go to the first, as it rests each time. The
// fourth comes while the third one's blocks are on their way there.
TEST(HostTier, WhoLoadsIsSeenByVllmsRouting) {
  Traffic traffic;
  traffic.hash_block_tokens = 16;
  add(traffic, request_at(0ms, 64, 1), {1, 2, 3, 4});
  add(traffic, request_at(2ms, 80, 1), {11, 12, 13, 14, 15});
  add(traffic, request_at(4ms, 80, 2), {1, 2, 3, 4, 5});
  add(traffic, request_at(4010us, 16, 1), {21});
  ServerConfig config = config_of(6, 100);
  config.replicas = 2;
  config.routing = Routing::kVllm;
  const auto records = served(traffic, config);
  EXPECT_EQ(records[2].replica, 0);
  EXPECT_EQ(records[2].scheduled, at(4060us));
  EXPECT_EQ(records[3].replica, 1);
}

// While it loads the next one runs; what is loaded goes before who came in meanwhile.
TEST(HostTier, DoesNotKeepOthersWaiting) {
  Traffic traffic;
  traffic.hash_block_tokens = 16;
  add(traffic, request_at(0ms, 64, 1), {1, 2, 3, 4});
  add(traffic, request_at(2ms, 96, 1), {11, 12, 13, 14, 15, 16});
  add(traffic, request_at(4ms, 64, 1), {1, 2, 3, 4});
  add(traffic, request_at(4ms, 16, 1), {21});
  ServerConfig config = config_of(6, 100);
  config.limits.max_sequences = 1;
  const auto records = served(traffic, config);
  EXPECT_EQ(records[3].scheduled, at(4ms));
  EXPECT_EQ(records[2].host_tokens, 63);  // the last token is computed
  EXPECT_EQ(records[2].scheduled, at(5ms));
}

// The fourth waits for what the third loads and then finds three of these blocks on the device: it
// has the last one loaded alone. The fifth passes it.
TEST(HostTier, DoesNotLoadTwice) {
  Traffic traffic;
  traffic.hash_block_tokens = 16;
  add(traffic, request_at(0ms, 64, 1), {1, 2, 3, 4});
  add(traffic, request_at(2ms, 96, 1), {11, 12, 13, 14, 15, 16});
  add(traffic, request_at(4ms, 64, 1), {1, 2, 3, 4});
  add(traffic, request_at(4ms, 64, 1), {1, 2, 3, 4});
  add(traffic, request_at(4ms, 16, 1), {21});
  const auto records = served(traffic, config_of(6, 100));
  EXPECT_EQ(records[4].scheduled, at(4ms));
  EXPECT_EQ(records[2].scheduled, at(5ms));
  EXPECT_EQ(records[3].scheduled, at(6ms));
  EXPECT_EQ(records[3].cached_tokens, 48);
  EXPECT_EQ(records[3].host_tokens, 15);
}

// Two at once without known prefixes: 4 + 4 blocks of 9. The first takes the ninth for its second
// token, and the second has to go. What it left on the device the first one takes, but for a block;
// when that has ended, the second one's other three come from the host.
TEST(HostTier, BringsBackWhatAPreemptedSequenceLost) {
  Traffic traffic;
  add(traffic, request_at(0ms, 64, 60), {});
  add(traffic, request_at(0ms, 64, 60), {});
  const auto records = served(traffic, config_of(9, 100));
  const auto without = served(traffic, config_of(9, 0));
  EXPECT_EQ(records[1].preemptions, 1U);
  EXPECT_EQ(records[0].finished, without[0].finished);
  test::EvenStepCost cost(1ms);
  const Station station{&cost, StationKind::kStage, {}, nullptr, kCopies};
  struct Loaded final : ServingObserver {
    void steps_executed(const StepRecord& steps) override {
      loaded += steps.host_loaded;
      stored += steps.host_stored;
    }
    void gaps_seen(const GapRun&) override {}
    void request_ended(std::uint32_t, const RequestRecord&) override {}
    std::int64_t loaded = 0;
    std::int64_t stored = 0;
  } seen;
  (void)serve(traffic, config_of(9, 100), std::span(&station, 1), seen);
  EXPECT_EQ(seen.loaded, 3);
  // 64 + 59 tokens each are 7 full blocks; what is there is not stored again.
  EXPECT_EQ(seen.stored, 14);
}

TEST(HostTier, IsRefusedWhereItIsNotModelled) {
  const auto refusal = [](ServerConfig config) -> std::string {
    config.limits.kv_blocks = 10;
    config.limits.host_blocks = 10;
    try {
      validate(config);
      return "none";
    } catch (const std::invalid_argument& problem) {
      return problem.what();
    }
  };
  EXPECT_EQ(refusal({}), "none");
  ServerConfig config;
  config.batching = VllmV0Batching{};
  EXPECT_THAT(refusal(config), HasSubstr("not with vllm-v0"));
  config.batching = VllmV1Batching{.by_priority = true};
  EXPECT_THAT(refusal(config), HasSubstr("without priorities"));
  config = {};
  config.limits.prefix_caching = false;
  EXPECT_THAT(refusal(config), HasSubstr("needs prefix caching"));
  config = {};
  config.in_flight = 2;
  EXPECT_THAT(refusal(config), HasSubstr("pipelines"));
}

}  // namespace
}  // namespace rigsim::workloads
