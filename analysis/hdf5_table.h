#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "analysis/hdf5_file.h"
#include "analysis/hdf5_lookup.h"

namespace rigsim::analysis {

/// What a column can hold. Text is stored as the code of a Hdf5Lookup.
template <class T>
concept ColumnValue =
    std::same_as<T, std::int64_t> || std::same_as<T, std::uint64_t> ||
    std::same_as<T, std::uint32_t> || std::same_as<T, std::uint16_t> || std::same_as<T, double>;

/// Names one column of one table.
template <ColumnValue T>
struct ColumnId {
  std::size_t index = 0;
};

struct ColumnSpec {
  std::string name;
  std::string units;  ///< UDUNITS: "ps", "s", "B", "1"
  std::string description;
};

struct TableSpec {
  std::string name;  ///< the group below the root
  std::string description;
  hsize_t chunk_rows = 65'536;
};

/// A table of a result file: one group, one data set per column, all extended together along the
/// netCDF dimension `row`. Columns are added first, rows follow:
///
///     Hdf5Table ops(file, {.name = "ops", .description = "..."});
///     const auto start = ops.add_column<std::int64_t>({"start", "ps", "when the op starts"});
///     ops.push(start, std::int64_t{1'500});
///     ops.end_row();
///     ops.write();
///     file.flush();
///
/// Rows are buffered and handed to HDF5 4,096 at a time; memory is bounded by that buffer and one
/// chunk per column, whatever the number of rows.
class Hdf5Table {
 public:
  /// Makes the group and its dimension. Throws OutputError on failure. `file` must outlive the
  /// table.
  Hdf5Table(Hdf5File& file, TableSpec spec);

  /// Adds a column before the first row; `missing` is the value that stands for "none" and becomes
  /// the netCDF `_FillValue`. Throws std::logic_error after the first row, OutputError on failure.
  template <ColumnValue T>
  ColumnId<T> add_column(const ColumnSpec& spec, std::optional<T> missing = std::nullopt);

  /// Adds a column of codes into `lookup`, as its attribute `lookup` says.
  ColumnId<std::uint32_t> add_text_column(const ColumnSpec& spec, const Hdf5Lookup& lookup);

  /// Sets one value of the row being made.
  template <ColumnValue T>
  void push(ColumnId<T> column, T value) {
    Column& c = columns_[column.index];
    if (c.used + sizeof value > c.buffer.size()) throw_row_mismatch();
    std::memcpy(c.buffer.data() + c.used, &value, sizeof value);
    c.used += sizeof value;
  }

  /// Ends the row. Throws OutputError if the buffer was full and cannot be written.
  void end_row() {
    if (++buffered_rows_ == kBufferedRows) write();
  }

  /// Hands the buffered rows to HDF5; Hdf5File::flush() brings them into the file.
  /// Throws std::logic_error if a column did not get one value per row, OutputError on failure.
  void write();

  /// Rows so far, buffered ones included.
  [[nodiscard]] std::uint64_t rows() const { return written_rows_ + buffered_rows_; }
  /// The table's group, for attributes of its own.
  [[nodiscard]] hid_t group() const { return group_.id(); }

 private:
  static constexpr std::size_t kBufferedRows = 4'096;

  struct Column {
    Hdf5Handle dataset;
    hid_t memory_type = H5I_INVALID_HID;
    std::size_t width = 0;  // bytes per value
    std::vector<std::byte> buffer;
    std::size_t used = 0;  // bytes
  };

  std::size_t add(const ColumnSpec& spec, hid_t type, std::size_t width, const void* missing);
  [[noreturn]] void throw_row_mismatch() const;

  Hdf5File& file_;
  TableSpec spec_;
  Hdf5Handle group_;
  Hdf5Handle dimension_;
  std::vector<Column> columns_;
  std::uint64_t written_rows_ = 0;
  std::size_t buffered_rows_ = 0;
};

}  // namespace rigsim::analysis
