#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/topology_import/import_note.h"
#include "configs/topology_import/import_text.h"
#include "topology/rig.h"

namespace rigsim::configs {

class Catalog;

/// The most bytes of one input file.
inline constexpr std::uint64_t kMostImportBytes = std::uint64_t{16} << 20;

struct ImportOptions {
  std::string rig_name;               ///< what the rig shall be called
  std::optional<std::string> device;  ///< which GPU they are, overruling the files
};

/// A rig made of what tools print about a machine.
struct ImportedRig {
  topology::Rig rig;
  std::vector<std::string> sources;  ///< what each file was: "topo.txt: nvidia-smi topo -m"
  std::vector<ImportNote> notes;
};

/// Imports the files of one machine, recognised by what is in them: the output of `nvidia-smi topo
/// -m`, `topo -p2p r`, `--query-gpu=... --format=csv`, `-q` (each in a file of its own or pasted
/// one after another), NCCL's topology XML (NVIDIA's and RCCL's), `rocm-smi --showtopo`, hwloc's
/// XML. At most one may tell the wiring; without one, every card is taken to have a link of its own
/// to one host. Throws UnreadableInput for files that are cut short, damaged or something else,
/// ConfigError where files contradict themselves or each other, where nothing says which GPUs they
/// are, or the device of the options is none.
[[nodiscard]] ImportedRig import_topology(std::span<const ImportFile> files,
                                          const ImportOptions& options, const Catalog& catalog);

/// The rig as YAML that read_rig_file() gives back the same, below comments that say where it is
/// from, what was assumed and what the files could not tell.
[[nodiscard]] std::string to_yaml(const ImportedRig& imported);

}  // namespace rigsim::configs
