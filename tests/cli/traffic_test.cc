#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/cli/document.h"
#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using testing::HasSubstr;

const std::string kAzure = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
const std::string kBurst = "Timestamp,Request tokens,Response tokens\n";

/// A trace that is wrong in one row or as a whole.
struct BadTrace {
  std::string name;
  std::string text;
  std::string message;  ///< part of the error
  int code = 2;
  std::string options{};  ///< what makes it readable; empty: nothing does
  int bad = 0;            ///< rows then counted as bad
};

void PrintTo(const BadTrace& bad, std::ostream* out) { *out << bad.message; }

std::string azure(const std::string& row) {
  return kAzure + "2023-11-16 18:00:00.0,10,20\n" + row + "\n2023-11-16 18:00:09.0,10,20\n";
}

std::string mooncake(const std::string& row) {
  const std::string good = "{\"timestamp\": 5, \"input_length\": 600, \"output_length\": 7}\n";
  return good + row + "\n" + good;
}

const std::string kSkip = "--skip-bad leaves such rows out";
const std::string kTokens = "must be a whole number from 1 to 1000000000, got ";

std::vector<BadTrace> bad_traces() {
  const std::string skip = "--skip-bad";
  const std::string clock = "TIMESTAMP: must be a time such as 2023-11-16 18:17:03.9799600, got ";
  return {
      // Columns and keys.
      {"t.csv", "TIMESTAMP,ContextTokens,GeneratedToken\n",
       "t.csv:1: GeneratedTokens: the column is missing from what looks like Azure CSV, did you "
       "mean \"GeneratedToken\"?"},
      {"t.csv", "Timestamp,Model,Response tokens\n1,a,2\n", "t.csv:1: Request tokens: the column"},
      {"t.csv", "a,b,c\n1,2,3\n",
       "t.csv:1: no known form of a trace; allowed: Azure CSV (TIMESTAMP, ContextTokens"},
      {"t.jsonl", "{\"time\": 1, \"in\": 2}\n", "t.jsonl:1: no known form of a trace"},
      {"t.jsonl", mooncake("{\"timestamp\": 5, \"output_length\": 7}"),
       "t.jsonl:2: input_length: must be a whole number from 1 to 1000000000, and is missing; " +
           kSkip,
       2, skip, 1},
      {"t.csv", azure("2023-11-16 18:00:01.0,5"),
       "t.csv:3: must have 3 fields as the header has, got 2; " + kSkip, 2, skip, 1},
      // Lengths.
      {"t.csv", azure("2023-11-16 18:00:01.0,-5,5"),
       "t.csv:3: ContextTokens: " + kTokens + "\"-5\"; " + kSkip, 2, skip, 1},
      {"t.csv", azure("2023-11-16 18:00:01.0,5,0"),
       "t.csv:3: GeneratedTokens: " + kTokens + "\"0\"", 2, skip, 1},
      {"t.csv", azure("2023-11-16 18:00:01.0,nan,5"), kTokens + "\"nan\"", 2, skip, 1},
      {"t.csv", azure("2023-11-16 18:00:01.0,5,five"), kTokens + "\"five\"", 2, skip, 1},
      {"t.csv", azure("2023-11-16 18:00:01.0,5.5,5"), kTokens + "\"5.5\"", 2, skip, 1},
      {"t.csv", azure("2023-11-16 18:00:01.0,99999999999999999999,5"),
       kTokens + "\"99999999999999999999\"", 2, skip, 1},
      {"t.jsonl", mooncake("{\"timestamp\": 5, \"input_length\": \"600\", \"output_length\": 7}"),
       "t.jsonl:2: input_length: " + kTokens + "\"a text\"", 2, skip, 1},
      {"t.jsonl",
       mooncake("{\"timestamp\": 5, \"input_length\": 512, \"output_length\": 7, \"hash_ids\": "
                "[1, 2]}"),
       "t.jsonl:2: hash_ids: must be at most 1, one for each 512 of the 512 tokens, got \"2\"", 2,
       skip, 1},
      // Times.
      {"t.csv", azure("2023-11-16 17:59:59.0,5,5"),
       "t.csv:3: TIMESTAMP: must not be before the row above it, is 1 s earlier; --sort puts rows "
       "in the order of time; " +
           kSkip,
       2, "--sort", 0},
      {"t.csv", azure("2023-11-16 17:59:59.0,5,5"), "--sort", 2, skip, 1},
      {"t.csv", azure("2023-11-31 18:00:01.0,5,5"), clock + "\"2023-11-31", 2, skip, 1},
      {"t.csv", azure("now,5,5"), "t.csv:3: " + clock + "\"now\"; " + kSkip, 2, skip, 1},
      {"t.csv", kBurst + "1,2,3\nNaN,4,5\n",
       "t.csv:3: Timestamp: must be a number >= 0 (seconds), got \"NaN\"", 2, skip, 1},
      {"t.csv", kBurst + "-1,2,3\n1,4,5\n", "t.csv:2: Timestamp: must be a number >= 0", 2, skip,
       1},
      {"t.csv", kBurst + "1,2,3\n1e99,4,5\n", "got \"1e99\"", 2, skip, 1},
      {"t.csv", kBurst + "1,2,3\n10000000,4,5\n",
       "t.csv: Timestamp: the trace spans 115.7 days, the clock holds 106; keep a part with --from "
       "and --to",
       2, "--to 1h", 0},
      // Text that is cut short or no JSON.
      {"t.jsonl", mooncake("{\"timestamp\": NaN, \"input_length\": 5}"),
       "t.jsonl: not valid JSON at line 2, column 15: expected a value; " + kSkip, 3, skip, 1},
      {"t.jsonl", mooncake("{\"timestamp\": 5, \"input_le"),
       "t.jsonl: truncated JSON: it ends at line 2", 3, skip, 1},
      {"t.json", "{\"input_lens\": [1, 2], \"output_lens\": [1", "truncated JSON", 3},
      {"t.json", "{\"input_lens\": [1, 2], \"output_lens\": [1]}",
       "t.json: output_lens: must have 2 entries as input_lens has, got 1"},
      {"t.json", "{\n\"input_lens\": [1, -2], \"output_lens\": [1, 2]}",
       "t.json:2: input_lens[1]: " + kTokens + "\"-2\"; " + kSkip, 2, skip, 1},
      {"t.json", "{\n\"output_lens\": [1, 2]}", "t.json: input_lens: the list is missing"},
      {"t.json",
       "[{\"conversations\": 5},\n{\"conversations\": [{\"value\": \"a\"}, {\"value\": \"b\"}]}]",
       "t.json:1: must be an object with \"conversations\", a list of turns", 2, skip, 1},
      {"t.csv", kAzure, "t.csv: has no request: 0 rows, 0 bad, 0 without an answer"},
      {"t.csv", kBurst + "1,2,0\n", "t.csv: has no request: 1 rows, 0 bad, 1 without an answer"},
      {"t.csv", "", "t.csv: is empty"},
      {"t.csv.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03K", 11),
       "t.csv.gz: truncated gzip: it ends within line 1", 3},
      {"t.csv.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff", 18),
       "t.csv.gz: damaged gzip", 3},
  };
}

