#include "analysis/traffic_summary.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace rigsim::analysis {
namespace {

TrafficSummary summary_of(std::string_view text, const configs::TraceOptions& options = {}) {
  configs::Trace trace = configs::read_trace_text(text, "t", options);
  return summarise({std::move(trace.traffic), trace.has_arrivals, {}, {}});
}

// Gaps of 1, 3, 116 s: mean 40, variance (39^2 + 37^2 + 76^2) / 3. Minutes from the first arrival:
// three, none, one.
TEST(TrafficSummary, CountsArrivals) {
  const TrafficSummary s =
      summary_of("Timestamp,Request tokens,Response tokens\n7,10,1\n8,20,2\n11,30,3\n127,40,4\n");
  EXPECT_EQ(s.requests, 4);
  ASSERT_TRUE(s.arrivals);
  EXPECT_EQ(s.arrivals->duration, std::chrono::seconds(120));
  EXPECT_DOUBLE_EQ(*s.arrivals->per_second, 4.0 / 120);
  EXPECT_DOUBLE_EQ(*s.arrivals->peak_per_second, 3.0 / 60);
  EXPECT_NEAR(*s.arrivals->cv, std::sqrt((39. * 39 + 37 * 37 + 76 * 76) / 3) / 40, 1e-12);
  EXPECT_DOUBLE_EQ(*s.arrivals->prompt_tokens_per_s, 100.0 / 120);
  EXPECT_NEAR(*s.correlation, 1, 1e-12);
  EXPECT_DOUBLE_EQ(s.prompt.p50, 25);
  EXPECT_DOUBLE_EQ(s.prompt.p90, 37);
  EXPECT_DOUBLE_EQ(s.output.max, 4);
  EXPECT_FALSE(s.prefixes);
}

TEST(TrafficSummary, SaysNothingOfWhatThereIsNot) {
  const TrafficSummary s = summary_of("num_prefill_tokens,num_decode_tokens\n5,6\n");
  EXPECT_FALSE(s.arrivals);
  EXPECT_FALSE(s.correlation);
  const TrafficSummary at_once = summary_of("Timestamp,Request tokens,Response tokens\n7,10,1\n");
  ASSERT_TRUE(at_once.arrivals);
  EXPECT_FALSE(at_once.arrivals->per_second);
  EXPECT_TRUE(to_json(at_once)["arrivals"]["cv"].is_null());
}

// Of 1 2 3 / 1 2 4 / 9 2: the second reuses two, the third none, as its run begins with an unknown.
TEST(TrafficSummary, APrefixIsReusedUpToItsFirstUnknownBlock) {
  const auto row = [](const std::string& hashes) {
    return "{\"timestamp\": 0, \"input_length\": 1500, \"output_length\": 1, \"hash_ids\": [" +
           hashes + "]}\n";
  };
  const TrafficSummary s = summary_of(row("1, 2, 3") + row("1, 2, 4") + row("9, 2"));
  ASSERT_TRUE(s.prefixes);
  EXPECT_EQ(s.prefixes->blocks, 8);
  EXPECT_EQ(s.prefixes->distinct, 5);
  EXPECT_EQ(s.prefixes->reused, 2);
}

/// The folder of collected traces beside the checkout; empty where there is none.
std::filesystem::path collected() {
  const char* variable = std::getenv("RIGSIM_SHARED");
  const std::filesystem::path shared =
      variable != nullptr ? variable : RIGSIM_SOURCE_DIR "/../shared";
  const auto folder = shared / "data" / "traces";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path{};
}

/// What the collection's README says of a trace: lengths to 0.1, rates to 0.001, 0.01 and 1.
struct Published {
  std::string file;
  std::int64_t requests;
  std::array<double, 9> prompt, output;
  double duration_s, per_second, cv, peak, correlation, prompt_per_s, output_per_s;
};

const std::vector<Published> kPublished = {
    {"azure_llm_2023_code.csv.gz",
     8819,
     {2047.8, 17.0, 578.0, 1469.0, 2744.5, 5187.6, 7303.3, 7436.0, 7437.0},
     {27.9, 6.0, 9.0, 13.0, 24.0, 55.0, 90.0, 251.5, 1899.0},
     3435.9,
     2.567,
     13.15,
     10.53,
     0.001,
     5256,
     72},
    {"azure_llm_2023_conv.csv.gz",
     19366,
     {1154.7, 29.0, 396.0, 1020.0, 1189.0, 2734.5, 4083.0, 4142.0, 14050.0},
     {211.1, 16.0, 85.0, 129.0, 395.0, 424.0, 451.0, 601.0, 1000.0},
     3501.7,
     5.53,
     1.09,
     8.45,
     -0.112,
     6386,
     1168},
    {"mooncake_fast25_conversation.jsonl.gz",
     12031,
     {12035.1, 894.0, 2306.5, 6909.0, 15367.0, 27367.0, 39550.5, 85400.4, 126195.0},
     {342.6, 3.0, 156.5, 350.0, 472.0, 597.0, 698.0, 1118.5, 2000.0},
     3537.0,
     3.401,
     3.03,
     4.12,
     0.072,
     40937,
     1165},
    {"mooncake_fast25_synthetic.jsonl.gz",
     3993,
     {15325.5, 16.0, 277.0, 11587.0, 23175.0, 38611.2, 48904.6, 66456.2, 191378.0},
     {149.1, 2.0, 11.0, 69.0, 250.0, 389.0, 519.0, 768.1, 893.0},
     1022.0,
     3.907,
     1.01,
     4.55,
     -0.374,
     59876,
     583},
    {"sharegpt_lengths_llama-3.1-8b_300.jsonl.gz",
     300,
     {857.5, 264.0, 482.8, 731.5, 1109.5, 1460.1, 1748.9, 2765.2, 3998.0},
     {652.5, 516.0, 561.8, 632.0, 767.0, 770.0, 773.0, 784.1, 1021.0},
     29.1,
     10.296,
     0.94,
     0,
     0.157,
     8829,
     6718},
    {"sharegpt_lengths_qwen3-32b_300.jsonl.gz",
     300,
     {862.3, 262.0, 472.2, 728.5, 1125.0, 1451.5, 1813.9, 2768.2, 4570.0},
     {665.0, 513.0, 565.8, 638.0, 769.0, 785.1, 814.4, 1001.1, 1224.0},
     29.1,
     10.296,
     0.94,
     0,
     0.158,
     8878,
     6847},
    {"vidur_arxiv_summarization_lengths.csv.gz",
     28257,
     {2588.1, 73.0, 1986.0, 2730.0, 3370.0, 3702.0, 3813.0, 3933.4, 4054.0},
     {291.4, 36.0, 115.0, 167.0, 242.0, 372.0, 736.2, 3271.3, 4056.0},
     0,
     0,
     0,
     0,
     0,
     0,
     0},
};

void expect_lengths(const LengthSummary& l, const std::array<double, 9>& published) {
  const std::array<double, 9> ours = {l.mean, l.p1,  l.p25, l.p50, l.p75,
                                      l.p90,  l.p95, l.p99, l.max};
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], published[i], 0.0501) << i;
}

