#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/number_text.h"

namespace rigsim::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  const Table table{{{"rig"}, {"W", Align::kRight}}, {{"2x4090", "900"}, {"a6000", "300"}}};
  EXPECT_EQ(to_text(table, Console{}),
            "rig       W\n"
            "------  ---\n"
            "2x4090  900\n"
            "a6000   300\n");
}

TEST(Table, CountsCodePointsAndNotBytes) { EXPECT_EQ(width("2\u00d7"), 2U); }

TEST(Table, IsBoldOnlyWhereColourIsWanted) {
  EXPECT_EQ(Console{}.bold("x"), "x");
  EXPECT_EQ(Console{.colour = true}.bold("x"), "\x1b[1mx\x1b[0m");
}

TEST(Wrapped, BreaksAtBlanksAndIndentsWhatFollows) {
  EXPECT_EQ(wrapped("aa bb cc", "  ", 5), "aa bb\n  cc\n");
}

TEST(Wrapped, KeepsALongWordWhole) { EXPECT_EQ(wrapped("a longword", "", 4), "a\nlongword\n"); }

TEST(Significant, NeverHasAnExponent) {
  EXPECT_EQ(significant(1234567, 4), "1234567");
  EXPECT_EQ(significant(0.000012345, 3), "0.0000123");
  EXPECT_EQ(significant(128.64, 4), "128.6");
  EXPECT_EQ(significant(2, 4), "2");
  EXPECT_EQ(significant(0, 4), "0");
}

TEST(TimeText, TakesTheUnitThatSuits) {
  EXPECT_EQ(time_text(0.9996), "1 s");
  EXPECT_EQ(time_text(0.0163), "16.3 ms");
  EXPECT_EQ(time_text(2901.2), "2901 s");
  EXPECT_EQ(time_text(0), "0 s");
  EXPECT_EQ(time_text(9.99e-9), "9.99 ns");
}

TEST(Shortened, SaysThatSomethingIsLeftOut) {
  EXPECT_EQ(shortened("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(shortened("abcdefgh", 7), "abcd...");
}

}  // namespace
}  // namespace rigsim::cli
