#include "analysis/sweep_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "analysis/comparison.h"
#include "analysis/output_error.h"
#include "configs/config_error.h"
#include "tests/analysis/hdf5_read.h"

namespace rigsim::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Reader;
using testing::TemporaryDirectory;

const SweepHeader kHeader{"0.1.0", "abc", "the sweep"};

const configs::Catalog& catalog() {
  static const configs::Catalog loaded = configs::Catalog::load();
  return loaded;
}

configs::SweepPlan read(const std::string& rest) {
  return configs::read_sweep(
      configs::parse_yaml(
          "base: {rig: rtx-4090, model: llama-3-8b, weights: q4_k_m, output_tokens: "
          "8}\n" +
              rest,
          "s.yaml"),
      catalog());
}

/// 60 points, among them some that do not fit and some that are refused.
configs::SweepPlan mixed_plan() {
  return read(
      "axes:\n- {key: model, values: [llama-3-8b, llama-3-70b]}\n- {key: plan, values: [~, pp=2]}\n"
      "- {key: batch, values: {from: 1, to: 15, step: 1}}\n");
}

std::string bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A whole run into `path`, or one that stops behind so many points.
SweepSummary run(const std::filesystem::path& path, const configs::SweepPlan& plan, int threads,
                 std::optional<std::uint64_t> stop_behind = {},
                 const SweepHeader& header = kHeader) {
  const SweepFacts facts(plan, catalog());
  EarlierPoints earlier;
  if (std::filesystem::exists(path)) read_points(path, plan.run, header, earlier);
  SweepFileWriter file(path, plan, header, std::chrono::milliseconds(0));
  for (const auto& part : file.earlier_parts()) read_points(part, plan.run, header, earlier);
  std::atomic<std::uint64_t> seen = 0;
  const SweepSummary summary =
      run_sweep(facts, earlier, &file, threads,
                {[&] { return stop_behind && seen >= *stop_behind; },
                 [&](const SweepPoint& point) { seen += point.reused ? 0 : 1; }});
  if (!summary.stopped) file.finish();
  return summary;
}

TEST(SweepRun, HasTheSameBytesWithAnyNumberOfThreads) {
  const TemporaryDirectory folder;
  const configs::SweepPlan plan = mixed_plan();
  const SweepSummary summary = run(folder / "one.h5", plan, 1);
  EXPECT_EQ(summary.points, 60U);
  EXPECT_EQ(summary.with(PointStatus::kDone), 15U);
  EXPECT_EQ(summary.with(PointStatus::kDoesNotFit), 15U);
  EXPECT_EQ(summary.with(PointStatus::kRefused), 30U);
  (void)run(folder / "two.h5", plan, 2);
  EXPECT_EQ(bytes(folder / "one.h5"), bytes(folder / "two.h5"));
  EXPECT_THAT(folder.files(), ::testing::UnorderedElementsAre("one.h5", "two.h5"));
}

TEST(SweepRun, SaysOfAPointWhatARunSays) {
  const configs::SweepPlan plan = read("axes:\n- {key: batch, values: [4]}\n");
  const SweepFacts facts(plan, catalog());
  const configs::Scenario scenario = plan.scenario(0, catalog());
  const PointResult point = run_point(facts, scenario);
  const RigResult rig = evaluate(scenario, facts.engines.at(scenario.engine).profile);
  const Figure& decode = *rig.performance->decode_tokens_per_s;
  EXPECT_THAT(std::vector(point.metrics.begin(), point.metrics.begin() + 4),
              ElementsAre(SweepCell(decode.value), SweepCell(decode.low), SweepCell(decode.high),
                          SweepCell(workloads::to_string(decode.evidence))));
}

TEST(SweepRun, KeepsFailuresWithTheirReason) {
  const TemporaryDirectory folder;
  const configs::SweepPlan plan = mixed_plan();
  (void)run(folder / "s.h5", plan, 2);
  const Reader reader(folder / "s.h5");
  EXPECT_EQ(reader.attribute<std::int32_t>("/", "complete"), 1);
  EXPECT_EQ(reader.text_attribute("/", "sweep_yaml"), "the sweep");
  const auto status = reader.decoded("/points/status");
  const auto reason = reader.decoded("/points/reason");
  const auto model = reader.decoded("/points/model");
  const auto batch = reader.column<double>("/points/batch");
  const auto decode = reader.column<double>("/points/decode_tokens_per_s");
  ASSERT_EQ(status.size(), 60U);
  for (std::size_t i = 0; i < status.size(); ++i) {
    EXPECT_EQ(batch[i], 1.0 + static_cast<double>(i % 15));
    EXPECT_EQ(model[i], i < 30 ? "llama-3-8b" : "llama-3-70b");
    EXPECT_EQ(std::isnan(decode[i]), status[i] != "done");
    EXPECT_EQ(reason[i].empty(), status[i] == "done");
  }
  EXPECT_THAT(reason[15], HasSubstr("needs more devices"));
  EXPECT_THAT(reason[30], HasSubstr("GB and has"));
}

