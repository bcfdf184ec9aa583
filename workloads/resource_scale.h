#pragma once

namespace rigsim::workloads {

/// How much faster each resource of a machine is than the real one: 2 is twice as fast. Answers
/// "what if"; 1 everywhere changes nothing, to the last bit.
struct ResourceScale {
  double compute = 1;  ///< arithmetic and instruction issue
  double memory = 1;   ///< bandwidth of the devices' (and the host's) memory
  double launch = 1;   ///< fixed cost of a kernel, and the host's part in launching it
  double host = 1;     ///< host work per step, and synchronisation between stages
  double link_bandwidth = 1;
  double link_latency = 1;  ///< latencies and fixed costs of copies are divided by it

  friend bool operator==(const ResourceScale&, const ResourceScale&) = default;
};

/// Throws std::invalid_argument, naming the resource, unless every factor is finite and > 0.
void validate(const ResourceScale& scale);

}  // namespace rigsim::workloads
