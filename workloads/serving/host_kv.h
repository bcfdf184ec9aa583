#pragma once

#include <cstdint>
#include <vector>

#include "sim/units.h"
#include "workloads/deployment.h"
#include "workloads/kv_cache.h"
#include "workloads/serving/block_copies.h"

namespace rigsim::workloads {

/// Host memory behind the KV cache of one replica.
struct HostKv {
  std::int64_t blocks = 0;            ///< KV blocks that it holds; 0: there is none
  sim::Bytes block_bytes{};           ///< of a block on all devices of the replica
  std::vector<BlockCopyCost> stages;  ///< [stages]
};

/// What of a block is in one piece, on device and host.
enum class BlockLayout : std::uint8_t {
  kTensors,  ///< keys, or values, of a layer (of MLA both): vLLM V0's caches
  kWhole     ///< all layers: those of vLLM V1's OffloadingConnector (prefer_cross_layer_blocks)
};

/// What host memory of `per_device` for each device holds of the KV cache of `replica`, and how
/// long blocks are on their way, all of a stage's devices at once: over the rig's links, which they
/// may share, as pinned copies. Other replicas' copies are not in the way. Each piece of a block is
/// a copy of its own, one after another (cache_kernels.cu, swap_blocks), with the latency of its
/// route.
///
/// Throws std::invalid_argument for devices whose memory is the host's.
[[nodiscard]] HostKv host_kv(const Deployment& replica, KvFormat format, sim::Bytes per_device,
                             BlockLayout layout);

/// Of a host's memory, as swap space of one replica: vLLM 0.6's "Too large swap space" (config.py).
inline constexpr double kMostOfSwapSpace = 0.7;

/// Throws std::invalid_argument where that takes more than `most_of_one` of the hosts' memory for
/// the devices of one replica, or more than all of it for `replicas` of them. What the rig does not
/// say is not checked.
void check_host_memory(const Deployment& replica, sim::Bytes per_device, std::int32_t replicas,
                       double most_of_one = kMostOfSwapSpace);

}  // namespace rigsim::workloads
