#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/serving/server.h"

namespace rigsim::workloads {

/// What the process in front of a replica's engine does on the host, one thing after another.
struct FrontEnd {
  double tokenize_us = 0;  ///< for each token of a prompt
  double output_us = 0;    ///< for each token of an answer: detokenisation, streaming

  [[nodiscard]] bool any() const { return tokenize_us > 0 || output_us > 0; }
};

/// [requests] When each of open traffic reaches the engine: it and those before it are tokenised.
[[nodiscard]] std::vector<sim::Time> engine_arrivals(const FrontEnd& front, const Traffic& traffic);

/// serve() behind a front end: a prompt reaches the engine when it and those before it are
/// tokenised; the tokens of a step are out when the front end has done with all of them, and the
/// steps before. Records, also those that `observer` sees, have the user's times: `arrival` before
/// tokenisation, `first_token` and `finished` behind the output's way. Steps and gaps are the
/// engine's. Prompts are tokenised by one process for all replicas, beside the outputs; in a closed
/// loop a prompt reaches the engine at once and its answer comes later by the time it took, and the
/// user's next request does not wait for the output's way. Leaps and single steps give the same
/// times.
[[nodiscard]] std::vector<RequestRecord> serve_behind(const FrontEnd& front, const Traffic& traffic,
                                                      const ServerConfig& config,
                                                      std::span<const Station> stations,
                                                      ServingObserver& observer);

}  // namespace rigsim::workloads
