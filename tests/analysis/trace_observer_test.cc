#include "analysis/trace_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "tests/analysis/hdf5_read.h"

namespace rigsim::analysis {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using testing::Reader;
using testing::TemporaryDirectory;

configs::Scenario scenario(const char* rig) {
  const auto catalog = configs::Catalog::load();
  configs::Scenario result;
  result.rig = catalog.rig(rig);
  result.model = catalog.model("llama-3-8b");
  result.weights = catalog.weights_format("q4_k_m");
  result.prompt_tokens = 1024;
  result.output_tokens = 129;
  return result;
}

/// Runs `scenarios` into one trace; returns the results.
std::vector<RigResult> traced(const std::filesystem::path& path, TraceDetail detail,
                              const std::vector<configs::Scenario>& scenarios) {
  const auto engine = configs::engine_named("llama.cpp").profile;
  TraceFile file(path, TraceHeader{});
  TraceObserver observer(file, detail);
  std::vector<RigResult> results;
  for (const configs::Scenario& one : scenarios) {
    workloads::SingleStream work;
    work.prompt_tokens = one.prompt_tokens;
    work.output_tokens = one.output_tokens;
    work.batch = one.batch;
    observer.begin(deployment_request(one, engine), work);
    results.push_back(evaluate(one, engine, &observer));
    observer.end(results.back());
  }
  file.finish();
  return results;
}

/// Sum of a column over the rows of one rig (and of one phase, where given).
template <class T>
T sum_of(const Reader& reader, const std::string& table, const std::string& column,
         const std::string& rig, const std::string& phase = {}) {
  const auto rigs = reader.decoded(table + "/rig");
  const auto phases = phase.empty() ? rigs : reader.decoded(table + "/phase");
  const auto values = reader.column<T>(table + "/" + column);
  T sum{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (rigs[i] == rig && (phase.empty() || phases[i] == phase)) sum += values[i];
  }
  return sum;
}

TEST(TraceObserver, TokensOverTheStepsDurationsAreTheRates) {
  const TemporaryDirectory directory;
  const auto results =
      traced(directory / "t.h5", TraceDetail::kFigures, {scenario("2x4090"), scenario("a6000")});
  const Reader reader(directory / "t.h5");
  for (const RigResult& rig : results) {
    const auto rate = [&](const std::string& phase) {
      const auto tokens = sum_of<std::int64_t>(reader, "/steps", "tokens", rig.name, phase);
      const auto ps = sum_of<std::int64_t>(reader, "/steps", "duration", rig.name, phase);
      return static_cast<double>(tokens) / (static_cast<double>(ps) * 1e-12);
    };
    const double decode = rig.performance->decode_tokens_per_s->value;
    const double prefill = rig.performance->prefill_tokens_per_s->value;
    EXPECT_NEAR(rate("decode"), decode, decode * 1e-12);
    EXPECT_NEAR(rate("prefill"), prefill, prefill * 1e-12);
  }
  EXPECT_EQ(reader.decoded("/steps/phase").size(), 2U * (1 + 128));
  EXPECT_THAT(reader.column<std::int64_t>("/ops/start"), IsEmpty());
  EXPECT_EQ(reader.text_attribute("/ops", "ops_traced_steps"), "none");
}

TEST(TraceObserver, StepsFollowEachOtherWithoutAGap) {
  const TemporaryDirectory directory;
  (void)traced(directory / "t.h5", TraceDetail::kFigures, {scenario("2x4090")});
  const Reader reader(directory / "t.h5");
  const auto starts = reader.column<std::int64_t>("/steps/start");
  const auto durations = reader.column<std::int64_t>("/steps/duration");
  const auto contexts = reader.column<std::int64_t>("/steps/context_tokens");
  for (std::size_t i = 1; i < starts.size(); ++i) {
    EXPECT_EQ(starts[i], starts[i - 1] + durations[i - 1]);
    EXPECT_EQ(contexts[i], contexts[i - 1] + 1);
  }
}

// On the critical path one op begins where the one before ended: their times are the step's.
TEST(TraceObserver, TheCriticalPathOfATracedStepIsAsLongAsTheStep) {
  const TemporaryDirectory directory;
  (void)traced(directory / "t.h5", TraceDetail::kOps, {scenario("2x4090")});
  const Reader reader(directory / "t.h5");
  const auto steps = reader.column<std::uint32_t>("/ops/step");
  const auto durations = reader.column<std::int64_t>("/ops/duration");
  const auto on_path = reader.column<std::uint16_t>("/ops/on_critical_path");
  const auto step_durations = reader.column<std::int64_t>("/steps/duration");
  std::map<std::uint32_t, std::int64_t> path;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (on_path[i] != 0) path[steps[i]] += durations[i];
  }
  ASSERT_GE(path.size(), 2U);
  for (const auto& [step, length] : path) EXPECT_EQ(length, step_durations.at(step)) << step;
}

