#include "analysis/hdf5_table.h"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <stdexcept>
#include <utility>

#include "analysis/hdf5_dataset.h"

namespace rigsim::analysis {
namespace {

constexpr const char* kDimension = "row";

template <ColumnValue T>
hid_t hdf5_type() {
  if constexpr (std::same_as<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::same_as<T, std::uint64_t>) return H5T_NATIVE_UINT64;
  if constexpr (std::same_as<T, std::uint32_t>) return H5T_NATIVE_UINT32;
  if constexpr (std::same_as<T, std::uint16_t>) return H5T_NATIVE_UINT16;
  if constexpr (std::same_as<T, double>) return H5T_NATIVE_DOUBLE;
}

// A dimension scale as netCDF-4 writes one for a dimension without a variable. It grows with the
// table, its values are never written.
Hdf5Handle make_dimension(const Hdf5File& file, hid_t group, hsize_t chunk_rows) {
  Hdf5Handle dimension =
      make_column(file, group, kDimension,
                  {.type = H5T_IEEE_F32BE, .chunk_rows = chunk_rows, .compress = false});
  const auto name = fmt::format("This is a netCDF dimension but not a netCDF variable.{:10}", 0);
  file.check(H5DSset_scale(dimension.id(), name.c_str()), "make a dimension");
  return dimension;
}

}  // namespace

Hdf5Table::Hdf5Table(Hdf5File& file, TableSpec spec)
    : file_(file),
      spec_(std::move(spec)),
      group_(file.make_group(spec_.name)),
      dimension_(make_dimension(file, group_.id(), spec_.chunk_rows)) {
  set_attribute(file_, group_.id(), "description", spec_.description);
}

std::size_t Hdf5Table::add(const ColumnSpec& spec, hid_t type, std::size_t width,
                           const void* missing) {
  if (rows() > 0) {
    throw std::logic_error(
        fmt::format("/{}: column \"{}\" after the first row", spec_.name, spec.name));
  }
  const ColumnStorage storage{.type = type, .chunk_rows = spec_.chunk_rows, .fill = missing};
  Column column{make_column(file_, group_.id(), spec.name, storage), type, width,
                std::vector<std::byte>(kBufferedRows * width)};
  const hid_t dataset = column.dataset.id();
  file_.check(H5DSattach_scale(dataset, dimension_.id(), 0), "attach a dimension");
  set_attribute(file_, dataset, "units", spec.units);
  set_attribute(file_, dataset, "description", spec.description);
  set_attribute(file_, dataset, "long_name", spec.description);
  columns_.push_back(std::move(column));
  return columns_.size() - 1;
}

template <ColumnValue T>
ColumnId<T> Hdf5Table::add_column(const ColumnSpec& spec, std::optional<T> missing) {
  const std::size_t index = add(spec, hdf5_type<T>(), sizeof(T), missing ? &*missing : nullptr);
  if (missing) {
    set_scalar(file_, columns_[index].dataset.id(), "_FillValue", hdf5_type<T>(), &*missing);
  }
  return {index};
}

ColumnId<std::uint32_t> Hdf5Table::add_text_column(const ColumnSpec& spec,
                                                   const Hdf5Lookup& lookup) {
  const auto column = add_column<std::uint32_t>(spec);
  set_attribute(file_, columns_[column.index].dataset.id(), "lookup", lookup.path());
  return column;
}

void Hdf5Table::write() {
  if (buffered_rows_ == 0) return;
  file_.throw_if_failed();
  for (const Column& column : columns_) {
    if (column.used != buffered_rows_ * column.width) throw_row_mismatch();
  }
  for (Column& column : columns_) {
    append_rows(file_, column.dataset.id(), column.memory_type, written_rows_, buffered_rows_,
                column.buffer.data());
    column.used = 0;
  }
  written_rows_ += std::exchange(buffered_rows_, 0);
  const hsize_t rows = written_rows_;
  file_.check(H5Dset_extent(dimension_.id(), &rows), "extend a dimension");
  file_.throw_if_failed();
}

void Hdf5Table::throw_row_mismatch() const {
  file_.throw_if_failed();  // rows that could not be written fill the buffer
  throw std::logic_error(
      fmt::format("/{}: a row without exactly one value per column", spec_.name));
}

template ColumnId<std::int64_t> Hdf5Table::add_column(const ColumnSpec&,
                                                      std::optional<std::int64_t>);
template ColumnId<std::uint64_t> Hdf5Table::add_column(const ColumnSpec&,
                                                       std::optional<std::uint64_t>);
template ColumnId<std::uint32_t> Hdf5Table::add_column(const ColumnSpec&,
                                                       std::optional<std::uint32_t>);
template ColumnId<std::uint16_t> Hdf5Table::add_column(const ColumnSpec&,
                                                       std::optional<std::uint16_t>);
template ColumnId<double> Hdf5Table::add_column(const ColumnSpec&, std::optional<double>);

}  // namespace rigsim::analysis
