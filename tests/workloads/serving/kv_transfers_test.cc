#include "workloads/serving/kv_transfers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/even_step_cost.h"
#include "workloads/serving/server.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;
using test::CheckingObserver;
using test::EvenStepCost;

/// One replica for prompts, `decoders` that decode, a link of 1 GB/s out of the first; 1,000 bytes
/// a token on each of `ranks`: 1 us a token alone.
KvLinks one_to(std::int32_t decoders, std::size_t ranks = 1, sim::Duration latency = {}) {
  KvLinks links;
  links.prefill_replicas = 1;
  links.decode_replicas = decoders;
  links.bytes_per_token.assign(ranks, 1'000.0);
  std::vector<sim::LinkId> out;
  for (std::size_t rank = 0; rank < ranks; ++rank)
    out.push_back(links.network.add_link(sim::Bandwidth(1e9), latency));
  for (std::int32_t to = 0; to < decoders; ++to) {
    for (std::size_t rank = 0; rank < ranks; ++rank)
      links.routes.push_back(links.network.add_route({out[rank]}));
  }
  return links;
}

using Requests = std::vector<std::uint32_t>;

Ticks ticks(sim::Duration duration) { return to_ticks(duration); }

// 10 tokens at 1 us each, and 3 us on the way.
TEST(KvTransfers, TakesTheBytesAtTheLinksRateAndItsLatency) {
  const KvLinks links = one_to(1, 1, 3us);
  KvTransfers transfers(links);
  EXPECT_FALSE(transfers.next());
  transfers.start(7, 0, 0, 10, ticks(5us));
  EXPECT_EQ(transfers.next(), ticks(15us));  // the last byte is sent
  EXPECT_EQ(transfers.advance(ticks(15us)), Requests{});
  EXPECT_EQ(transfers.next(), ticks(18us));
  EXPECT_EQ(transfers.advance(ticks(18us)), Requests{7});
  EXPECT_FALSE(transfers.next());
}

// By 2 us the first has 18 tokens to go. Then both go at half the rate until the second's 10 have
// moved at 22 us; the first's last 8 take 8 us.
TEST(KvTransfers, ShareALink) {
  const KvLinks links = one_to(2);
  KvTransfers transfers(links);
  transfers.start(0, 0, 0, 20, 0);
  transfers.start(1, 0, 1, 10, ticks(2us));
  EXPECT_EQ(transfers.next(), ticks(22us));
  EXPECT_EQ(transfers.advance(ticks(22us)), Requests{1});
  EXPECT_EQ(transfers.next(), ticks(30us));
  EXPECT_EQ(transfers.advance(ticks(30us)), Requests{0});
}

TEST(KvTransfers, AreThereWithTheirLastPart) {
  KvLinks links = one_to(1, 2);
  links.bytes_per_token = {1'000, 500};
  KvTransfers transfers(links);
  transfers.start(0, 0, 0, 10, 0);
  EXPECT_EQ(transfers.next(), ticks(5us));
  EXPECT_EQ(transfers.advance(ticks(5us)), Requests{});
  EXPECT_EQ(transfers.advance(ticks(10us)), Requests{0});
}

TrafficRequest request_at(sim::Duration arrival, std::int64_t prompt, std::int64_t output) {
  TrafficRequest request;
  request.arrival = sim::Time(arrival);
  request.prompt_tokens = prompt;
  request.output_tokens = output;
  return request;
}

ServerConfig disaggregated(KvLinks links) {
  ServerConfig config;
  config.limits.kv_blocks = 1'000;
  config.replicas = links.prefill_replicas + links.decode_replicas;
  config.kv_links = std::move(links);
  return config;
}

std::vector<RequestRecord> serve_evenly(const Traffic& traffic, const ServerConfig& config) {
  EvenStepCost cost(1us);
  CheckingObserver observer(traffic, config);
  auto records = serve(traffic, config, cost, observer);
  observer.finish();
  return records;
}

sim::Time at(sim::Duration duration) { return sim::Time(duration); }

// The prompt takes a step, its cache of one block (16 tokens) 16 us, the three tokens a step each:
// the decoding replica computes the first one again.
TEST(Disaggregation, ComputesThePromptMovesTheCacheAndDecodes) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 10, 3)};
  const RequestRecord record = serve_evenly(traffic, disaggregated(one_to(1))).front();
  EXPECT_EQ(record.prefilled, at(1us));
  EXPECT_EQ(record.kv_sent, at(1us));
  EXPECT_EQ(record.kv_there, at(17us));
  EXPECT_EQ(record.first_token, at(18us));
  EXPECT_EQ(record.finished, at(20us));
  EXPECT_EQ(record.replica, 1);
}

// 5 blocks: beside the first's four there are none for the second's three until it has finished:
// its cache moves by 49 us, its 16 tokens take a step each.
TEST(Disaggregation, MovesACacheWhenThereIsRoomForIt) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 48, 16), request_at(60us, 48, 2)};
  ServerConfig config = disaggregated(one_to(1));
  config.limits.kv_blocks = 5;
  const auto records = serve_evenly(traffic, config);
  EXPECT_EQ(records[0].kv_there, at(49us));
  EXPECT_EQ(records[0].finished, at(65us));
  EXPECT_EQ(records[1].prefilled, at(61us));
  EXPECT_EQ(records[1].kv_sent, at(65us));
  EXPECT_EQ(records[1].kv_there, at(113us));
}

TEST(Disaggregation, DealsPromptsAndAnswersOutInTurns) {
  Traffic traffic;
  traffic.requests.assign(4, request_at(0us, 16, 2));
  const auto records = serve_evenly(traffic, disaggregated(one_to(2)));
  EXPECT_EQ(records[0].replica, 1);
  EXPECT_EQ(records[1].replica, 2);
  EXPECT_EQ(records[2].replica, 1);
  EXPECT_EQ(records[3].replica, 2);
}

std::string refusal(ServerConfig config) {
  Traffic traffic;
  try {
    serve_evenly(traffic, config);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(Disaggregation, SaysWhatItNeeds) {
  ServerConfig config = disaggregated(one_to(1));
  config.replicas = 3;
  EXPECT_EQ(refusal(config),
            "of 3 replicas at least one must compute prompts and one decode, got 1 and 1");
  config.replicas = 2;
  config.batching = OrcaBatching{};
  EXPECT_EQ(refusal(config),
            "separate replicas for prompts are modelled with vllm-v1, not with orca");
}

// A replica for prompts keeps a cache until it is fetched: the second prompt waits for its blocks.
TEST(Disaggregation, KeepsABlockUntilItIsFetched) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 32, 2), request_at(0us, 32, 2)};
  ServerConfig config = disaggregated(one_to(1));
  config.limits.kv_blocks = 3;
  const auto records = serve_evenly(traffic, config);
  EXPECT_EQ(records[0].prefilled, at(1us));
  EXPECT_EQ(records[0].kv_there, at(33us));
  EXPECT_EQ(records[1].scheduled, at(33us));
  EXPECT_EQ(records[1].prefilled, at(34us));
  // The first's three blocks at 34 us (its 33rd token) leave none until it is done at 35 us.
  EXPECT_EQ(records[0].finished, at(35us));
  EXPECT_EQ(records[1].kv_sent, at(35us));
}

}  // namespace
}  // namespace rigsim::workloads