TEST(TraceObserver, CopiesStandInTransfersWithTheirRoute) {
  const TemporaryDirectory directory;
  (void)traced(directory / "t.h5", TraceDetail::kOps, {scenario("2x4090")});
  const Reader reader(directory / "t.h5");
  const auto kinds = reader.decoded("/ops/kind");
  const auto copies = std::count(kinds.begin(), kinds.end(), "transfer");
  EXPECT_GT(copies, 0);
  EXPECT_EQ(reader.decoded("/transfers/source").size(), static_cast<std::size_t>(copies));
  EXPECT_THAT(reader.decoded("/transfers/source"), Each("gpu0"));
  EXPECT_THAT(reader.decoded("/transfers/destination"), Each("gpu1"));
  EXPECT_THAT(reader.decoded("/transfers/route"), Each(::testing::HasSubstr("gpu0>host0")));
  EXPECT_THAT(reader.column<std::uint16_t>("/transfers/staged"), Each(1));
}

TEST(TraceObserver, ADevicesTimeAddsUpToTheRun) {
  const TemporaryDirectory directory;
  const auto results = traced(directory / "t.h5", TraceDetail::kFigures, {scenario("2x4090")});
  const Reader reader(directory / "t.h5");
  double parts = 0;
  for (const char* cause : {"compute", "memory", "link", "launch", "bubble", "host"}) {
    parts += sum_of<double>(reader, "/device_occupancy", cause, "2x4090");
  }
  const double run = sim::to_seconds(results[0].run->e2e);
  EXPECT_NEAR(parts, 2 * run, 1e-9);
  EXPECT_THAT(reader.column<double>("/device_occupancy/total"), Each(run));
  for (const double busy : reader.column<double>("/link_occupancy/busy")) {
    EXPECT_GE(busy, 0);
    EXPECT_LT(busy, run);
  }
}

TEST(TraceObserver, TheSummaryHoldsWhatIsPrinted) {
  const TemporaryDirectory directory;
  const auto results = traced(directory / "t.h5", TraceDetail::kFigures, {scenario("2x4090")});
  const Reader reader(directory / "t.h5");
  const auto figures = reader.decoded("/summary/figure");
  const auto values = reader.column<double>("/summary/value");
  std::map<std::string, double> summary;
  for (std::size_t i = 0; i < figures.size(); ++i) summary[figures[i]] = values[i];
  for (const FigureSpec& spec : figure_specs()) {
    EXPECT_EQ(summary.at(std::string(spec.key)), ((*results[0].performance).*spec.member)->value)
        << spec.key;
  }
  EXPECT_EQ(summary.at("memory_bytes.gpu1.weights"),
            static_cast<double>(results[0].memory[1].items.weights.count()));
}

// TTFT and TPOT of the request are the figures'; every request of the batch has its row.
TEST(TraceObserver, RequestsHaveTheirLatencies) {
  const TemporaryDirectory directory;
  configs::Scenario batch = scenario("a6000");
  batch.batch = 3;
  const auto results = traced(directory / "t.h5", TraceDetail::kFigures, {batch});
  const Reader reader(directory / "t.h5");
  EXPECT_THAT(reader.column<double>("/requests/ttft"),
              ::testing::ElementsAre(results[0].performance->ttft_s->value,
                                     results[0].performance->ttft_s->value,
                                     results[0].performance->ttft_s->value));
  EXPECT_THAT(reader.column<double>("/requests/tpot"),
              Each(::testing::DoubleNear(results[0].performance->tpot_s->value, 1e-12)));
}

TEST(TraceObserver, ARigThatDoesNotFitIsKeptTooWithoutARun) {
  const TemporaryDirectory directory;
  configs::Scenario large = scenario("4090");
  large.model = configs::Catalog::load().model("llama-3-70b");
  (void)traced(directory / "t.h5", TraceDetail::kOps, {large});
  const Reader reader(directory / "t.h5");
  EXPECT_THAT(reader.decoded("/steps/rig"), IsEmpty());
  EXPECT_THAT(reader.decoded("/summary/rig"), Each("4090"));
}

}  // namespace
}  // namespace rigsim::analysis
