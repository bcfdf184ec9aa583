#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/op_graph.h"
#include "workloads/deployment.h"
#include "workloads/kernel_cost.h"

namespace rigsim::workloads {

/// What an op of a lowered pass stands for.
enum class OpClass : std::uint8_t {
  kKernel,    ///< on a device's compute stream, or on the host's CPU for offloaded layers
  kTransfer,  ///< hidden state between stages, weights to a device, a step of a collective
  kExchange,  ///< what devices do to each other without a flow of bytes of its own: an event, a
              ///< flag, a collective priced as a whole
  kSync,      ///< host synchronisation at a stage boundary
  kSubmit,    ///< the host thread launching kernels
  kHostStep   ///< per-step host work that nothing hides
};

[[nodiscard]] std::string_view to_string(OpClass op_class);

/// The host's CPU as a place where ops run.
inline constexpr std::uint32_t kHostPlace = 0xFFFFFFFFU;

/// What an op is, for reports and traces.
struct OpInfo {
  OpClass op_class = OpClass::kKernel;
  std::string_view name;
  std::uint32_t place = kHostPlace;   ///< device index; of a transfer, the destination
  std::uint32_t source = kHostPlace;  ///< of a transfer
  int layer = -1;                     ///< -1: outside the layers
  std::uint32_t micro_batch = 0;
  KernelCost cost;  ///< kernels: launch and body; others: zero
  double flops = 0;
  double bytes = 0;     ///< memory traffic of a kernel, or size of a transfer
  bool staged = false;  ///< transfer through host memory
};

/// A pass (a whole prompt, or one decode step) as ops, with what each op means.
struct PassGraph {
  sim::OpGraph graph;
  std::vector<OpInfo> ops;               ///< [ops]
  std::vector<std::uint32_t> attention;  ///< ops whose cost depends on the context, in order
};

/// One prompt pass over `context_tokens` that are already cached: micro-batches of the engine's
/// size walk through the stages one behind the other. The host launches kernels in order; a device
/// stream holds only so many launches (BackendProfile::launch_queue_depth), and when it is full the
/// host blocks, also for the devices behind. So a split pipelines as far as a stage's launches fit
/// the queue.
[[nodiscard]] PassGraph lower_prompt(const Deployment& deployment, std::int64_t prompt_tokens,
                                     std::int64_t sequences, std::int64_t context_tokens = 0);

/// One decode step of `sequences` sequences that attend to `context` tokens, the new one included.
[[nodiscard]] PassGraph lower_decode(const Deployment& deployment, std::int64_t context,
                                     std::int64_t sequences);

/// The costs of `pass` (from lower_decode) at another context: attention is priced again, the rest
/// kept.
void reprice_decode(PassGraph& pass, sim::Costs& costs, const Deployment& deployment,
                    std::int64_t context, std::int64_t sequences);

}  // namespace rigsim::workloads
