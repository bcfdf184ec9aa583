#include "cli/table.h"

#include <gtest/gtest.h>

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

TEST(Shortened, SaysThatSomethingIsLeftOut) {
  EXPECT_EQ(shortened("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(shortened("abcdefgh", 7), "abcd...");
}

}  // namespace
}  // namespace rigsim::cli
