#include "analysis/trace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "tests/analysis/hdf5_read.h"

namespace rigsim::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Reader;
using testing::TemporaryDirectory;

sim::Time at(std::int64_t ps) { return sim::Time(sim::Duration(ps)); }

const TraceHeader kHeader{.title = "2x4090 or a6000?",
                          .version = "0.1.0",
                          .commit = "abc123",
                          .command_line = "rigsim compare --rig 2x4090 --rig a6000",
                          .scenario = "model: llama-3-70b\n",
                          .seed = 42};

std::string bytes_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void write_run(TraceFile& trace, int ops) {
  const auto step = trace.append(StepRow{.rig = "2x4090",
                                         .duration = sim::Duration(900),
                                         .phase = "decode",
                                         .batch = 1,
                                         .tokens = 1,
                                         .context_tokens = 1'025});
  for (int i = 0; i < ops; ++i) {
    trace.append(OpRow{.rig = i % 2 == 0 ? "2x4090" : "a6000",
                       .start = at(10 * i),
                       .duration = sim::Duration(10),
                       .device = "gpu0",
                       .track = "gpu0.compute",
                       .kind = "kernel",
                       .name = "attn_q",
                       .step = step,
                       .layer = i % 80,
                       .flops = sim::Flops(2e9),
                       .bytes = sim::Bytes(1'000'000'000'000),
                       .bound = "memory",
                       .evidence = "fitted",
                       .on_critical_path = i % 3 == 0});
  }
}

TEST(TraceFile, KeepsEveryColumnOfAnOp) {
  const TemporaryDirectory directory;
  TraceFile trace(directory / "run.h5", kHeader);
  trace.append(OpRow{.rig = "2x4090",
                     .start = at(1'500),
                     .duration = sim::Duration(250),
                     .device = "gpu1",
                     .track = "gpu1.compute",
                     .kind = "kernel",
                     .name = "attn_q",
                     .step = 3,
                     .layer = 79,
                     .flops = sim::Flops(2.5e9),
                     .bytes = sim::Bytes(1024),
                     .bound = "memory",
                     .evidence = "fitted",
                     .on_critical_path = true});
  trace.append(OpRow{.rig = "2x4090", .kind = "host", .name = "sync"});
  trace.finish();
  const Reader reader(directory / "run.h5");
  EXPECT_THAT(reader.decoded("/ops/rig"), ElementsAre("2x4090", "2x4090"));
  EXPECT_THAT(reader.column<std::int64_t>("/ops/start"), ElementsAre(1'500, 0));
  EXPECT_THAT(reader.column<std::int64_t>("/ops/duration"), ElementsAre(250, 0));
  EXPECT_THAT(reader.decoded("/ops/device"), ElementsAre("gpu1", ""));
  EXPECT_THAT(reader.decoded("/ops/track"), ElementsAre("gpu1.compute", ""));
  EXPECT_THAT(reader.decoded("/ops/kind"), ElementsAre("kernel", "host"));
  EXPECT_THAT(reader.decoded("/ops/name"), ElementsAre("attn_q", "sync"));
  EXPECT_THAT(reader.column<std::uint32_t>("/ops/step"), ElementsAre(3, 0));
  EXPECT_THAT(reader.column<std::uint32_t>("/ops/layer"), ElementsAre(79U, 4'294'967'295U));
  EXPECT_THAT(reader.column<double>("/ops/flops"), ElementsAre(2.5e9, 0));
  EXPECT_THAT(reader.column<std::int64_t>("/ops/bytes"), ElementsAre(1024, 0));
  EXPECT_THAT(reader.decoded("/ops/bound"), ElementsAre("memory", ""));
  EXPECT_THAT(reader.decoded("/ops/evidence"), ElementsAre("fitted", ""));
  EXPECT_THAT(reader.column<std::uint16_t>("/ops/on_critical_path"), ElementsAre(1, 0));
}

TEST(TraceFile, KeepsTransfersStepsAndRequests) {
  const TemporaryDirectory directory;
  TraceFile trace(directory / "run.h5", kHeader);
  const StepRow step{.rig = "a6000",
                     .start = at(5),
                     .duration = sim::Duration(6),
                     .phase = "prefill",
                     .batch = 2,
                     .tokens = 2'048,
                     .context_tokens = 4'096};
  EXPECT_EQ(trace.append(step), 0U);
  EXPECT_EQ(trace.append(step), 1U);
  trace.append(TransferRow{.rig = "a6000",
                           .start = at(7),
                           .duration = sim::Duration(8),
                           .source = "gpu0",
                           .destination = "gpu1",
                           .bytes = sim::Bytes(16'384),
                           .route = "gpu0>host0>gpu1",
                           .staged = true,
                           .step = 1});
  trace.append(RequestRow{.rig = "a6000",
                          .arrival = at(1),
                          .first_token = at(2),
                          .finish = at(3),
                          .prompt_tokens = 1'024,
                          .output_tokens = 512,
                          .ttft_s = 0.25,
                          .tpot_s = 0.0625,
                          .e2e_s = 32.1875});
  trace.finish();
  const Reader reader(directory / "run.h5");
  EXPECT_THAT(reader.decoded("/steps/phase"), ElementsAre("prefill", "prefill"));
  EXPECT_THAT(reader.column<std::int64_t>("/steps/context_tokens"), ElementsAre(4'096, 4'096));
  EXPECT_THAT(reader.decoded("/transfers/route"), ElementsAre("gpu0>host0>gpu1"));
  EXPECT_THAT(reader.decoded("/transfers/destination"), ElementsAre("gpu1"));
  EXPECT_THAT(reader.column<std::uint16_t>("/transfers/staged"), ElementsAre(1));
  EXPECT_THAT(reader.column<std::int64_t>("/requests/finish"), ElementsAre(3));
  EXPECT_THAT(reader.column<double>("/requests/e2e"), ElementsAre(32.1875));
  EXPECT_EQ(reader.text_attribute("/requests/e2e", "units"), "s");
  EXPECT_EQ(reader.text_attribute("/requests/finish", "units"), "ps");
}

TEST(TraceFile, KeepsOccupancyAndSummary) {
  const TemporaryDirectory directory;
  TraceFile trace(directory / "run.h5", kHeader);
  trace.append(DeviceOccupancyRow{.rig = "2x4090",
                                  .device = "gpu0",
                                  .busy_s = 3,
                                  .total_s = 4,
                                  .busy_fraction = 0.75,
                                  .memory_s = 3,
                                  .bubble_s = 1});
  trace.append(LinkOccupancyRow{
      .rig = "2x4090", .link = "gpu0>host0", .busy_s = 1, .total_s = 4, .busy_fraction = 0.25});
  trace.append(SummaryRow{.rig = "2x4090",
                          .figure = "decode_tokens_per_s",
                          .value = 19,
                          .low = 18,
                          .high = 20,
                          .unit = "s-1",
                          .evidence = "measured"});
  trace.finish();
  const Reader reader(directory / "run.h5");
  EXPECT_THAT(reader.column<double>("/device_occupancy/bubble"), ElementsAre(1));
  EXPECT_THAT(reader.decoded("/link_occupancy/link"), ElementsAre("gpu0>host0"));
  EXPECT_THAT(reader.decoded("/summary/figure"), ElementsAre("decode_tokens_per_s"));
  EXPECT_THAT(reader.column<double>("/summary/high"), ElementsAre(20));
  EXPECT_THAT(reader.decoded("/summary/unit"), ElementsAre("s-1"));
}

TEST(TraceFile, SaysWhereItComesFrom) {
  const TemporaryDirectory directory;
  TraceHeader header = kHeader;
  header.scenario = "model: llama-3-70b\n" + std::string(1'000'000, '#');
  TraceFile(directory / "run.h5", header).finish();
  const Reader reader(directory / "run.h5");
  EXPECT_EQ(reader.text_attribute("/", "Conventions"), "CF-1.10");
  EXPECT_EQ(reader.text_attribute("/", "title"), "2x4090 or a6000?");
  EXPECT_EQ(reader.text_attribute("/", "creator_commit"), "abc123");
  EXPECT_EQ(reader.text_attribute("/", "schema_name"), "rigsim-trace");
  EXPECT_EQ(reader.text_attribute("/", "scenario_yaml"), header.scenario);
  EXPECT_EQ(reader.text_attribute("/", "run_id").size(), 16U);
  EXPECT_EQ(reader.attribute<std::uint64_t>("/", "seed"), 42U);
  EXPECT_EQ(reader.attribute<std::int32_t>("/", "complete"), 1);
}

TEST(TraceFile, SaysWhichStepsAreTracedOpByOp) {
  const TemporaryDirectory directory;
  const auto traced = [&](const std::vector<std::uint32_t>& steps) {
    TraceFile trace(directory / "run.h5", kHeader);
    trace.set_traced_steps(steps);
    trace.finish();
    return Reader(directory / "run.h5").text_attribute("/ops", "ops_traced_steps");
  };
  EXPECT_EQ(traced({0, 1, 2, 3, 17}), "0-3,17");
  EXPECT_EQ(traced({5}), "5");
  EXPECT_EQ(traced({}), "none");
  TraceFile(directory / "all.h5", kHeader).finish();
  EXPECT_EQ(Reader(directory / "all.h5").text_attribute("/ops", "ops_traced_steps"), "all");
}

TEST(TraceFile, IsTheSameBytesForTheSameRows) {
  const TemporaryDirectory directory;
  for (const char* name : {"a.h5", "b.h5"}) {
    TraceFile trace(directory / name, kHeader, {.flush_interval = std::chrono::hours(1)});
    write_run(trace, 70'000);
    trace.flush();
    write_run(trace, 5'000);
    trace.finish();
    std::this_thread::sleep_for(
        std::chrono::milliseconds(1'100));  // HDF5's time stamps are seconds
  }
  EXPECT_TRUE(bytes_of(directory / "a.h5") == bytes_of(directory / "b.h5"));
}

// When it is flushed decides where the bytes lie, not what they say.
TEST(TraceFile, HoldsTheSameDataHoweverOftenItIsFlushed) {
  const TemporaryDirectory directory;
  for (const int interval_ms : {0, 3'600'000}) {
    TraceFile trace(directory / (std::to_string(interval_ms) + ".h5"), kHeader,
                    {.flush_interval = std::chrono::milliseconds(interval_ms)});
    write_run(trace, 60);
    trace.finish();
  }
  const std::string command =
      "h5diff -q " + (directory / "0.h5").string() + " " + (directory / "3600000.h5").string();
  if (std::system("h5diff --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no h5diff here";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST(TraceFile, IsReadableWhileItIsWritten) {
  const TemporaryDirectory directory;
  TraceFile trace(directory / "run.h5", kHeader);
  write_run(trace, 1'000);
  trace.flush();
  write_run(trace, 500);
  const Reader reader(directory / "run.h5.part");
  EXPECT_EQ(reader.column<std::int64_t>("/ops/start").size(), 1'000U);
  EXPECT_EQ(reader.attribute<std::int32_t>("/", "complete"), 0);
}

TEST(TraceFile, FlushesByItselfAfterItsInterval) {
  const TemporaryDirectory directory;
  TraceFile trace(directory / "run.h5", kHeader, {.flush_interval = std::chrono::milliseconds(0)});
  write_run(trace, 3);
  EXPECT_EQ(Reader(directory / "run.h5.part").column<std::int64_t>("/ops/start").size(), 3U);
}

TEST(TraceFile, ReplacesAnOldResultOnlyWhenFinished) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "run.h5") << "old";
  {
    TraceFile trace(directory / "run.h5", kHeader);
    write_run(trace, 10);
    trace.flush();
    EXPECT_EQ(bytes_of(directory / "run.h5"), "old");
  }
  EXPECT_EQ(bytes_of(directory / "run.h5"), "old");
  EXPECT_THAT(directory.files(), ElementsAre("run.h5"));
  TraceFile(directory / "run.h5", kHeader).finish();
  EXPECT_THAT(directory.files(), ElementsAre("run.h5"));
  EXPECT_EQ(Reader(directory / "run.h5").attribute<std::int32_t>("/", "complete"), 1);
}

TEST(TraceFile, LeavesNothingBehindWhenTheRunFails) {
  const TemporaryDirectory directory;
  try {
    TraceFile trace(directory / "run.h5", kHeader);
    write_run(trace, 10'000);
    throw std::runtime_error("the run failed");
  } catch (const std::runtime_error&) {
  }
  EXPECT_THAT(directory.files(), IsEmpty());
}

TEST(TraceFile, KeepsWhatThereIsWhenInterrupted) {
  const TemporaryDirectory directory;
  TraceFile trace(directory / "run.h5", kHeader);
  write_run(trace, 100);
  EXPECT_EQ(trace.finish_incomplete(), directory / "run.h5");
  EXPECT_THAT(directory.files(), ElementsAre("run.h5"));
  const Reader reader(directory / "run.h5");
  EXPECT_EQ(reader.column<std::int64_t>("/ops/start").size(), 100U);
  EXPECT_EQ(reader.attribute<std::int32_t>("/", "complete"), 0);
}

TEST(TraceFile, DoesNotReplaceAWholeResultByAnInterruptedOne) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "run.h5") << "old";
  TraceFile trace(directory / "run.h5", kHeader);
  write_run(trace, 100);
  EXPECT_EQ(trace.finish_incomplete(), directory / "run.h5.part");
  EXPECT_EQ(bytes_of(directory / "run.h5"), "old");
  EXPECT_EQ(Reader(directory / "run.h5.part").column<std::int64_t>("/ops/start").size(), 100U);
}

TEST(TraceFile, TakesNothingMoreOnceFinished) {
  const TemporaryDirectory directory;
  TraceFile trace(directory / "run.h5", kHeader);
  trace.finish();
  EXPECT_THROW(trace.append(SummaryRow{}), std::logic_error);
  EXPECT_THROW(trace.finish(), std::logic_error);
}

}  // namespace
}  // namespace rigsim::analysis
