// Places that cannot be written, disks that fill up, memory that must not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <string>

#include "analysis/output_error.h"
#include "analysis/trace_file.h"
#include "tests/analysis/hdf5_read.h"
#include "tests/analysis/trace_child.h"

namespace rigsim::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::start_child;
using testing::TemporaryDirectory;
using testing::wait_for;

enum ChildExit { kRefused = 10, kWritten = 11, kWrongReason = 12, kNotPossibleHere = 77 };

const TraceHeader kHeader{.title = "t", .version = "0.1.0", .scenario = "model: m\n"};

std::string refusal(const std::filesystem::path& path) {
  try {
    const TraceFile trace(path, kHeader);
    return "none";
  } catch (const OutputError& error) {
    return error.what();
  }
}

TEST(TraceRefusal, NamesTheDirectoryThatIsMissing) {
  const TemporaryDirectory directory;
  EXPECT_THAT(refusal(directory / "no/run.h5"), HasSubstr("no such directory"));
  EXPECT_THAT(refusal(directory / "no/run.h5"), HasSubstr((directory / "no").string()));
}

TEST(TraceRefusal, OfADirectoryADeviceAndAPathBelowAFile) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << "old";
  EXPECT_THAT(refusal(directory / ""), HasSubstr("is a directory"));
  EXPECT_THAT(refusal("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal(directory / "file/run.h5"), HasSubstr("Not a directory"));
  EXPECT_THAT(directory.files(), ElementsAre("file"));
}

TEST(TraceRefusal, OfADirectoryWithoutWritePermission) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "closed");
  chmod((directory / "closed").c_str(), 0555);
  chmod((directory / "").c_str(), 0755);
  const int code = wait_for(start_child([&] {
    constexpr uid_t kNobody = 65'534;
    if (geteuid() == 0 && seteuid(kNobody) != 0) return kNotPossibleHere;
    const std::string reason = refusal(directory / "closed/run.h5");
    if (getuid() == 0 && seteuid(0) != 0) return kNotPossibleHere;
    return reason.find("Permission denied") != std::string::npos ? kRefused : kWrongReason;
  }));
  if (code == kNotPossibleHere) GTEST_SKIP() << "cannot drop root here";
  EXPECT_EQ(code, kRefused);
}

TEST(TraceRefusal, OfASecondWriterAtTheSamePath) {
  const TemporaryDirectory directory;
  TraceFile first(directory / "run.h5", kHeader);
  EXPECT_THAT(refusal(directory / "run.h5"), HasSubstr("another run is writing"));
  first.finish();
  EXPECT_THAT(directory.files(), ElementsAre("run.h5"));
}

TEST(TraceRefusal, DoesNotConcernThePartOfARunThatWasKilled) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "run.h5.part") << "left by a killed run";
  TraceFile(directory / "run.h5", kHeader).finish();
  EXPECT_THAT(directory.files(), ElementsAre("run.h5"));
}

// Writes until the disk is full: 300,000 rows of hardly compressible numbers are some 5 MB.
int write_until_refused(const std::filesystem::path& path, const std::string& reason) {
  try {
    TraceFile trace(path, kHeader, {.flush_interval = std::chrono::milliseconds(20)});
    std::uint64_t number = 1;
    for (int i = 0; i < 300'000; ++i) {
      number = number * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;  // Knuth, MMIX
      trace.append(RequestRow{.rig = "r",
                              .prompt_tokens = static_cast<std::int64_t>(number),
                              .ttft_s = static_cast<double>(number)});
    }
    trace.finish();
    return kWritten;
  } catch (const OutputError& error) {
    return error.reason() == reason ? kRefused : kWrongReason;
  }
}

// A process that may not write files larger than the limit, in place of a disk of that size.
class TraceFullDisk : public ::testing::TestWithParam<rlim_t> {};

TEST_P(TraceFullDisk, IsAnErrorThatLeavesNothingBehind) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "run.h5") << "old";
  const int code = wait_for(start_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{GetParam(), GetParam()};
    setrlimit(RLIMIT_FSIZE, &limit);
    return write_until_refused(directory / "run.h5",
                               "file larger than this process or file system allows");
  }));
  EXPECT_EQ(code, kRefused);
  EXPECT_THAT(directory.files(), ElementsAre("run.h5"));
  EXPECT_EQ(std::filesystem::file_size(directory / "run.h5"), 3U);
}

// While the tables are made, just after, at chunk writes, in the last rows.
INSTANTIATE_TEST_SUITE_P(AtEverySize, TraceFullDisk,
                         ::testing::Values(0, 1, 100, 2'000, 30'000, 60'000, 100'000, 200'000,
                                           500'000, 1'000'000, 3'000'000));

TEST(TraceSmallDisk, IsSaidToBeFull) {
  const TemporaryDirectory directory;
  const int code = wait_for(start_child([&] {
    const std::string target = (directory / "").string();
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", target.c_str(), "tmpfs", 0, "size=1m") != 0) {
      return int{kNotPossibleHere};
    }
    const int result = write_until_refused(directory / "run.h5", "disk full");
    return directory.files().empty() ? result : int{kWritten};
  }));
  if (code == kNotPossibleHere) GTEST_SKIP() << "cannot mount a small file system here";
  EXPECT_EQ(code, kRefused);
}

// 2,000,000 rows are 250 MB of values; buffers and one chunk per column are some 10 MB.
TEST(TraceMemory, IsBoundedWhateverTheNumberOfRows) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer keeps freed memory";
#endif
  const TemporaryDirectory directory;
  TraceFile trace(directory / "run.h5", kHeader);
  const auto append = [&](std::int64_t rows) {
    for (std::int64_t i = 0; i < rows; ++i) {
      trace.append(OpRow{.rig = "r",
                         .start = sim::Time(sim::Duration(i)),
                         .device = "gpu0",
                         .track = "gpu0.compute",
                         .kind = "kernel",
                         .name = "attn_q"});
    }
  };
  const auto resident_bytes = [] {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return static_cast<std::int64_t>(pages) * sysconf(_SC_PAGESIZE);
  };
  append(200'000);
  const std::int64_t before = resident_bytes();
  append(1'800'000);
  EXPECT_LT(resident_bytes() - before, 8'000'000);
  trace.finish();
}

}  // namespace
}  // namespace rigsim::analysis
