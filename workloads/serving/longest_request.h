#pragma once

#include <cstdint>

#include "workloads/serving/server.h"

namespace rigsim::workloads {

/// How long a request may be that a replica does not turn away.
struct LongestRequest {
  std::int64_t tokens = 0;         ///< prompt and answer together; below 2: there is none
  std::int64_t prompt_tokens = 0;  ///< of these
};

/// What the context and the batching's rules allow. Throws as validate(BatchLimits).
[[nodiscard]] LongestRequest longest_request(const ServerConfig& config);

}  // namespace rigsim::workloads
