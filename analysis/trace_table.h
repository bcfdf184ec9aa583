#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "analysis/hdf5_lookup.h"
#include "analysis/hdf5_table.h"
#include "sim/units.h"

namespace rigsim::analysis {

/// The string tables of one file, by name; each is made when first asked for.
class Lookups {
 public:
  /// Throws OutputError on failure. `file` must outlive this.
  explicit Lookups(Hdf5File& file) : file_(file), group_(file.make_group("lookup")) {}

  /// The table `/lookup/NAME`; stays where it is. Throws OutputError on failure.
  Hdf5Lookup& table(const std::string& name) {
    return by_name_.try_emplace(name, file_, group_, name).first->second;
  }

  /// Writes what is new in all of them. Throws OutputError on failure.
  void write() {
    for (auto& [name, lookup] : by_name_) lookup.write();
  }

 private:
  Hdf5File& file_;
  Hdf5Handle group_;
  std::map<std::string, Hdf5Lookup> by_name_;
};

/// How a member of a row is stored: time as int64 "ps", amounts as numbers, flags as 0 or 1.
inline std::int64_t stored(sim::Time time) { return time.time_since_epoch().count(); }
inline std::int64_t stored(sim::Duration duration) { return duration.count(); }
inline std::int64_t stored(sim::Bytes bytes) { return bytes.count(); }
inline double stored(sim::Flops flops) { return flops.count(); }
inline std::uint16_t stored(bool flag) { return flag ? 1 : 0; }
inline std::int64_t stored(std::int64_t value) { return value; }
inline std::uint32_t stored(std::uint32_t value) { return value; }
inline double stored(double value) { return value; }

/// Stored where a number is absent; the column's `_FillValue`.
inline constexpr std::uint32_t kAbsent = 0xFFFF'FFFF;
inline std::uint32_t stored(std::optional<std::uint32_t> value) { return value.value_or(kAbsent); }

/// One column of a table of `Row`s.
template <class Row, class Value>
struct Field {
  Value Row::* member;
  const char* name;
  const char* units;
  const char* description;
};

/// The same for text, stored as a code into `/lookup/LOOKUP`.
template <class Row>
struct TextField {
  std::string_view Row::* member;
  const char* name;
  const char* lookup;
  const char* description;
};

/// Specialised for each row struct: `static TableSpec table()` and a tuple of fields `kFields`.
template <class Row>
struct Schema;

/// The columns of a table, made from its fields.
template <class Row, class Value>
struct NumberColumn {
  using Stored = decltype(stored(Value{}));

  NumberColumn(Hdf5Table& table, Lookups&, const Field<Row, Value>& field)
      : member(field.member),
        id(table.add_column<Stored>({field.name, field.units, field.description}, absent())) {}

  static std::optional<Stored> absent() {
    if constexpr (std::is_same_v<Value, std::optional<std::uint32_t>>) return kAbsent;
    return std::nullopt;
  }
  void push(Hdf5Table& table, const Row& row) const { table.push(id, stored(row.*member)); }

  Value Row::* member;
  ColumnId<Stored> id;
};

template <class Row>
struct TextColumn {
  TextColumn(Hdf5Table& table, Lookups& lookups, const TextField<Row>& field)
      : member(field.member),
        lookup(&lookups.table(field.lookup)),
        id(table.add_text_column({field.name, "1", field.description}, *lookup)) {}

  void push(Hdf5Table& table, const Row& row) const { table.push(id, lookup->code(row.*member)); }

  std::string_view Row::* member;
  Hdf5Lookup* lookup;
  ColumnId<std::uint32_t> id;
};

template <class Row, class Value>
NumberColumn(Hdf5Table&, Lookups&, const Field<Row, Value>&) -> NumberColumn<Row, Value>;
template <class Row>
TextColumn(Hdf5Table&, Lookups&, const TextField<Row>&) -> TextColumn<Row>;

template <class Row, class Value>
auto make_column(Hdf5Table& table, Lookups& lookups, const Field<Row, Value>& field) {
  return NumberColumn(table, lookups, field);
}
template <class Row>
auto make_column(Hdf5Table& table, Lookups& lookups, const TextField<Row>& field) {
  return TextColumn(table, lookups, field);
}

/// Adds the columns of Schema<Row> to `table`, in order; returns them as a tuple.
template <class Row>
auto make_columns(Hdf5Table& table, Lookups& lookups) {
  return std::apply(
      [&](const auto&... field) { return std::tuple{make_column(table, lookups, field)...}; },
      Schema<Row>::kFields);
}

/// A table of `Row`s as Schema<Row> describes it.
template <class Row>
class RowTable {
 public:
  /// Throws OutputError on failure. `file` and `lookups` must outlive the table.
  RowTable(Hdf5File& file, Lookups& lookups)
      : table_(file, Schema<Row>::table()), columns_(make_columns<Row>(table_, lookups)) {}

  /// Adds a row; returns its number. Throws OutputError if a full buffer cannot be written.
  std::uint64_t append(const Row& row) {
    std::apply([&](const auto&... column) { (column.push(table_, row), ...); }, columns_);
    table_.end_row();
    return table_.rows() - 1;
  }

  [[nodiscard]] Hdf5Table& table() { return table_; }

 private:
  Hdf5Table table_;
  decltype(make_columns<Row>(std::declval<Hdf5Table&>(), std::declval<Lookups&>())) columns_;
};

}  // namespace rigsim::analysis
