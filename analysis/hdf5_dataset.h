#pragma once

#include <string>

#include "analysis/hdf5_file.h"

namespace rigsim::analysis {

/// How a one-dimensional data set that grows is stored.
struct ColumnStorage {
  hid_t type = H5I_INVALID_HID;
  hsize_t chunk_rows = 65'536;
  bool compress = true;        ///< shuffle and deflate level 1, which every HDF5 reads
  const void* fill = nullptr;  ///< a value of `type` for rows never written; null: zero
};

/// Makes an empty data set `name` below `group`. At most one chunk of it is cached in memory.
/// Throws OutputError on failure.
[[nodiscard]] Hdf5Handle make_column(const Hdf5File& file, hid_t group, const std::string& name,
                                     const ColumnStorage& storage);

/// Extends `dataset` from `old_rows` by `rows` and writes them from `data`, values of
/// `memory_type`. Throws OutputError on failure.
void append_rows(const Hdf5File& file, hid_t dataset, hid_t memory_type, hsize_t old_rows,
                 hsize_t rows, const void* data);

}  // namespace rigsim::analysis
