#pragma once

#include <string>

#include "topology/collective_profile.h"

namespace rigsim::configs {

/// What ships of collectives (catalog/collectives/): NCCL's constants, the machines, their fits and
/// measured tables. Throws ConfigError with file and line where the data are wrong.
[[nodiscard]] topology::CollectiveProfile collective_profile();

/// As collective_profile() without fits.yaml: every fit is NCCL's own constants, every error 0.
/// What a fit starts from.
[[nodiscard]] topology::CollectiveProfile unfitted_collective_profile();

/// The fits, families and errors of a profile in the form of catalog/collectives/fits.yaml.
[[nodiscard]] std::string to_yaml_fits(const topology::CollectiveProfile& profile);

}  // namespace rigsim::configs
