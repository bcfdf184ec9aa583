#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/units.h"

namespace rigsim::workloads {

/// One request as it arrives.
struct TrafficRequest {
  sim::Time arrival{};  ///< in a closed loop: unused
  std::int64_t prompt_tokens = 1;
  std::int64_t output_tokens = 1;
  std::int32_t priority = 0;     ///< lower goes first (vLLM's convention)
  std::uint32_t first_hash = 0;  ///< its prefix in Traffic::prefix_hashes
  std::uint32_t hash_count = 0;
};

/// N users who each send the next request a think time after their last one's answer.
struct ClosedLoop {
  std::int64_t users = 1;
  std::vector<sim::Duration> think;  ///< [requests] before each request but a user's first
};

/// What a rig is asked to serve, in the order of arrival.
struct Traffic {
  std::string source;  ///< "poisson:4/s", a file's name
  std::vector<TrafficRequest> requests;
  std::int64_t hash_block_tokens = 0;  ///< prompt tokens per prefix hash; 0: no prefixes known
  /// Of all requests, one behind the other; equal hash = equal prefix up to and including that
  /// block.
  std::vector<std::uint64_t> prefix_hashes;
  std::optional<ClosedLoop> closed_loop{};
  std::uint64_t seed = 0;  ///< of what is left to chance in serving it
};

}  // namespace rigsim::workloads
