#include "configs/traffic/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::HasSubstr;

Trace read(std::string_view text, const TraceOptions& options = {}) {
  return read_trace_text(text, "t", options);
}

std::vector<sim::Duration> arrivals(const Trace& trace) {
  std::vector<sim::Duration> out;
  for (const auto& r : trace.traffic.requests) out.push_back(r.arrival.time_since_epoch());
  return out;
}

std::vector<std::int64_t> lengths(const Trace& trace) {
  std::vector<std::int64_t> out;
  for (const auto& r : trace.traffic.requests) {
    out.push_back(r.prompt_tokens);
    out.push_back(r.output_tokens);
  }
  return out;
}

TEST(Trace, AzureTimesAreExactToAHundredNanoseconds) {
  const Trace trace = read(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
      "2023-12-31 23:59:59.9999999,374,44\r\n"
      "2024-01-01 00:00:00.0000001,396,109\r\n"
      "2024-03-01 00:00:00+01:00,1,2");
  EXPECT_EQ(trace.report.form, "Azure CSV");
  EXPECT_EQ(trace.report.rows, 3);
  EXPECT_TRUE(trace.has_arrivals);
  EXPECT_EQ(trace.traffic.hash_block_tokens, 0);
  EXPECT_THAT(lengths(trace), ElementsAre(374, 44, 396, 109, 1, 2));
  // 2024 is a leap year: 31 + 29 days, less the hour of the zone, and 100 ns.
  EXPECT_THAT(arrivals(trace), ElementsAre(0s, 200ns, 60 * 24h - 1h + 100ns));
}

TEST(Trace, BurstGptIsReadBySixOrEightColumnsAndLeavesFailuresOut) {
  const Trace six = read(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "45.5,ChatGPT,1087,0,1087,Conversation log\n"
      "118,GPT-4,417,276,693,\"API, log\"\n");
  EXPECT_EQ(six.report.form, "BurstGPT CSV");
  EXPECT_EQ(six.report.unanswered, 1);
  EXPECT_THAT(lengths(six), ElementsAre(472, 18, 417, 276));
  EXPECT_THAT(arrivals(six), ElementsAre(0s, 113s));
  const Trace eight = read(
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log "
      "Type\n0.25,7,1.5,GPT-4,10,20,30,API log\n");
  EXPECT_THAT(lengths(eight), ElementsAre(10, 20));
}

TEST(Trace, VidurHasLengthsAndMayHaveArrivals) {
  const Trace lengths_alone =
      read("num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n3772,54,3826,69.85\n");
  EXPECT_FALSE(lengths_alone.has_arrivals);
  EXPECT_THAT(lengths(lengths_alone), ElementsAre(3772, 54));
  const Trace timed = read("arrived_at,num_prefill_tokens,num_decode_tokens\n1,2,3\n1.5,4,5\n");
  EXPECT_THAT(arrivals(timed), ElementsAre(0s, 500ms));
}

TEST(Trace, MooncakeKeepsItsPrefixHashes) {
  const Trace trace = read(
      "{\"timestamp\": 3000, \"input_length\": 1025, \"output_length\": 5, \"hash_ids\": [7, 8, "
      "9]}\n\n"
      "{\"timestamp\": 3000.5, \"input_length\": 512, \"output_length\": 6, \"hash_ids\": [7], "
      "\"priority\": -3}\n");
  EXPECT_EQ(trace.report.form, "Mooncake JSONL");
  EXPECT_EQ(trace.traffic.hash_block_tokens, 512);
  EXPECT_THAT(trace.traffic.prefix_hashes, ElementsAre(7, 8, 9, 7));
  EXPECT_EQ(trace.traffic.requests[1].first_hash, 3U);
  EXPECT_EQ(trace.traffic.requests[1].hash_count, 1U);
  EXPECT_EQ(trace.traffic.requests[1].priority, -3);
  EXPECT_THAT(arrivals(trace), ElementsAre(0s, 500us));
}

TEST(Trace, LlmServingSimCountsNanosecondsAndPassesTokenIdsOver) {
  const Trace trace = read(
      "{\"input_toks\": 3, \"output_toks\": 4, \"arrival_time_ns\": 46926808, \"input_tok_ids\": "
      "[1, 2, 3]}\n{\"input_toks\": 5, \"output_toks\": 6, \"arrival_time_ns\": 46926809}");
  EXPECT_EQ(trace.report.form, "LLMServingSim JSONL");
  EXPECT_THAT(arrivals(trace), ElementsAre(0s, 1ns));
  EXPECT_THAT(lengths(trace), ElementsAre(3, 4, 5, 6));
}

TEST(Trace, MeasuredRecordsKeepTheirTimes) {
  const Trace trace = read(
      "{\"request_id\": \"bench-0\", \"input_toks\": 3, \"output_toks\": 4, \"arrival_time\": "
      "1787267980.25, \"queued_ts\": 10.5, \"scheduled_ts\": 10.75, \"first_token_ts\": 11, "
      "\"last_token_ts\": 12.000000001}\n");
  EXPECT_EQ(trace.report.form, "vLLM request records");
  ASSERT_EQ(trace.measured.size(), 1U);
  EXPECT_EQ(trace.measured[0].ttft, 500ms);
  EXPECT_EQ(trace.measured[0].e2e, 1500ms + 1ns);
  EXPECT_EQ(trace.measured[0].wait, 250ms);
}