class BadTraceTest : public testing::TestWithParam<BadTrace> {};

TEST_P(BadTraceTest, SaysWhereWhatAndWhatCanBeDone) {
  const BadTrace& bad = GetParam();
  const Folder folder;
  folder.write(bad.name, bad.text);
  const Outcome run = rigsim("traffic " + bad.name, {.folder = folder.path()});
  EXPECT_EQ(run.code, bad.code);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, testing::StartsWith("error: " + bad.name + ":"));
  EXPECT_THAT(run.err, HasSubstr(bad.message));
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  if (bad.options.empty()) return;
  const auto json =
      document("traffic " + bad.name + " --json " + bad.options, {.folder = folder.path()});
  EXPECT_EQ(json["report"]["bad"], bad.bad);
  EXPECT_EQ(json["report"]["bad_examples"].size(), static_cast<std::size_t>(bad.bad));
}

INSTANTIATE_TEST_SUITE_P(EveryKind, BadTraceTest, testing::ValuesIn(bad_traces()));

struct BadCall {
  std::string line;
  std::string message;
  int code = 2;
};

TEST(Traffic, BadOptionsSayWhatIsAllowed) {
  const std::vector<BadCall> all = {
      {"traffic", "a trace is needed: rigsim traffic FILE"},
      {"traffic missing.csv", "missing.csv: cannot be read: ", 3},
      {"traffic .", ".: is a directory, not a file", 3},
      {"traffic poison:4/s", "did you mean \"poisson\"?"},
      {"traffic poisson:4/s --rate-scale 0", "--rate-scale: must be 1e-06 to 1000000, got \"0\""},
      {"traffic poisson:4/s --prompt-scale nan", "--prompt-scale: expected a number"},
      {"traffic poisson:4/s --from 10", "--from: expected a duration such as"},
      {"traffic poisson:4/s --requests 0", "--requests: must be 1 to "},
      {"traffic poisson:4/s --from 10h", "no request arrives between --from and --to"},
      {"traffic closed:4 --from 1s", "a closed loop has no arrivals to cut by time"},
      {"traffic closed:4 --write x.jsonl", "--write: a closed loop has no arrivals"},
      {"traffic poisson:4/s --as azure", "--as: goes with --write FILE"},
      {"traffic poisson:4/s --write x.csv --as csv",
       "--as: must be mooncake, llmservingsim, azure or burstgpt, got \"csv\""},
      {"traffic poisson:4/s --write no/x.csv", "no/x.csv", 6},
      {"traffic poisson:1/s,prompt=9000000 --output-scale 9e5 --prompt-scale 9e5",
       "tokens times 900000 are more than the 1000000000 allowed"},
  };
  for (const BadCall& call : all) {
    const Folder folder;
    const Outcome run = rigsim(call.line, {.folder = folder.path()});
    EXPECT_EQ(run.code, call.code) << call.line << '\n' << run.err;
    EXPECT_THAT(run.err, HasSubstr(call.message)) << call.line;
    EXPECT_TRUE(folder.names().empty());
  }
}

