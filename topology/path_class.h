#pragma once

#include <string>
#include <vector>

#include "topology/rig.h"

namespace rigsim::topology {

/// How two vertices are joined, in the words of `nvidia-smi topo -m`.
enum class PathClass {
  kSelf,    ///< X
  kNvlink,  ///< NV#: NVLink of so many bonded links, direct or through NVSwitch
  kXgmi,    ///< XGMI: AMD Infinity Fabric (rocm-smi's word)
  kC2c,     ///< C2C: a coherent chip-to-chip link
  kPix,     ///< at most one PCIe switch
  kPxb,     ///< several PCIe switches, no host
  kPhb,     ///< through one host (or one root complex of it)
  kNode,    ///< between root complexes of one host
  kSys,     ///< between sockets
  kNet,     ///< between machines
  kNone     ///< nothing joins them
};

struct PairPath {
  PathClass path = PathClass::kNone;
  int links = 0;  ///< of kNvlink

  friend bool operator==(const PairPath&, const PairPath&) = default;
};

/// "X", "NV12", "PIX", ...; "-" for kNone.
[[nodiscard]] std::string to_string(const PairPath& pair);

/// How `from` is joined to every node: [nodes]. Peer links count before PCIe, as the driver prefers
/// them; otherwise the way with the fewest cables decides (ties: nodes of lower id first). Throws
/// std::invalid_argument for an unknown node.
[[nodiscard]] std::vector<PairPath> paths_from(const Rig& rig, NodeId from);

}  // namespace rigsim::topology
