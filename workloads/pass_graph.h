#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/executor.h"
#include "sim/op_graph.h"
#include "topology/collective.h"
#include "workloads/deployment.h"
#include "workloads/kernel_cost.h"

namespace rigsim::workloads {

/// What an op of a lowered pass stands for.
enum class OpClass : std::uint8_t {
  kKernel,      ///< on a device's compute stream, or on the host's CPU for offloaded layers
  kTransfer,    ///< hidden state between stages, weights to a device, a step of a collective
  kExchange,    ///< what devices do to each other without a flow of bytes of its own: a flag, a
                ///< wait for a copy engine
  kHandover,    ///< one device's stream waits for another's event: the host's work
  kSync,        ///< host synchronisation at a stage boundary
  kSubmit,      ///< the host thread launching kernels
  kHostStep,    ///< per-step host work that nothing hides
  kCollective,  ///< a collective of several devices as one event, or its part beside its flows
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
  std::uint32_t round = 0;  ///< of several decode steps in one graph
  /// Index into PassGraph::collectives: of a collective, and of the transfers right behind it that
  /// are its flows.
  std::optional<std::uint32_t> collective{};
  KernelCost cost;  ///< of a kernel; of a collective or a send: what of it is launch
  double flops = 0;
  double bytes = 0;     ///< memory traffic of a kernel, or size of a transfer
  bool staged = false;  ///< transfer through host memory
};

/// Whose kernels run a collective.
enum class CollectiveRunner : std::uint8_t {
  kNccl,
  kVllm,     ///< its own all-reduce where it has one, else NCCL
  kLlamaCpp  ///< its own all-reduce of two devices through host memory: GgmlAllReduce
};

inline constexpr std::array kCollectiveRunners{CollectiveRunner::kNccl, CollectiveRunner::kVllm,
                                               CollectiveRunner::kLlamaCpp};

/// "nccl", "vllm", "llama.cpp".
[[nodiscard]] std::string_view to_string(CollectiveRunner runner);

/// A collective as a pass runs it.
struct PassCollective {
  topology::CollectiveRequest request;
  CollectiveRunner runner = CollectiveRunner::kNccl;
  topology::LaunchMode launch = topology::LaunchMode::kGraph;
  std::optional<topology::Algorithm> algorithm{};  ///< none: not one of the known ones
};

/// A pass (a whole prompt, or one decode step) as ops, with what each op means.
struct PassGraph {
  sim::OpGraph graph;
  std::vector<OpInfo> ops;  ///< [ops]
  /// Ops whose cost depends on the context, in order, and the sequences that each works on.
  std::vector<std::uint32_t> attention;
  std::vector<std::int64_t> attention_sequences;
  std::vector<PassCollective> collectives;  ///< the different ones that ops stand for
  /// A decode step whose batches are in flight at once runs in a steady state that only shows after
  /// some steps: the graph holds so many, and the last one counts.
  std::uint32_t rounds = 1;
};

/// The part of a run that counts: all of it, or its last round (from the end of the round before).
struct PassWindow {
  sim::Time begin;
  sim::Time end;
};

/// Of the last run of `executor` over `pass`, which began at `start`.
[[nodiscard]] PassWindow window_of(const PassGraph& pass, const sim::Executor& executor,
                                   sim::Time start);

/// Sequences of each replica, as even as they go, the first ones larger.
[[nodiscard]] std::vector<std::int64_t> sequences_by_replica(const Deployment& deployment,
                                                             std::int64_t sequences);

/// Batches that decode in the pipeline at once when a replica has `sequences`.
[[nodiscard]] int batches_in_flight(const Deployment& deployment, std::int64_t sequences);

/// One prompt pass over `context_tokens` that are already cached: micro-batches of the engine's
/// size walk through the stages one behind the other. The host launches kernels in order; a device
/// stream holds only so many launches (BackendProfile::launch_queue_depth), and when it is full the
/// host blocks, also for the devices behind. So a split pipelines as far as a stage's launches fit
/// the queue. Replicas work side by side on their share of the sequences.
[[nodiscard]] PassGraph lower_prompt(const Deployment& deployment, std::int64_t prompt_tokens,
                                     std::int64_t sequences, std::int64_t context_tokens = 0);

/// One decode step of `sequences` sequences that attend to `context` tokens, the new one included.
/// Where an engine keeps several batches in flight (batches_in_flight), each goes its round through
/// the stages and starts the next when its tokens are there: see PassGraph::rounds.
[[nodiscard]] PassGraph lower_decode(const Deployment& deployment, std::int64_t context,
                                     std::int64_t sequences);

/// A step in which each replica has `tokens` new tokens of which `logits` get logits, and those
/// that share their experts bring them `expert_tokens` in all (0: their own). Its attention
/// (PassGraph::attention) is that of as many sequences at their first token. Throws
/// std::invalid_argument for replicas that do not share their experts.
[[nodiscard]] PassGraph lower_step(const Deployment& deployment, std::int64_t tokens,
                                   std::int64_t logits, std::int64_t expert_tokens = 0);

/// The costs of `pass` (from lower_decode) at another context: attention is priced again, the rest
/// kept.
void reprice_decode(PassGraph& pass, sim::Costs& costs, const Deployment& deployment,
                    std::int64_t context);

}  // namespace rigsim::workloads