TEST(Traffic, TheTableSaysWhatTheDocumentSays) {
  const Folder folder;
  folder.write("t.csv", azure("2023-11-16 18:00:01.0,5,60"));
  const auto json = document("traffic t.csv --json", {.folder = folder.path()});
  EXPECT_EQ(json["report"]["form"], "Azure CSV");
  EXPECT_EQ(json["requests"], 3);
  EXPECT_EQ(json["arrivals"]["duration_s"], 9.0);
  EXPECT_EQ(json["output_tokens"]["max"], 60.0);
  EXPECT_TRUE(json["prefixes"].is_null());
  const Outcome table = rigsim("traffic t.csv", {.folder = folder.path()});
  EXPECT_EQ(table.code, 0);
  EXPECT_THAT(table.out, HasSubstr("t.csv (Azure CSV): 3 requests. 9.0 s, 0.333 requests/s"));
}

TEST(Traffic, WhatIsWrittenIsReadBackAlikeInEveryForm) {
  const Folder folder;
  const RunOptions here{.folder = folder.path()};
  const std::string made = "'gamma:4/s,cv=2,prompt=lognormal(mean=512,cv=1),output=uniform(1,99)'";
  for (const std::string form : {"mooncake", "llmservingsim", "azure", "burstgpt"}) {
    const std::string options = " --requests 500 --seed 7 --json";
    const auto first = document("traffic " + made + options + " --write t --as " + form, here);
    const auto second = document("traffic t --json", here);
    for (const char* key : {"requests", "prompt_tokens", "output_tokens"}) {
      EXPECT_EQ(first[key], second[key]) << form;
    }
    EXPECT_NEAR(first["arrivals"]["cv"], second["arrivals"]["cv"], 1e-6) << form;
    EXPECT_EQ(second["report"]["bad"], 0);
  }
}

TEST(Traffic, ScalesAndCuts) {
  const std::string made = "traffic uniform:2/s,prompt=100,output=10 --requests 241 --json";
  EXPECT_EQ(document(made)["arrivals"]["duration_s"], 120.0);
  const auto scaled =
      document(made + " --from 30s --to 90s --rate-scale x2 --prompt-scale 1.5 --output-scale 3");
  EXPECT_EQ(scaled["requests"], 120);
  EXPECT_EQ(scaled["arrivals"]["duration_s"], 29.75);
  EXPECT_EQ(scaled["prompt_tokens"]["mean"], 150.0);
  EXPECT_EQ(scaled["output_tokens"]["mean"], 30.0);
}

TEST(Traffic, AClosedLoopHasUsers) {
  const auto json = document("traffic closed:16,think=2s --json");
  EXPECT_EQ(json["users"], 16);
  EXPECT_TRUE(json["arrivals"].is_null());
  EXPECT_THAT(rigsim("traffic closed:16").out, HasSubstr("16 users, each with one request"));
}

}  // namespace
}  // namespace rigsim::cli::test
