#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "configs/topology_import/gpu_facts.h"
#include "configs/topology_import/import_note.h"
#include "sim/units.h"

namespace rigsim::configs {

/// What stands in a machine's PCIe tree.
enum class PartKind { kHost, kRootComplex, kPcieSwitch, kGpu, kNic };

/// A link of the PCIe tree as a file gives it.
struct PcieFacts {
  std::optional<int> generation;
  std::optional<int> lanes;
};

/// One vertex of the PCIe tree. Parents come before their children.
struct MachinePart {
  PartKind kind = PartKind::kHost;
  std::string name;                   ///< unique: "gpu0", "host1", "switch0"
  std::optional<std::size_t> parent;  ///< into MachineSketch::parts; none: a host
  PcieFacts link;                     ///< to the parent
  std::size_t gpu = 0;                ///< into MachineSketch::gpus, of a GPU
};

enum class PeerKind { kNvlink, kXgmi, kC2c };

/// Links between two GPUs, or a GPU and an NVSwitch or host.
struct PeerBundle {
  PeerKind kind = PeerKind::kNvlink;
  std::size_t gpu = 0;                   ///< into MachineSketch::gpus
  std::optional<std::size_t> other_gpu;  ///< one of these three
  std::optional<std::size_t> nvswitch;   ///< numbered from 0
  std::optional<std::size_t> host;       ///< into MachineSketch::parts
  int links = 1;
  /// Line rate of all of them together, one direction; none: by the GPU's generation.
  std::optional<sim::Bandwidth> line_rate;
};

/// A directed pair of GPUs, into MachineSketch::gpus.
struct GpuPair {
  std::size_t from = 0;
  std::size_t to = 0;
  bool operator==(const GpuPair&) const = default;
};

/// What is said of the machine around the GPUs. Zero or empty: nothing.
struct HostFacts {
  std::string cpu;
  std::string machine;     ///< its product name
  std::string cpu_vendor;  ///< "GenuineIntel"
  int cpu_family = 0;
  int cpu_model = 0;
  sim::Bytes memory{};
  int cores = 0;
};

/// A machine as input files describe it: no rates yet, and no opinion of the catalogue.
struct MachineSketch {
  std::vector<GpuFacts> gpus;
  std::vector<MachinePart> parts;
  std::vector<PeerBundle> bundles;
  bool tells_bundles = false;  ///< without any, there are none; else nobody asked
  /// Pairs whose peer access over PCIe is permitted; none: the files do not say.
  std::optional<std::vector<GpuPair>> peer_access;
  HostFacts host;
  ImportNotes notes;
};

}  // namespace rigsim::configs
