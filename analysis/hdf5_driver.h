#pragma once

#include "analysis/hdf5_handle.h"
#include "analysis/hdf5_part_file.h"

namespace rigsim::analysis {

/// A file access property list whose files live in `part` (an HDF5 virtual file driver), for
/// exactly one H5Fcreate() while `part` lives. HDF5 sees no I/O errors: ask `part` for them. Space
/// that HDF5 frees is not used again, so that nothing of the last commit is overwritten before the
/// next one. The handle is invalid if HDF5 refuses.
[[nodiscard]] Hdf5Handle part_file_access(PartFile& part);

}  // namespace rigsim::analysis