void expect_arrivals(const TrafficSummary& s, const Published& published) {
  const ArrivalSummary& a = s.arrivals.value();
  EXPECT_NEAR(sim::to_seconds(a.duration), published.duration_s, 0.0501);
  EXPECT_NEAR(*a.per_second, published.per_second, 0.000501);
  EXPECT_NEAR(*a.cv, published.cv, 0.00501);
  EXPECT_NEAR(a.peak_per_second.value_or(0), published.peak, 0.00501);
  EXPECT_NEAR(*s.correlation, published.correlation, 0.000501);
  EXPECT_NEAR(*a.prompt_tokens_per_s, published.prompt_per_s, 0.501);
  EXPECT_NEAR(*a.output_tokens_per_s, published.output_per_s, 0.501);
}

TEST(TrafficSummary, EqualsWhatIsSaidOfTheCollectedTraces) {
  const std::filesystem::path folder = collected();
  if (folder.empty()) GTEST_SKIP() << "no collected traces: set RIGSIM_SHARED";
  for (const Published& published : kPublished) {
    SCOPED_TRACE(published.file);
    const TrafficSummary s = summarise(configs::load_traffic((folder / published.file).string(), {},
                                                             configs::NoArrivals::kAllowed));
    EXPECT_EQ(s.requests, published.requests);
    expect_lengths(s.prompt, published.prompt);
    expect_lengths(s.output, published.output);
    EXPECT_EQ(s.arrivals.has_value(), published.duration_s > 0);
    if (s.arrivals) expect_arrivals(s, published);
  }
}

TEST(TrafficSummary, EqualsWhatIsSaidOfTheCollectedPrefixes) {
  const std::filesystem::path folder = collected();
  if (folder.empty()) GTEST_SKIP() << "no collected traces: set RIGSIM_SHARED";
  const auto prefixes = [&](const char* file) {
    return summarise(configs::load_traffic((folder / file).string(), {})).prefixes.value();
  };
  const PrefixSummary conversation = prefixes("mooncake_fast25_conversation.jsonl.gz");
  EXPECT_EQ(conversation.blocks, 288'500);
  EXPECT_EQ(conversation.distinct, 182'790);
  EXPECT_NEAR(static_cast<double>(conversation.reused) / 288'500, 0.366, 0.000501);
  const PrefixSummary synthetic = prefixes("mooncake_fast25_synthetic.jsonl.gz");
  EXPECT_EQ(synthetic.blocks, 121'877);
  EXPECT_EQ(synthetic.distinct, 43'924);
  EXPECT_NEAR(static_cast<double>(synthetic.reused) / 121'877, 0.640, 0.000501);
}

// Mean TTFT of the RTX 4090 run from the records themselves: first token less queued.
TEST(TrafficSummary, MeasuredRunsComeWithTheirTimes) {
  const std::filesystem::path folder = collected();
  if (folder.empty()) GTEST_SKIP() << "no collected runs: set RIGSIM_SHARED";
  const auto file = folder.parent_path() / "serving" / "RTX4090_Llama-3.1-8B" / "requests.jsonl";
  const configs::LoadedTraffic loaded = configs::load_traffic(file.string(), {});
  ASSERT_EQ(loaded.measured.size(), 300U);
  EXPECT_NEAR(sim::to_seconds(loaded.measured[0].ttft), 27537.350135653 - 27536.660701067, 1e-9);
  EXPECT_NEAR(sim::to_seconds(loaded.measured[0].e2e), 27554.231018618 - 27536.660701067, 1e-9);
}

}  // namespace
}  // namespace rigsim::analysis
