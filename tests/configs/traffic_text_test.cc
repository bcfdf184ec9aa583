#include "configs/traffic_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "configs/config_error.h"
#include "tests/configs/temporary_directory.h"

namespace rigsim::configs {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using namespace workloads;             // NOLINT(google-build-using-namespace)
using testing::HasSubstr;

template <class T>
T arrivals(const std::string& text) {
  return std::get<T>(parse_traffic_plan(text, {}).arrivals);
}

template <class T>
T prompt(const std::string& text) {
  return std::get<T>(
      std::get<IndependentLengths>(parse_traffic_plan("poisson:1/s,prompt=" + text, {}).lengths)
          .prompt);
}

TEST(TrafficText, SaysEveryArrivalProcess) {
  EXPECT_EQ(arrivals<PoissonArrivals>("poisson:4/s").per_second, 4);
  EXPECT_EQ(arrivals<PoissonArrivals>("poisson:90/min").per_second, 1.5);
  EXPECT_EQ(arrivals<UniformArrivals>("uniform:900/h").per_second, 0.25);
  EXPECT_EQ(arrivals<GammaArrivals>("gamma:4/s,cv=2").shape, 0.25);
  EXPECT_EQ(arrivals<GammaArrivals>("gamma:4/s,burstiness=0.25").shape, 0.25);
  EXPECT_EQ(arrivals<RampArrivals>("ramp:1/s-600/min").to_per_second, 10);
  EXPECT_EQ(arrivals<ClosedArrivals>("closed:16").users, 16);
  EXPECT_EQ(arrivals<ClosedArrivals>("closed:16,think=2s").think, 2s);
  EXPECT_TRUE(arrivals<ClosedArrivals>("closed:16,think=exp(500ms)").exponential_think);
}

TEST(TrafficText, SaysEveryLength) {
  EXPECT_EQ(prompt<FixedLength>("512").tokens, 512);
  EXPECT_EQ(prompt<UniformLength>("uniform(100,1000)").most, 1000);
  EXPECT_EQ(prompt<LognormalLength>("lognormal(cv=1,mean=512)").mean, 512);
  const auto usual = std::get<IndependentLengths>(
      parse_traffic_plan("poisson:1/s", {.prompt_tokens = 7, .output_tokens = 8}).lengths);
  EXPECT_EQ(std::get<FixedLength>(usual.prompt).tokens, 7);
  EXPECT_EQ(std::get<FixedLength>(usual.output).tokens, 8);
}

TEST(TrafficText, TakesLengthsFromATrace) {
  const TemporaryDirectory folder;
  const std::string file =
      folder.write("l.csv", "num_prefill_tokens,num_decode_tokens\n1,2\n3,4\n").string();
  const LoadedTraffic loaded =
      load_traffic("uniform:1/s,lengths=" + file + ",order=file", {.trace = {.requests = 3}});
  ASSERT_EQ(loaded.traffic.requests.size(), 3U);
  EXPECT_EQ(loaded.traffic.requests[1].output_tokens, 4);
  EXPECT_EQ(loaded.traffic.requests[2].prompt_tokens, 1);
  EXPECT_EQ(loaded.report.value().form, "Vidur CSV");
  try {
    (void)load_traffic(file, {});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("poisson:4/s,lengths=" + file));
  }
  EXPECT_FALSE(load_traffic(file, {}, NoArrivals::kAllowed).has_arrivals);
}

TEST(TrafficText, ScalesAfterCutting) {
  const LoadedTraffic loaded = load_traffic(
      "uniform:1/s,prompt=10,output=10",
      {.trace = {.from = 2s, .to = 6s}, .rate_scale = 2, .prompt_scale = 3, .output_scale = 0.5});
  ASSERT_EQ(loaded.traffic.requests.size(), 4U);
  EXPECT_EQ(loaded.traffic.requests[3].arrival.time_since_epoch(), 1500ms);
  EXPECT_EQ(loaded.traffic.requests[3].prompt_tokens, 30);
  EXPECT_EQ(loaded.traffic.requests[3].output_tokens, 5);
}

struct Refused {
  std::string text;
  std::string message;
};

TEST(TrafficText, SaysWhatIsAllowed) {
  const std::vector<Refused> all = {
      {"poison:4/s", "did you mean \"poisson\"? allowed: poisson:4/s, gamma:4/s,cv=2"},
      {"poisson", "allowed: poisson:4/s"},
      {"poisson:4", "poisson: expected a rate such as 4/s, 240/min or 900/h, got \"4\""},
      {"poisson:0/s", "poisson: a rate must be > 0, got \"0/s\""},
      {"poisson:nan/s", "poisson: expected a number, got \"nan\""},
      {"poisson:4/s,promt=5", "unknown key \"promt\", did you mean \"prompt\"? poisson has prompt"},
      {"poisson:4/s,cv=5", "unknown key \"cv\"; poisson has prompt, output, lengths, order"},
      {"poisson:4/s,prompt", "expected KEY=VALUE such as prompt=512, got \"prompt\""},
      {"poisson:4/s,prompt=5,prompt=6", "prompt: is given twice"},
      {"poisson:4/s,prompt=-5", "prompt: must be tokens such as 512, uniform(100,1000)"},
      {"poisson:4/s,prompt=0", "a length must be 1 to 1000000000 tokens, got 0"},
      {"poisson:4/s,prompt=uniform(9,8)", "prompt: the least length is above the most"},
      {"poisson:4/s,prompt=uniform(5,a)",
       "at character 30 of \"poisson:4/s,prompt=uniform(5,a)\": prompt: most: expected a whole"},
      {"closed:0", "at character 8 of \"closed:0\": closed: users must be >= 1"},
      {"ramp:1/s-x/s", "at character 10 of \"ramp:1/s-x/s\": ramp: to: expected a number"},
      {"poisson:4/s,", "at character 13 of \"poisson:4/s,\": expected KEY=VALUE"},
      {"poisson:4/s,prompt=uniform(9)", "prompt: uniform(LEAST,MOST)"},
      {"poisson:4/s,prompt=lognormal(mean=5)", "prompt: lognormal needs mean and cv"},
      {"poisson:4/s,prompt=lognormal(mean=5,cv=x)", "prompt: cv: expected a number"},
      {"poisson:4/s,order=file", "order: goes with lengths=FILE"},
      {"poisson:4/s,lengths=x,prompt=4", "lengths: stands for prompt and output"},
      {"gamma:4/s", "gamma: gamma needs either cv=2"},
      {"gamma:4/s,cv=0",
       "at character 14 of \"gamma:4/s,cv=0\": gamma: cv: must be 0.001 to 100, got"},
      {"ramp:4/s", "ramp: ramp:1/s-10/s has two rates"},
      {"closed:x", "closed: expected a whole number"},
      {"closed:4,think=2", "closed: think: expected a duration"},
      {"uniform:1/h", "beyond the clock's 106 days"},
  };
  for (const Refused& refused : all) {
    try {
      (void)load_traffic(refused.text, {.trace = {.requests = 10'000}});
      ADD_FAILURE() << refused.text;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr(refused.message)) << refused.text;
    }
  }
}

}  // namespace
}  // namespace rigsim::configs
