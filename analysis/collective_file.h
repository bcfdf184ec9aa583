#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/units.h"
#include "topology/collective_model.h"

namespace rigsim::analysis {

/// One size of a table of collectives.
struct CollectiveRow {
  sim::Bytes size{};
  topology::CollectiveCost cost;
  sim::Bandwidth algorithm_bandwidth{};
  sim::Bandwidth bus_bandwidth{};  ///< as nccl-tests defines it
};

/// What a table is about.
struct CollectiveFileHeader {
  std::string title;  ///< "all_reduce on 8xh100-sxm"
  std::string version;
  std::string commit;
  std::string command_line;
  std::string rig;
  std::string collective;
  std::string library;
  std::string launch;
};

/// Writes the rows as the table /collective of an HDF5 file, by the rules of Hdf5File.
/// Throws OutputError where `path` cannot be written.
void write_collective_file(const std::filesystem::path& path, const CollectiveFileHeader& header,
                           const std::vector<CollectiveRow>& rows);

}  // namespace rigsim::analysis
