// What is written is read back, whole files and gzip alike; and no damage of a line does more than
// what the reader promises: a refusal, or with skip_bad a row counted and left out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

#include "configs/config_error.h"
#include "configs/traffic/trace.h"
#include "configs/traffic/trace_writer.h"
#include "tests/configs/temporary_directory.h"

namespace rigsim::configs {
namespace {

using workloads::Traffic;
using workloads::TrafficRequest;

std::int64_t any(std::mt19937_64& random, std::int64_t most) {
  return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most + 1));
}

/// Random requests at whole ticks, from time 0 on.
Traffic random_traffic(std::mt19937_64& random, std::int64_t tick_ps, bool with_prefixes) {
  Traffic traffic{"random", {}, with_prefixes ? 512 : 0, {}};
  std::int64_t ticks = 0;
  for (std::int64_t i = any(random, 40); i >= 0; --i) {
    TrafficRequest request;
    request.arrival = sim::Time(sim::Duration(ticks * tick_ps));
    request.prompt_tokens = 1 + any(random, 5000);
    request.output_tokens = 1 + any(random, 3000);
    request.first_hash = static_cast<std::uint32_t>(traffic.prefix_hashes.size());
    if (with_prefixes) {
      request.hash_count = static_cast<std::uint32_t>((request.prompt_tokens + 511) / 512);
      for (std::uint32_t h = 0; h < request.hash_count; ++h) {
        traffic.prefix_hashes.push_back(random());
      }
    }
    traffic.requests.push_back(request);
    ticks += any(random, 1'000'000'000);
  }
  return traffic;
}

void expect_equal(const Traffic& a, const Traffic& b) {
  ASSERT_EQ(a.requests.size(), b.requests.size());
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    EXPECT_EQ(a.requests[i].arrival, b.requests[i].arrival);
    EXPECT_EQ(a.requests[i].prompt_tokens, b.requests[i].prompt_tokens);
    EXPECT_EQ(a.requests[i].output_tokens, b.requests[i].output_tokens);
    EXPECT_EQ(a.requests[i].first_hash, b.requests[i].first_hash);
    EXPECT_EQ(a.requests[i].hash_count, b.requests[i].hash_count);
  }
  EXPECT_EQ(a.prefix_hashes, b.prefix_hashes);
}

struct Form {
  std::string name;
  std::int64_t tick_ps;
};

const std::vector<Form> kForms = {
    {"mooncake", 1000}, {"llmservingsim", 1000}, {"azure", 100'000}, {"burstgpt", 1000}};

TEST(RandomTraces, ComeBackAsTheyWereWritten) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    for (const Form& form : kForms) {
      const Traffic traffic = random_traffic(random, form.tick_ps, form.name == "mooncake");
      const std::string text = write_trace(traffic, form.name);
      expect_equal(read_trace_text(text, "t", {}).traffic, traffic);
    }
  }
}

void damage(std::string& text, std::mt19937_64& random) {
  constexpr std::string_view kBytes = ",\"{}[]:-+.eE019nN \n\r\t\\\x80\xff";
  for (std::int64_t i = any(random, 3); i >= 0; --i) {
    if (text.empty()) return;
    const auto at =
        static_cast<std::size_t>(any(random, static_cast<std::int64_t>(text.size()) - 1));
    switch (any(random, 3)) {
      case 0:
        text[at] = kBytes[static_cast<std::size_t>(any(random, kBytes.size() - 1))];
        break;
      case 1:
        text.erase(at, static_cast<std::size_t>(1 + any(random, 20)));
        break;
      case 2:
        text.insert(
            at,
            text.substr(static_cast<std::size_t>(any(random, static_cast<std::int64_t>(at))), 12));
        break;
      default:
        text.resize(at);
    }
  }
}

/// What a trace promises, however it was read.
void expect_sound(const Trace& trace) {
  const auto& [traffic, has_arrivals, report, measured] = trace;
  ASSERT_FALSE(traffic.requests.empty());
  EXPECT_EQ(traffic.requests.front().arrival, sim::Time{});
  sim::Time last{};
  for (const TrafficRequest& request : traffic.requests) {
    EXPECT_GE(request.arrival, last);
    last = request.arrival;
    EXPECT_GE(request.prompt_tokens, 1);
    EXPECT_GE(request.output_tokens, 1);
    EXPECT_LE(request.first_hash + request.hash_count, traffic.prefix_hashes.size());
  }
  EXPECT_EQ(static_cast<std::int64_t>(traffic.requests.size()) + report.bad + report.unanswered,
            report.rows);
}

TEST(RandomTraces, DamageIsRefusedOrCounted) {
  int refused = 0, read = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    for (const Form& form : kForms) {
      std::string text = write_trace(random_traffic(random, form.tick_ps, true), form.name);
      damage(text, random);
      for (const bool lenient : {false, true}) {
        try {
          expect_sound(read_trace_text(text, "t", {.skip_bad = lenient, .sort = lenient}));
          ++read;
        } catch (const ConfigError& error) {
          EXPECT_THAT(error.what(), testing::StartsWith("t:"));
          ++refused;
        } catch (const UnreadableInput& error) {
          EXPECT_THAT(error.what(), testing::StartsWith("t: "));
          ++refused;
        }
      }
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(read, 500);
}

std::string gzipped(const TemporaryDirectory& folder, const std::string& text) {
  const std::string name = (folder.path() / "t.gz").string();
  gzFile file = gzopen(name.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return name;
}

TEST(RandomTraces, GzipIsTheSameAndCutAnywhereItIsUnreadable) {
  std::mt19937_64 random(1);
  const TemporaryDirectory folder;
  std::string text;
  while (text.size() < 600'000)
    text = write_trace(random_traffic(random, 1000, true), "mooncake") + text;
  const std::string name = gzipped(folder, text);
  const TraceOptions sorted{.sort = true};
  expect_equal(read_trace(name, sorted).traffic, read_trace_text(text, "t", sorted).traffic);
  auto size = static_cast<std::int64_t>(std::filesystem::file_size(name));
  while (size > 3) {  // ever shorter
    size = 2 + any(random, size - 3);
    std::filesystem::resize_file(name, static_cast<std::uintmax_t>(size));
    EXPECT_THROW((void)read_trace(name, sorted), UnreadableInput);
  }
}

TEST(TraceWriter, RefusesWhatAFormCannotHold) {
  Traffic closed{"", {TrafficRequest{}}, 0, {}, workloads::ClosedLoop{}};
  EXPECT_THROW((void)write_trace(closed, "mooncake"), std::invalid_argument);
  const Traffic other_blocks{"", {TrafficRequest{}}, 16, {}};
  EXPECT_THROW((void)write_trace(other_blocks, "mooncake"), std::invalid_argument);
  EXPECT_THROW((void)write_trace({}, "parquet"), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::configs
