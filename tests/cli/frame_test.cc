#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Wrong usage: code 2, nothing on standard output, one line on standard error.
void expect_usage_error(const std::string& line, const std::string& message) {
  const Outcome run = rigsim(line);
  EXPECT_EQ(run.code, 2) << line;
  EXPECT_EQ(run.out, "") << line;
  EXPECT_EQ(run.err, "error: " + message + "\n") << line;
}

TEST(Frame, HelpListsTheCommandsWithAnExample) {
  const Outcome run = rigsim("--help");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("catalog"));
  EXPECT_THAT(run.out, HasSubstr("Example"));
  EXPECT_EQ(run.err, "");
}

TEST(Frame, EveryCommandHasHelpWithAnExample) {
  for (const std::string command :
       {"compare", "run", "fit", "catalog", "validate", "calibrate", "pipeline"}) {
    const Outcome run = rigsim(command + " --help");
    EXPECT_EQ(run.code, 0) << command;
    EXPECT_THAT(run.out, HasSubstr("Usage: rigsim " + command));
    EXPECT_THAT(run.out, HasSubstr("Examples:\n  rigsim " + command));
  }
}

TEST(Frame, VersionSaysVersionAndCommit) {
  const Outcome run = rigsim("--version");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, testing::MatchesRegex("rigsim [0-9.]+ \\([0-9a-z]+\\)\n"));
}

TEST(Frame, WrongUsageIsCode2WithOneLine) {
  expect_usage_error("", "a command is needed; \"rigsim --help\" lists all");
  expect_usage_error("catalgo",
                     "unknown command \"catalgo\", did you mean \"catalog\"? \"rigsim --help\" "
                     "lists all");
  expect_usage_error("--quiet", "unknown option \"--quiet\"; \"rigsim --help\" lists all");
  expect_usage_error("catalog --jsom",
                     "unknown option \"--jsom\", did you mean \"--json\"? \"rigsim catalog "
                     "--help\" lists all");
  expect_usage_error("catalog --jso",
                     "unknown option \"--jso\", did you mean \"--json\"? \"rigsim catalog --help\" "
                     "lists all");
  expect_usage_error("catalog --catalog", "--catalog: needs a value");
  expect_usage_error("catalog --json=yes", "--json: takes no value");
  expect_usage_error("catalog --catalog a --catalog b",
                     "--catalog: given twice; it may be given once");
  expect_usage_error("catalog devices rtx-4090 more",
                     "unexpected word \"more\"; usage: rigsim catalog [KIND [NAME]] [--json]");
}

TEST(Frame, AnErrorIsOneLineEvenIfTheInputHasSeveral) {
  const Outcome run = rigsim("\"$(printf 'a\\nb\\033[31m')\"");
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1);
  EXPECT_EQ(run.err.find('\033'), std::string::npos);
}

TEST(Frame, AFullDiskBehindStandardOutputIsCode6) {
  const Outcome run = rigsim("catalog devices", {.shell_redirect = "> /dev/full"});
  EXPECT_EQ(run.code, 6);
  EXPECT_THAT(run.err, StartsWith("error: standard output: "));
}

TEST(Frame, AClosedStandardOutputIsCode6) {
  EXPECT_EQ(rigsim("catalog devices", {.shell_redirect = ">&-"}).code, 6);
}

TEST(Frame, AReaderThatLeavesIsNoError) {
  EXPECT_EQ(rigsim("catalog devices --json", {.shell_redirect = "| true"}).err, "");
}

}  // namespace
}  // namespace rigsim::cli::test
