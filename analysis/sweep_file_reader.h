#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "analysis/sweep_file_writer.h"
#include "analysis/sweep_point.h"

namespace rigsim::analysis {

/// Points that earlier runs of sweeps worked out.
struct EarlierPoints {
  std::unordered_map<std::uint64_t, PointResult> by_id;
  std::vector<std::string> notes;  ///< files whose points are not taken, and why
};

/// Adds the points of a sweep's file, whatever its plan, but for failed ones. A file of another
/// version of rigsim or another kind of run gives a note and no point. Throws
/// configs::UnreadableInput where it is no sweep's file or cannot be read.
void read_points(const std::filesystem::path& path, configs::SweepRun run,
                 const SweepHeader& header, EarlierPoints& into);

}  // namespace rigsim::analysis
