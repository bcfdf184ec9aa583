#include "configs/csv_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rigsim::configs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string error_of(std::string_view text) {
  try {
    (void)parse_csv(text, "t.csv");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(CsvTable, ReadsPlainAndQuotedFieldsWithEitherLineEnd) {
  const CsvTable table = parse_csv("a,b\r\n1,\"x, \"\"y\"\"\"\n,\n", "t.csv");
  EXPECT_THAT(table.header, ElementsAre("a", "b"));
  ASSERT_EQ(table.records.size(), 2u);
  EXPECT_THAT(table.records[0].fields, ElementsAre("1", "x, \"y\""));
  EXPECT_THAT(table.records[1].fields, ElementsAre("", ""));
}

TEST(CsvTable, AQuotedFieldMaySpanLinesAndLaterRecordsKnowTheirLine) {
  const CsvTable table = parse_csv("a\n\"one\ntwo\"\n\nthree", "t.csv");
  ASSERT_EQ(table.records.size(), 2u);
  EXPECT_EQ(table.records[0].fields[0], "one\ntwo");
  EXPECT_EQ(table.records[0].line, 2);
  EXPECT_EQ(table.records[1].line, 5);
}

TEST(CsvTable, RefusesWhatIsNotCsvAndSaysWhere) {
  EXPECT_EQ(error_of(""), "t.csv:1: the header is missing");
  EXPECT_EQ(error_of("a,b\n1\n"), "t.csv:2: 1 fields, the header has 2");
  EXPECT_EQ(error_of("a\n\"open\n\n"), "t.csv:2: a quote that is never closed");
  EXPECT_EQ(error_of("a\n\"x\"y\n"), "t.csv:2: text after a closing quote");
  EXPECT_THAT(error_of("a\nx\"y\n"), HasSubstr("t.csv:2: a quote inside a field"));
  EXPECT_EQ(error_of("a,a\n"), "t.csv:1: a: the column is named twice");
  EXPECT_EQ(error_of("a,\n"), "t.csv:1: a column without a name");
}

}  // namespace
}  // namespace rigsim::configs
