#pragma once

#include "topology/nccl_constants.h"

namespace rigsim::configs {

/// The shipped catalog/collectives/nccl.yaml. Throws ConfigError.
[[nodiscard]] topology::NcclConstants nccl_constants();

}  // namespace rigsim::configs