TEST(Trace, ABenchResultGivesRequestsAndMeasuredTimes) {
  const Trace trace = read(
      "{\"completed\": 2, \"generated_texts\": [\"{\\\"input_toks\\\": 1}\", \"b\", \"\"],\n"
      "\"input_lens\": [10, 20, 30], \"output_lens\": [3, 1, 0], \"start_times\": [5.5, 6.0, 7],\n"
      "\"ttfts\": [0.5, 0.25, 0], \"itls\": [[0.1, 0.2], [], []], \"errors\": [\"\", \"\", "
      "\"x\"]}");
  EXPECT_EQ(trace.report.form, "vLLM result");
  EXPECT_EQ(trace.report.unanswered, 1);
  EXPECT_THAT(lengths(trace), ElementsAre(10, 3, 20, 1));
  EXPECT_THAT(arrivals(trace), ElementsAre(0s, 500ms));
  ASSERT_EQ(trace.measured.size(), 2U);
  EXPECT_EQ(trace.measured[0].ttft, 500ms);
  EXPECT_EQ(trace.measured[0].e2e, 800ms);
  EXPECT_FALSE(read("{\"input_lens\": [1], \"output_lens\": [2]}").has_arrivals);
}

TEST(Trace, ShareGptTakesTheFirstTwoTurnsAtFourBytesAToken) {
  const Trace trace = read(
      "[{\"id\": \"a\", \"conversations\": [{\"from\": \"human\", \"value\": \"12345\"}, "
      "{\"from\": \"gpt\", \"value\": \"1234\"}, {\"from\": \"human\", \"value\": \"more\"}]},\n"
      "{\"id\": \"b\", \"conversations\": [{\"from\": \"human\", \"value\": \"alone\"}]}]");
  EXPECT_EQ(trace.report.form, "ShareGPT JSON");
  EXPECT_FALSE(trace.has_arrivals);
  EXPECT_THAT(lengths(trace), ElementsAre(2, 1));
  EXPECT_EQ(trace.report.unanswered, 1);
  EXPECT_THAT(trace.report.note, HasSubstr("one for each 4 bytes"));
}

constexpr std::string_view kQuantised =
    "Timestamp,Request tokens,Response tokens\n0,1,1\n0,2,1\n0,3,1\n6,4,1\n6,5,1\n9,6,1\n";

// Ticks of 3 s: three requests at 0, 1 and 2 s, two at 6 and 7.5 s.
TEST(Trace, SpreadSharesOutUntilTheNextTick) {
  EXPECT_EQ(read(kQuantised).report.same_time, 3);
  const Trace trace = read(kQuantised, {.spread = true});
  EXPECT_THAT(arrivals(trace), ElementsAre(0s, 1s, 2s, 6s, 7500ms, 9s));
  EXPECT_EQ(trace.report.same_time, 0);
}

TEST(Trace, ACutComesBeforeTheFirstN) {
  const Trace trace = read(kQuantised, {.from = 1s, .to = 9s, .requests = 1});
  EXPECT_THAT(lengths(trace), ElementsAre(4, 1));
  EXPECT_THAT(arrivals(trace), ElementsAre(0s));
  EXPECT_EQ(read(kQuantised, {.from = 6s}).traffic.requests.size(), 3U);
  EXPECT_THROW((void)read(kQuantised, {.from = 10s}), ConfigError);
}

TEST(Trace, SortPutsRowsInOrderWithAllThatIsTheirs) {
  const std::string_view text =
      "{\"timestamp\": 9, \"input_length\": 5, \"output_length\": 1, \"hash_ids\": [1]}\n"
      "{\"timestamp\": 2, \"input_length\": 600, \"output_length\": 2, \"hash_ids\": [2, 3]}\n";
  const Trace trace = read(text, {.sort = true});
  EXPECT_EQ(trace.report.out_of_order, 1);
  EXPECT_THAT(lengths(trace), ElementsAre(600, 2, 5, 1));
  EXPECT_EQ(trace.traffic.requests[0].first_hash, 1U);
  EXPECT_EQ(trace.traffic.requests[0].hash_count, 2U);
  EXPECT_EQ(read(text, {.skip_bad = true}).report.bad, 1);
}

TEST(Trace, SkipBadCountsAndLeavesNoHashBehind) {
  const Trace trace = read(
      "{\"timestamp\": 1, \"input_length\": 600, \"output_length\": -2, \"hash_ids\": [2, 3]}\n"
      "{\"timestamp\": 1, \"input_length\": 600,\n"
      "{\"timestamp\": 9, \"input_length\": 5, \"output_length\": 1, \"hash_ids\": [1]}\n",
      {.skip_bad = true});
  EXPECT_EQ(trace.report.bad, 2);
  EXPECT_THAT(trace.report.bad_examples[0], HasSubstr("t:1: output_length: must be"));
  EXPECT_THAT(trace.report.bad_examples[1], HasSubstr("line 2"));
  EXPECT_THAT(trace.traffic.prefix_hashes, ElementsAre(1));
}

// BurstGPT's longest trace spans 213 days, the clock 106.
TEST(Trace, LongerThanTheClockCanBeCut) {
  const std::string_view text =
      "Timestamp,Request tokens,Response tokens\n0,1,1\n60,2,1\n18403200,3,1\n";
  try {
    (void)read(text);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("spans 213.0 days"));
    EXPECT_THAT(error.what(), HasSubstr("--from and --to"));
  }
  EXPECT_EQ(read(text, {.to = 24h}).traffic.requests.size(), 2U);
}

}  // namespace
}  // namespace rigsim::configs
