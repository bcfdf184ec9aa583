#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configs/topology_import/import_note.h"
#include "configs/topology_import/import_text.h"

namespace rigsim::configs {

/// The PCIe path between two endpoints as `nvidia-smi topo -m` classifies it, the closest first.
enum class PathClass {
  kSelf,     ///< X
  kPix,      ///< at most one PCIe bridge (a switch); old drivers: PSB, one on a board
  kPxb,      ///< several bridges, no host bridge
  kPhb,      ///< through a host bridge
  kNode,     ///< between host bridges of a NUMA node
  kSys,      ///< between NUMA nodes; old drivers: SOC
  kUnknown,  ///< NVLink hides it, or the row is missing
};

/// What joins a pair of endpoints.
struct PairLink {
  PathClass path = PathClass::kUnknown;
  int nvlinks = 0;  ///< bonded links; where above 0 the path is not shown
};

/// A row and column of the matrix.
struct SmiEndpoint {
  std::string label;  ///< "GPU0", "NIC3", "mlx5_0"
  std::string name;   ///< of a NIC, from the legend: "ibp33s0"; may be empty
  bool gpu = false;
  int number = 0;            ///< of a GPU
  std::string cpu_affinity;  ///< "0-31,64-95"; may be empty
  std::string numa;          ///< "0", "0-1"; empty: not given
  int line = 0;              ///< of its row; 0: it has none
};

/// `nvidia-smi topo -m`, rows and columns as the header has them, made symmetric.
struct SmiMatrix {
  int line = 0;  ///< of the header
  std::vector<SmiEndpoint> endpoints;
  std::vector<PairLink> pairs;  ///< [endpoints x endpoints]
  ImportNotes notes;

  [[nodiscard]] const PairLink& pair(std::size_t a, std::size_t b) const {
    return pairs[a * endpoints.size() + b];
  }
};

/// `nvidia-smi topo -p2p r`: which GPU reaches the memory of which.
struct SmiPeers {
  int line = 0;
  char capability = 'r';  ///< as its command line says: r, w, n, a, p; r where none is there
  std::vector<int> gpus;  ///< numbers, as the header has them
  std::vector<char> ok;   ///< [gpus x gpus], row reaches column
  [[nodiscard]] bool may(std::size_t from, std::size_t to) const {
    return ok[from * gpus.size() + to] != 0;
  }
};

/// The matrices in a text: tabs or blanks between the cells, with or without legends.
struct SmiMatrices {
  std::optional<SmiMatrix> links;
  std::vector<SmiPeers> peers;
};

/// Finds them in the output of `nvidia-smi topo`, whatever stands around it. Throws
/// UnreadableInput where a matrix is cut short or has cells that no driver prints, ConfigError
/// where it contradicts itself (two different ones, a link to itself that is none).
[[nodiscard]] SmiMatrices read_smi_matrices(const ImportFile& file,
                                            const std::vector<TextLine>& lines);

/// As the tool writes it: "PIX", "NV4", "X".
[[nodiscard]] std::string to_string(const PairLink& link);

}  // namespace rigsim::configs
