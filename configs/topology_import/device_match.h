#pragma once

#include <optional>
#include <string>

#include "configs/topology_import/gpu_facts.h"
#include "configs/topology_import/import_note.h"
#include "topology/device.h"

namespace rigsim::configs {

class Catalog;

/// The device that files describe: the catalogue's by product name or PCI id, with another amount
/// of memory where they say so. A GPU that the catalogue does not have is defined after its nearest
/// relative there (same vendor and compute capability, nearest memory), and a note says what is
/// taken over. `wanted` (from --device) overrules the files. Throws std::invalid_argument where
/// nothing says what it is, or `wanted` is no device of the catalogue.
[[nodiscard]] topology::Device match_device(const GpuFacts& facts,
                                            const std::optional<std::string>& wanted,
                                            const Catalog& catalog, ImportNotes& notes);

/// The GPU of a machine that is known by its product name ("NVIDIA_DGX_Spark"); none: not known.
[[nodiscard]] std::optional<std::string> gpu_of_machine(const std::string& machine);

}  // namespace rigsim::configs
