#include "analysis/hdf5_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "tests/analysis/hdf5_read.h"

namespace rigsim::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Reader;
using testing::TemporaryDirectory;

TEST(Hdf5Table, KeepsEveryColumnTypeToTheLastBit) {
  const TemporaryDirectory directory;
  Hdf5File file(directory / "t.h5");
  Hdf5Table table(file, {.name = "t", .description = "limits"});
  const auto i = table.add_column<std::int64_t>({"i", "ps", "signed"});
  const auto u = table.add_column<std::uint32_t>({"u", "1", "unsigned"});
  const auto s = table.add_column<std::uint16_t>({"s", "1", "short"});
  const auto d = table.add_column<double>({"d", "s", "real"});
  using I = std::numeric_limits<std::int64_t>;
  using D = std::numeric_limits<double>;
  for (const bool high : {false, true}) {
    table.push(i, high ? I::max() : I::min());
    table.push(u, high ? 4'294'967'295U : 0U);
    table.push(s, static_cast<std::uint16_t>(high ? 65'535 : 0));
    table.push(d, high ? D::max() : D::denorm_min());
    table.end_row();
  }
  table.write();
  file.publish();
  const Reader reader(directory / "t.h5");
  EXPECT_THAT(reader.column<std::int64_t>("/t/i"), ElementsAre(I::min(), I::max()));
  EXPECT_THAT(reader.column<std::uint32_t>("/t/u"), ElementsAre(0U, 4'294'967'295U));
  EXPECT_THAT(reader.column<std::uint16_t>("/t/s"), ElementsAre(0, 65'535));
  EXPECT_THAT(reader.column<double>("/t/d"), ElementsAre(D::denorm_min(), D::max()));
}

TEST(Hdf5Table, CarriesUnitsDescriptionAndTheValueForNone) {
  const TemporaryDirectory directory;
  Hdf5File file(directory / "t.h5");
  Hdf5Table table(file, {.name = "t", .description = "a table"});
  table.add_column<std::uint32_t>({"layer", "1", "layer or none"}, 7U);
  file.publish();
  const Reader reader(directory / "t.h5");
  EXPECT_EQ(reader.text_attribute("/t", "description"), "a table");
  EXPECT_EQ(reader.text_attribute("/t/layer", "units"), "1");
  EXPECT_EQ(reader.text_attribute("/t/layer", "description"), "layer or none");
  EXPECT_EQ(reader.text_attribute("/t/layer", "long_name"), "layer or none");
  EXPECT_EQ(reader.attribute<std::uint32_t>("/t/layer", "_FillValue"), 7U);
}

// 3 chunks of 1,000 rows, 2,500 rows: chunks, buffers and the end do not fall together.
TEST(Hdf5Table, KeepsRowsInOrderAcrossChunksBuffersAndFlushes) {
  const TemporaryDirectory directory;
  Hdf5File file(directory / "t.h5");
  Hdf5Table table(file, {.name = "t", .description = "", .chunk_rows = 1'000});
  const auto i = table.add_column<std::int64_t>({"i", "1", "row number"});
  for (std::int64_t row = 0; row < 9'500; ++row) {
    table.push(i, row);
    table.end_row();
    if (row % 777 == 0) {
      table.write();
      file.flush();
    }
  }
  EXPECT_EQ(table.rows(), 9'500U);
  table.write();
  file.publish();
  const auto rows = Reader(directory / "t.h5").column<std::int64_t>("/t/i");
  ASSERT_EQ(rows.size(), 9'500U);
  for (std::size_t row = 0; row < rows.size(); ++row) ASSERT_EQ(rows[row], std::int64_t(row));
}

TEST(Hdf5Table, RefusesARowWithAMissingOrASecondValue) {
  const TemporaryDirectory directory;
  Hdf5File file(directory / "t.h5");
  Hdf5Table table(file, {.name = "t", .description = ""});
  const auto a = table.add_column<double>({"a", "1", ""});
  table.add_column<double>({"b", "1", ""});
  table.push(a, 1.0);
  table.end_row();
  EXPECT_THROW(table.write(), std::logic_error);
  EXPECT_THROW(table.add_column<double>({"c", "1", ""}), std::logic_error);
}

TEST(Hdf5Lookup, GivesCodesInOrderOfFirstUseAndKeepsUnicodeAndTheEmptyText) {
  const TemporaryDirectory directory;
  Hdf5File file(directory / "t.h5");
  const Hdf5Handle group = file.make_group("lookup");
  Hdf5Lookup lookup(file, group, "name");
  EXPECT_EQ(lookup.code("attn_q"), 0U);
  EXPECT_EQ(lookup.code(""), 1U);
  EXPECT_EQ(lookup.code("attn_q"), 0U);
  lookup.write();
  EXPECT_EQ(lookup.code("größer, 大きい"), 2U);
  lookup.write();
  EXPECT_THROW(lookup.code(std::string_view("a\0b", 3)), std::invalid_argument);
  file.publish();
  EXPECT_THAT(Reader(directory / "t.h5").texts("/lookup/name"),
              ElementsAre("attn_q", "", "größer, 大きい"));
}

TEST(Hdf5File, LeavesNothingBehindUnlessPublished) {
  const TemporaryDirectory directory;
  {
    const Hdf5File file(directory / "t.h5");
  }
  EXPECT_THAT(directory.files(), IsEmpty());
}

TEST(Hdf5File, ReplacesAnAttributeOfTheSameName) {
  const TemporaryDirectory directory;
  Hdf5File file(directory / "t.h5");
  set_attribute(file, file.id(), "title", "first");
  set_attribute(file, file.id(), "title", "second");
  file.publish();
  EXPECT_EQ(Reader(directory / "t.h5").text_attribute("/", "title"), "second");
}

}  // namespace
}  // namespace rigsim::analysis
