#include "analysis/hdf5_dataset.h"

namespace rigsim::analysis {
namespace {

constexpr unsigned kDeflateLevel = 1;

Hdf5Handle creation(const Hdf5File& file, const ColumnStorage& storage) {
  Hdf5Handle made = creation_properties(file, H5P_DATASET_CREATE);
  file.check(H5Pset_chunk(made.id(), 1, &storage.chunk_rows), "set up a data set");
  // Rows past the end of the last chunk are filled, so that equal data are equal bytes.
  file.check(H5Pset_fill_time(made.id(), H5D_FILL_TIME_ALLOC), "set up a data set");
  if (storage.fill != nullptr) {
    file.check(H5Pset_fill_value(made.id(), storage.type, storage.fill), "set up a data set");
  }
  if (storage.compress) {
    file.check(H5Pset_shuffle(made.id()), "set up a data set");
    file.check(H5Pset_deflate(made.id(), kDeflateLevel), "set up a data set");
  }
  return made;
}

Hdf5Handle one_chunk_cache(const Hdf5File& file, const ColumnStorage& storage) {
  Hdf5Handle access(file.check(H5Pcreate(H5P_DATASET_ACCESS), "set up a data set"));
  const std::size_t bytes = storage.chunk_rows * H5Tget_size(storage.type);
  file.check(H5Pset_chunk_cache(access.id(), 1, bytes, 1.0), "set up a data set");
  return access;
}

}  // namespace

Hdf5Handle make_column(const Hdf5File& file, hid_t group, const std::string& name,
                       const ColumnStorage& storage) {
  const hsize_t rows = 0;
  const hsize_t unlimited = H5S_UNLIMITED;
  const Hdf5Handle space(file.check(H5Screate_simple(1, &rows, &unlimited), "set up a data set"));
  const Hdf5Handle made = creation(file, storage);
  const Hdf5Handle access = one_chunk_cache(file, storage);
  return Hdf5Handle(file.check(H5Dcreate2(group, name.c_str(), storage.type, space.id(),
                                          H5P_DEFAULT, made.id(), access.id()),
                               "create the data set \"" + name + "\""));
}

void append_rows(const Hdf5File& file, hid_t dataset, hid_t memory_type, hsize_t old_rows,
                 hsize_t rows, const void* data) {
  const hsize_t total = old_rows + rows;
  file.check(H5Dset_extent(dataset, &total), "extend a data set");
  const Hdf5Handle in_file(file.check(H5Dget_space(dataset), "extend a data set"));
  const Hdf5Handle in_memory(file.check(H5Screate_simple(1, &rows, nullptr), "extend a data set"));
  file.check(H5Sselect_hyperslab(in_file.id(), H5S_SELECT_SET, &old_rows, nullptr, &rows, nullptr),
             "extend a data set");
  file.check(H5Dwrite(dataset, memory_type, in_memory.id(), in_file.id(), H5P_DEFAULT, data),
             "write rows");
}

}  // namespace rigsim::analysis
