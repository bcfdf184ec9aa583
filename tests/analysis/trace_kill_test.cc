// A run killed with SIGKILL leaves every row that a completed flush brought into the file.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "analysis/hdf5_table.h"
#include "analysis/trace_file.h"
#include "tests/analysis/hdf5_read.h"
#include "tests/analysis/trace_child.h"

namespace rigsim::analysis {
namespace {

using testing::Reader;
using testing::start_child;
using testing::TemporaryDirectory;
using testing::wait_for;

const TraceHeader kHeader{.title = "t", .version = "0.1.0", .scenario = "model: m\n"};

std::string op_name(std::int64_t row) { return "op" + std::to_string(row / 1'000); }

sim::Flops flops_of(std::int64_t row) { return sim::Flops(0.5 * static_cast<double>(row)); }

void append_op(TraceFile& trace, std::int64_t row) {
  const std::string name = op_name(row);
  trace.append(OpRow{.rig = "r",
                     .start = sim::Time(sim::Duration(row)),
                     .duration = sim::Duration(row * row),
                     .device = "gpu0",
                     .name = name,
                     .step = static_cast<std::uint32_t>(row),
                     .flops = flops_of(row)});
}

// Writes for ever, a random number of rows between flushes; reports the rows after each flush.
template <class Append, class Flush>
int write_for_ever(int report, unsigned seed, unsigned most_rows, Append append, Flush flush) {
  std::mt19937 random(seed);
  for (std::int64_t row = 0;;) {
    for (auto count = random() % most_rows; count > 0; --count) append(row++);
    flush();
    if (write(report, &row, sizeof row) != sizeof row) return 1;
  }
}

int write_trace(const std::filesystem::path& path, int report, unsigned seed) {
  TraceFile trace(path, kHeader);
  return write_for_ever(
      report, seed, 9'000, [&](std::int64_t row) { append_op(trace, row); },
      [&] { trace.flush(); });
}

// Chunks of 10 rows, so that every flush adds many and the index of chunks splits again and again.
int write_small_chunks(const std::filesystem::path& path, int report, unsigned seed) {
  Hdf5File file(path);
  Hdf5Table table(file, {.name = "t", .description = "", .chunk_rows = 10});
  const auto number = table.add_column<std::int64_t>({"number", "1", ""});
  return write_for_ever(
      report, seed, 1'000,
      [&](std::int64_t row) {
        table.push(number, row);
        table.end_row();
      },
      [&] {
        table.write();
        file.flush();
      });
}

// The last number of rows that the child reported before it was gone.
std::int64_t last_report(int pipe) {
  std::int64_t last = -1;
  std::int64_t rows = 0;
  while (read(pipe, &rows, sizeof rows) == sizeof rows) last = rows;
  return last;
}

void expect_trace(const std::filesystem::path& part, std::int64_t rows) {
  const Reader reader(part);
  EXPECT_EQ(reader.attribute<std::int32_t>("/", "complete"), 0);
  const auto start = reader.column<std::int64_t>("/ops/start");
  const auto duration = reader.column<std::int64_t>("/ops/duration");
  const auto step = reader.column<std::uint32_t>("/ops/step");
  const auto flops = reader.column<double>("/ops/flops");
  const auto name = reader.decoded("/ops/name");
  const auto device = reader.decoded("/ops/device");
  const auto count = static_cast<std::size_t>(rows);
  for (const auto have :
       {start.size(), duration.size(), step.size(), flops.size(), name.size(), device.size()}) {
    ASSERT_GE(have, count);
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    ASSERT_TRUE(start[at] == i && duration[at] == i * i && step[at] == i &&
                flops[at] == flops_of(i).count() && name[at] == op_name(i) && device[at] == "gpu0")
        << "row " << i;
  }
}

void expect_small_chunks(const std::filesystem::path& part, std::int64_t rows) {
  const auto number = Reader(part).column<std::int64_t>("/t/number");
  ASSERT_GE(number.size(), static_cast<std::size_t>(rows));
  for (std::int64_t i = 0; i < rows; ++i) ASSERT_EQ(number[static_cast<std::size_t>(i)], i);
}

// Kills a writer at random moments after its first flush, 20 times, and checks what it leaves.
template <class Write, class Expect>
void kill_writers(Write write_rows, Expect expect_rows) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  for (unsigned round = 0; round < 20; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    const TemporaryDirectory directory;
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = start_child([&] {
      close(pipe_ends[0]);
      return write_rows(directory / "run.h5", pipe_ends[1], seed + round);
    });
    close(pipe_ends[1]);
    std::int64_t rows = 0;
    ASSERT_EQ(read(pipe_ends[0], &rows, sizeof rows), ssize_t{sizeof rows});
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 150'000));
    kill(child, SIGKILL);
    EXPECT_EQ(wait_for(child), testing::kKilled);
    rows = std::max(rows, last_report(pipe_ends[0]));
    close(pipe_ends[0]);
    EXPECT_EQ(directory.files(), std::vector<std::string>{"run.h5.part"});
    expect_rows(directory / "run.h5.part", rows);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(TraceKill, LosesNoRowOfACompletedFlush) { kill_writers(write_trace, expect_trace); }

TEST(TraceKill, LosesNoRowWhereTheChunkIndexGrows) {
  kill_writers(write_small_chunks, expect_small_chunks);
}

}  // namespace
}  // namespace rigsim::analysis
