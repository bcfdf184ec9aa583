#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/units.h"
#include "topology/collective.h"
#include "topology/nccl_constants.h"
#include "topology/nccl_time.h"

namespace rigsim::topology {

/// Whose kernels run the collective. vLLM's own all-reduce where it allows it, else NCCL.
enum class CollectiveLibrary { kNccl, kVllm };
inline constexpr std::array kCollectiveLibraries{CollectiveLibrary::kNccl,
                                                 CollectiveLibrary::kVllm};

/// "nccl", "vllm".
[[nodiscard]] std::string_view to_string(CollectiveLibrary library);

/// What joins the devices of a machine, as far as fits are told apart by it.
enum class CollectiveLink {
  kNvlink,
  kPcie,       ///< with peer access, whether NCCL uses it between all pairs or not
  kHostMemory  ///< PCIe without peer access: every hop is written to host memory and read from it
};

/// What joins the ranks of `graph`.
[[nodiscard]] CollectiveLink link_of(const NcclGraph& graph);

/// Measured times of one collective on one number of ranks, in increasing size.
struct CollectiveTable {
  struct Point {
    sim::Bytes size{};
    sim::Duration time{};
  };
  CollectiveLibrary library = CollectiveLibrary::kNccl;
  CollectiveKind kind = CollectiveKind::kAllReduce;
  LaunchMode launch = LaunchMode::kGraph;  ///< or back to back, as nccl-tests runs them
  std::uint32_t ranks = 0;
  std::vector<Point> points;
};

/// What is known of collectives on one type of device joined in one way.
struct CollectiveMachine {
  std::string name;                  ///< "h100-sxm"
  std::string measured_on;           ///< the device's catalogue name
  std::vector<std::string> devices;  ///< catalogue names that the tables hold for
  std::vector<std::string> chips;    ///< that the fit holds for, "GH100"
  CollectiveLink link = CollectiveLink::kPcie;
  sim::Bandwidth bus{};  ///< NCCL's ring bandwidth of the measured machine
  NcclFit fit;
  double error_p90 = 0;  ///< of the fit over the measurements, relative
  /// Below this no eager call of a serving engine's Python ends, whatever the size; 0: not measured
  sim::Duration eager_floor{};
  std::vector<CollectiveTable> tables;
};

/// How machines that nobody measured are predicted.
struct CollectiveFamily {
  NcclFit nvlink;
  NcclFit pcie;
  NcclFit host_memory;
  double error_p90 = 0;  ///< of a machine predicted without its own measurements
  sim::Duration eager_floor{};

  [[nodiscard]] const NcclFit& of(CollectiveLink link) const;
};

/// Sizes up to which vLLM keeps from NCCL, by generation and ranks.
struct VllmLimit {
  NcclGeneration generation = NcclGeneration::kAmpere;
  std::uint32_t ranks = 0;
  sim::Bytes custom{};     ///< by its one-shot or two-shot kernel
  sim::Bytes symmetric{};  ///< by the switch, through symmetric memory; 0: not
};

/// vLLM's custom all-reduce. One-shot: every rank reads all the others' buffers,
/// t = base + n x per_rank + (n - 1) S / port. Two-shot: reduce-scatter and all-gather,
/// t = 2 (base + n x per_rank) + 2 (n - 1) / n S / port. `port` is a share of the copy path's
/// bandwidth between two of the devices.
struct VllmAllReduce {
  sim::Duration base{};
  sim::Duration per_rank{};
  double port_share = 0;
  sim::Bytes one_shot_small_world{};  ///< below this one-shot with up to 4 ranks
  sim::Bytes one_shot_large_world{};  ///< and with up to 8
  sim::Bytes most{};                  ///< below this custom where no limit is listed
  std::vector<VllmLimit> limits;
  double error_p90 = 0;
};

/// All constants, fits and tables of collectives; configs/ fills it from catalog/collectives/.
struct CollectiveProfile {
  NcclConstants nccl;
  NcclShape shape;
  CollectiveFamily family;
  std::vector<CollectiveMachine> machines;
  VllmAllReduce vllm;
  double table_error_p90 = 0;  ///< of a table between its points
};

}  // namespace rigsim::topology
