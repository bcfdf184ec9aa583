#pragma once

#include <string>
#include <vector>

#include "configs/topology_import/machine_sketch.h"

namespace rigsim::configs {

/// A PCI function or bridge as files list them, before what does not matter is left out.
struct PciNode {
  enum class Kind { kHostBridge, kBridge, kGpu, kNic, kOther };
  Kind kind = Kind::kOther;
  PcieFacts link;       ///< of its own upstream side
  std::size_t gpu = 0;  ///< into MachineSketch::gpus, of a GPU
  std::string nic;      ///< name, of a NIC
  std::vector<PciNode> children;
};

/// Adds the trees of hosts to a sketch: bridges above nothing of interest are left out, one with a
/// single child becomes part of that child's link (the slower of both), others are switches. Host
/// bridges become root complexes where a host has several.
class PciTreeWriter {
 public:
  explicit PciTreeWriter(MachineSketch& sketch) : sketch_(sketch) {}

  /// Adds a host and what hangs on it.
  std::size_t add_host(const std::vector<PciNode>& roots);

  /// What NICs are called in the file: "nic0 is mlx5_0".
  [[nodiscard]] const std::vector<std::string>& nics() const { return nics_; }

 private:
  void add(const PciNode& node, std::size_t parent, PcieFacts above);
  std::size_t add_part(PartKind kind, std::string name, std::size_t parent, PcieFacts link);

  MachineSketch& sketch_;
  std::vector<std::string> nics_;
  std::size_t hosts_ = 0;
  std::size_t roots_ = 0;
  std::size_t switches_ = 0;
};

/// The slower of two links in series; what one does not know is as the other.
[[nodiscard]] PcieFacts slower(const PcieFacts& a, const PcieFacts& b);

/// The PCIe generation of a signalling rate in GT/s; none: no such rate.
[[nodiscard]] std::optional<int> pcie_generation(double gigatransfers);

}  // namespace rigsim::configs