// Stopped again and again, at other places and with other threads, it ends with the same file.
TEST(SweepRun, GoesOnWhereItWasStopped) {
  const TemporaryDirectory folder;
  const configs::SweepPlan plan = mixed_plan();
  (void)run(folder / "whole.h5", plan, 1);
  std::uint64_t kept = 0;
  for (const std::uint64_t points : {7U, 11U, 20U}) {
    const SweepSummary cut = run(folder / "cut.h5", plan, points % 2 == 1 ? 1 : 2, points);
    EXPECT_TRUE(cut.stopped);
    EXPECT_GE(cut.reused, kept);
    kept = cut.reused + points;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "cut.h5"));
  EXPECT_TRUE(std::filesystem::exists(folder / "cut.h5.3.part"));
  const SweepSummary rest = run(folder / "cut.h5", plan, 2);
  EXPECT_GE(rest.reused, 38U);
  EXPECT_EQ(rest.points, 60U);
  EXPECT_EQ(bytes(folder / "whole.h5"), bytes(folder / "cut.h5"));
  EXPECT_THAT(folder.files(), ::testing::UnorderedElementsAre("whole.h5", "cut.h5"));
}

TEST(SweepRun, RunsOnlyWhatAChangedPlanAdds) {
  const TemporaryDirectory folder;
  (void)run(folder / "s.h5", read("axes:\n- {key: batch, values: [1, 2, 4]}\n"), 1);
  const SweepSummary changed =
      run(folder / "s.h5", read("axes:\n- {key: batch, values: [8, 4, 2]}\n"), 1);
  EXPECT_EQ(changed.points, 3U);
  EXPECT_EQ(changed.reused, 2U);
  EXPECT_EQ(changed.dropped, 1U);
  EXPECT_THAT(Reader(folder / "s.h5").column<double>("/points/batch"), ElementsAre(8, 4, 2));
}

TEST(SweepRun, TakesNothingFromAnotherVersionOrKindOfRun) {
  const TemporaryDirectory folder;
  const configs::SweepPlan plan = read("axes:\n- {key: batch, values: [1, 2]}\n");
  (void)run(folder / "s.h5", plan, 1);
  EarlierPoints earlier;
  read_points(folder / "s.h5", plan.run, {"0.1.0", "def", ""}, earlier);
  read_points(folder / "s.h5", configs::SweepRun::kServe, kHeader, earlier);
  EXPECT_TRUE(earlier.by_id.empty());
  ASSERT_EQ(earlier.notes.size(), 2U);
  EXPECT_THAT(earlier.notes[0], HasSubstr("rigsim 0.1.0 (abc) made it"));
  EXPECT_THAT(earlier.notes[1], HasSubstr("run: single-stream"));
}

TEST(SweepRun, RefusesFilesThatAreNotASweeps) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "text.h5") << "not HDF5";
  EarlierPoints earlier;
  EXPECT_THROW(read_points(folder / "text.h5", {}, kHeader, earlier), configs::UnreadableInput);
}

TEST(SweepRun, LetsOneRunAtATimeWriteAFile) {
  const TemporaryDirectory folder;
  const configs::SweepPlan plan = read("axes:\n- {key: batch, values: [1, 2]}\n");
  SweepFileWriter first(folder / "s.h5", plan, kHeader);
  EXPECT_THROW(SweepFileWriter(folder / "s.h5", plan, kHeader), OutputError);
}

// The disk is full behind the first flushes: what they brought into the file stays.
TEST(SweepRun, KeepsWhatWasFlushedWhenTheDiskIsFull) {
  const TemporaryDirectory folder;
  const configs::SweepPlan plan = mixed_plan();
  (void)run(folder / "cut.h5", plan, 1, 40);
  const rlim_t most = std::filesystem::file_size(folder / "cut.h5.part");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{most, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  EXPECT_THROW((void)run(folder / "s.h5", plan, 1), OutputError);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(folder.files(), ::testing::UnorderedElementsAre("cut.h5.part", "s.h5.part"));
  const SweepSummary rest = run(folder / "s.h5", plan, 1);
  EXPECT_GT(rest.reused, 0U);
  EXPECT_EQ(rest.points, 60U);
}

TEST(SweepRun, ServesTraffic) {
  const configs::SweepPlan plan = read(
      "axes:\n- {key: traffic.rate_scale, values: [1, 100]}\n- {key: engine, values: [vllm]}\n- "
      "{key: weights, values: [bf16]}\n- {key: traffic.source, values: ['poisson:1/s']}\n- {key: "
      "traffic.requests, values: [50]}\nrun: serve\n");
  const SweepFacts facts(plan, catalog());
  std::vector<double> rates;
  std::size_t stopped = 0;
  const SweepSummary summary = run_sweep(
      facts, {}, nullptr, 1, {{}, [&](const SweepPoint& point) {
                                rates.push_back(std::get<double>(point.result.metrics[1]));
                                stopped += point.result.reason.size();
                              }});
  EXPECT_EQ(summary.with(PointStatus::kDone), 2U);
  EXPECT_EQ(stopped, 0U);
  ASSERT_EQ(rates.size(), 2U);
  EXPECT_GT(rates[1], 2 * rates[0]);
}

}  // namespace
}  // namespace rigsim::analysis
