#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cli/command_options.h"
#include "sim/units.h"
#include "topology/collective.h"
#include "topology/collective_profile.h"
#include "topology/rig.h"

namespace rigsim::cli {

/// What `rigsim collective KIND` is asked.
struct CollectiveQuestion {
  topology::Rig rig;
  topology::CollectiveKind kind = topology::CollectiveKind::kAllReduce;
  std::vector<std::uint32_t> devices;  ///< of all groups, one group behind the other
  std::vector<sim::Bytes> sizes;
  topology::CollectiveLibrary library = topology::CollectiveLibrary::kNccl;
  topology::LaunchMode launch = topology::LaunchMode::kGraph;
  std::optional<topology::Algorithm> algorithm;
  std::optional<topology::Protocol> protocol;
  std::size_t groups = 1;  ///< of as many devices each, that do the same at once

  /// The calls of the groups for one size.
  [[nodiscard]] std::vector<topology::CollectiveRequest> requests(sim::Bytes size) const;
};

/// Reads the options. Throws configs::ConfigError, naming the option, for what it cannot mean:
/// unknown names and devices, groups of unlike sizes, algorithms where vLLM chooses.
[[nodiscard]] CollectiveQuestion collective_question(const ParsedOptions& options);

}  // namespace rigsim::cli
