#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/error_statistics.h"
#include "configs/catalog.h"
#include "topology/collective_profile.h"

namespace rigsim::analysis {

/// How a measured collective was predicted.
enum class CollectiveMethod {
  kFitted,    ///< six numbers fitted to the machine's own measurements
  kLeftOut,   ///< to those of its other numbers of GPUs
  kFamily,    ///< by the machines with the same kind of link
  kTable,     ///< from its table with every second size withheld
  kNcclModel  ///< what NCCL itself expects
};

/// "fitted", "left-out", "family", "table", "nccl".
[[nodiscard]] std::string_view to_string(CollectiveMethod method);

struct CollectiveErrors {
  std::string machine;
  CollectiveMethod method = CollectiveMethod::kFitted;
  std::uint32_t ranks = 0;  ///< the number left out; 0: all together
  ErrorStatistics errors;
};

/// Fits every machine of `profile` to its NCCL tables, the families to the machines of their kind
/// of link (one that no device is listed for is left out), and states the errors in the profile.
/// The measured machines' wiring is that of `catalog`'s rigs "NxDEVICE".
/// Throws std::invalid_argument for a table that cannot be fitted.
[[nodiscard]] topology::CollectiveProfile fit_collectives(topology::CollectiveProfile profile,
                                                          const configs::Catalog& catalog);

/// The errors over the measured tables, by machine and method, with `profile`'s fits (those with
/// something left out are fitted for it). Median, p90 and worst are filled.
[[nodiscard]] std::vector<CollectiveErrors> collective_errors(
    const topology::CollectiveProfile& profile, const configs::Catalog& catalog);

}  // namespace rigsim::analysis
