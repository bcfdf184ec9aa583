#pragma once

#include "configs/topology_import/machine_sketch.h"
#include "configs/topology_import/smi_matrix.h"

namespace rigsim::configs {

/// The machine that a matrix of path classes stands for. The classes nest (PIX within PXB within
/// PHB within NODE within SYS), so endpoints are grouped class by class: NUMA nodes by everything
/// closer than SYS and by their affinities, root complexes by PHB, switches by PXB and PIX. NVLink
/// hides the path of a pair; it is then taken from what third endpoints and affinities tell.
/// GPUs come in the order of their numbers. What had to be assumed is in the notes.
[[nodiscard]] MachineSketch sketch_of(const SmiMatrix& matrix);

/// The most NVLinks that a chip with bundles of `links` to each of `peers` could have: above the
/// 18 of Hopper and Blackwell the pairs cannot be wired directly, and an NVSwitch joins them.
inline constexpr int kMostNvlinksOfAChip = 18;

}  // namespace rigsim::configs
