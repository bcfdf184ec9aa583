#include "workloads/pass_graph.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "workloads/attention_shape.h"
#include "workloads/pass_ops.h"
#include "workloads/row_split.h"
#include "workloads/stage_lowering.h"

namespace rigsim::workloads {
namespace {

/// vLLM captures CUDA graphs of steps of up to this many tokens (max_cudagraph_capture_size);
/// longer ones launch kernel by kernel.
constexpr std::int64_t kLargestCapturedStep = 512;

/// Decode steps that a graph of several batches in flight holds, so that the last is a steady one.
constexpr int kRounds = 4;

topology::LaunchMode launch_of(const PassShape& shape) {
  return shape.tokens <= kLargestCapturedStep ? topology::LaunchMode::kGraph
                                              : topology::LaunchMode::kEager;
}

/// `batches` parts of `sequences`, as even as they go, the first ones larger.
std::vector<std::int64_t> even_parts(std::int64_t sequences, std::int64_t parts) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(parts), sequences / parts);
  for (std::int64_t i = 0; i < sequences % parts; ++i) ++result[static_cast<std::size_t>(i)];
  return result;
}

PassShape decode_shape(const Deployment& deployment, std::int64_t context, std::int64_t sequences) {
  PassShape shape;
  shape.tokens = sequences;
  shape.sequences = std::max<std::int64_t>(sequences, 1);
  shape.context = context;
  shape.logits = sequences;
  shape.kv_bytes_per_element = deployment.kv_bytes_per_element;
  shape.tensor_parallel = deployment.tensor_parallel();
  shape.sequence_parallel = deployment.plan.sequence_parallel && shape.tensor_parallel > 1;
  shape.expert_parallel = deployment.plan.ep;
  return shape;
}

/// Replicas that walk through the stages together, because they share their experts.
class Convoy {
 public:
  Convoy(PassOps& ops, std::size_t first, std::size_t count)
      : ops_(ops), first_(first), replicas_(count) {
    for (std::size_t i = 0; i < count; ++i) replicas_[i] = ops.deployment().replica(first + i);
  }

  /// One micro-batch of each replica (without tokens: none of its own) through all stages, each
  /// host's step after `finished`; returns the last ops of each. `pipelined`: the hosts submit
  /// kernels ahead of the devices.
  [[nodiscard]] std::vector<Ops> walk(const std::vector<PassShape>& shapes, bool pipelined,
                                      const std::vector<Ops>& finished) {
    std::vector<StageWork> works = started(shapes, pipelined, finished);
    for (std::size_t s = 0; s < replicas_.front().size(); ++s) {
      for (std::size_t i = 0; i < works.size(); ++i) enter(works[i], replicas_[i], s);
      lower_stage(ops_, works, pipelined);
    }
    ops_.next_micro_batch();
    std::vector<Ops> last;
    for (const StageWork& work : works) last.push_back(joined(work.waiting));
    return last;
  }

 private:
  [[nodiscard]] std::vector<StageWork> started(const std::vector<PassShape>& shapes, bool pipelined,
                                               const std::vector<Ops>& finished) {
    std::int64_t tokens = 0;
    for (const PassShape& shape : shapes) tokens += shape.tokens;
    std::vector<StageWork> works;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      StageWork work{nullptr, shapes[i], launch_of(shapes[i]), {}};
      if (work.shape.expert_tokens == 0) work.shape.expert_tokens = tokens;
      work.waiting = {host_step(first_ + i, pipelined, finished[i])};
      works.push_back(std::move(work));
    }
    return works;
  }

  /// The host prepares a step once it has launched the one before, and where it does not run ahead,
  /// once that has finished.
  [[nodiscard]] Ops host_step(std::size_t replica, bool pipelined, const Ops& finished) {
    const Deployment& d = ops_.deployment();
    const double step_us =
        d.backends.empty() ? d.host_backend.host_step_us : d.backends.front().host_step_us;
    if (step_us <= 0) return pipelined ? Ops{} : finished;
    return {ops_.host_step(static_cast<std::uint32_t>(replica), sim::from_seconds(step_us * 1e-6),
                           pipelined ? Ops{} : finished)};
  }

  /// Moves `work` on to stage `s` of its replica.
  void enter(StageWork& work, std::span<const DeployedStage> stages, std::size_t s) {
    work.stage = &stages[s];
    work.waiting = s == 0 ? no_waiting(stages[s], joined(work.waiting))
                          : lower_boundary(ops_, stages[s - 1], stages[s], work.shape, work.launch,
                                           work.waiting);
  }

  PassOps& ops_;
  std::size_t first_;
  std::vector<std::span<const DeployedStage>> replicas_;
};

/// Replicas that have to be lowered together: those that share their experts.
std::size_t convoy_size(const Deployment& d) {
  return d.model.experts ? static_cast<std::size_t>(replicas_per_expert_group(d.plan)) : 1;
}

/// Short prompts share a micro-batch; long ones are cut into several.
std::vector<PassShape> prompt_shapes(const Deployment& d, std::int64_t prompt_tokens,
                                     std::int64_t sequences, std::int64_t context_tokens) {
  const std::int64_t micro = d.engine.micro_batch_tokens;
  const std::int64_t packed = std::clamp<std::int64_t>(
      micro / std::max<std::int64_t>(prompt_tokens, 1), 1, std::max<std::int64_t>(sequences, 1));
  std::vector<PassShape> shapes;
  for (std::int64_t first = 0; first < sequences; first += packed) {
    const std::int64_t together = std::min(packed, sequences - first);
    for (std::int64_t done = 0; done < prompt_tokens; done += micro) {
      const std::int64_t each = std::min(micro, prompt_tokens - done);
      PassShape shape = decode_shape(d, context_tokens + done + each, together);
      shape.tokens = each * together;
      shapes.push_back(shape);
    }
  }
  return shapes;
}

/// The prompts of replicas [first, first + count).
void lower_prompts(PassOps& ops, std::size_t first, std::size_t count,
                   const std::vector<std::vector<PassShape>>& shapes) {
  const Deployment& d = ops.deployment();
  Convoy convoy(ops, first, count);
  const bool pipelined = d.replica(first).size() > 1;
  std::vector<Ops> finished(count);
  for (std::size_t step = 0; step < shapes[first].size(); ++step) {
    std::vector<PassShape> wave;
    for (std::size_t i = first; i < first + count; ++i)
      wave.push_back(step < shapes[i].size() ? shapes[i][step] : decode_shape(d, 1, 0));
    finished = convoy.walk(wave, pipelined, finished);
  }
}

/// Rounds of decode steps of replicas [first, first + count): a batch starts its next round when
/// its last has ended.
class Decoding {
 public:
  Decoding(PassOps& ops, std::size_t first, std::size_t count, std::int64_t context,
           const std::vector<std::int64_t>& sequences)
      : convoy_(ops, first, count) {
    const Deployment& d = ops.deployment();
    const int batches = batches_in_flight(d, sequences[first]);
    shapes_.resize(static_cast<std::size_t>(batches));
    for (std::size_t i = first; i < first + count; ++i) {
      const auto parts = even_parts(sequences[i], batches);
      for (std::size_t b = 0; b < parts.size(); ++b)
        shapes_[b].push_back(decode_shape(d, context, parts[b]));
    }
    finished_.assign(shapes_.size(), std::vector<Ops>(count));
  }

  void round() {
    for (std::size_t b = 0; b < shapes_.size(); ++b)
      finished_[b] = convoy_.walk(shapes_[b], false, finished_[b]);
  }

 private:
  Convoy convoy_;
  std::vector<std::vector<PassShape>> shapes_;  ///< [batches x replicas]
  std::vector<std::vector<Ops>> finished_;      ///< the same
};

}  // namespace

std::string_view to_string(OpClass op_class) {
  switch (op_class) {
    case OpClass::kKernel:
      return "kernel";
    case OpClass::kTransfer:
      return "transfer";
    case OpClass::kExchange:
      return "exchange";
    case OpClass::kHandover:
      return "handover";
    case OpClass::kSync:
      return "sync";
    case OpClass::kSubmit:
      return "submit";
    case OpClass::kHostStep:
      return "host_step";
    case OpClass::kCollective:
      return "collective";
  }
  throw std::logic_error("unknown op class");
}

std::string_view to_string(CollectiveRunner runner) {
  switch (runner) {
    case CollectiveRunner::kNccl:
      return "nccl";
    case CollectiveRunner::kVllm:
      return "vllm";
    case CollectiveRunner::kLlamaCpp:
      return "llama.cpp";
  }
  throw std::logic_error("unknown runner of collectives");
}

int Deployment::tensor_parallel() const {
  std::size_t widest = 1;
  for (const DeployedStage& stage : stages) {
    if (stage.split != SplitMode::kRow) widest = std::max(widest, stage.devices.size());
  }
  return static_cast<int>(widest);
}

std::span<const DeployedStage> Deployment::replica(std::size_t index) const {
  const std::size_t each = stages.size() / static_cast<std::size_t>(plan.dp);
  return std::span(stages).subspan(index * each, each);
}

std::vector<std::int64_t> sequences_by_replica(const Deployment& deployment,
                                               std::int64_t sequences) {
  return even_parts(sequences, deployment.plan.dp);
}

int batches_in_flight(const Deployment& deployment, std::int64_t sequences) {
  const bool several = deployment.engine.style == KernelStyle::kFused;
  const auto stages = static_cast<int>(deployment.replica(0).size());
  const int most = deployment.plan.in_flight.value_or(several ? stages : 1);
  return static_cast<int>(std::clamp<std::int64_t>(sequences, 1, std::max(most, 1)));
}

namespace {

PassGraph lower_prompt_as_wired(const Deployment& deployment, std::int64_t prompt_tokens,
                                std::int64_t sequences, std::int64_t context_tokens) {
  PassOps ops(deployment);
  std::vector<std::vector<PassShape>> shapes;
  for (const std::int64_t own : sequences_by_replica(deployment, sequences))
    shapes.push_back(prompt_shapes(deployment, prompt_tokens, own, context_tokens));
  const std::size_t together = convoy_size(deployment);
  for (std::size_t first = 0; first < shapes.size(); first += together)
    lower_prompts(ops, first, together, shapes);
  return std::move(ops).finish();
}

bool splits_rows(const Deployment& deployment) {
  return std::any_of(deployment.stages.begin(), deployment.stages.end(),
                     [](const DeployedStage& stage) { return stage.split == SplitMode::kRow; });
}

}  // namespace

PassGraph lower_prompt(const Deployment& deployment, std::int64_t prompt_tokens,
                       std::int64_t sequences, std::int64_t context_tokens) {
  const bool staged = prompt_tokens > kRowSplitPeerTokens && splits_rows(deployment);
  return lower_prompt_as_wired(staged ? without_peer_access(deployment) : deployment, prompt_tokens,
                               sequences, context_tokens);
}

PassGraph lower_decode(const Deployment& deployment, std::int64_t context, std::int64_t sequences) {
  PassOps ops(deployment);
  const auto own = sequences_by_replica(deployment, sequences);
  const std::size_t together = convoy_size(deployment);
  std::vector<Decoding> convoys;
  for (std::size_t first = 0; first < own.size() && own[first] > 0; first += together)
    convoys.emplace_back(ops, first, together, context, own);
  const int rounds = batches_in_flight(deployment, own.front()) > 1 ? kRounds : 1;
  for (int round = 0; round < rounds; ++round) {
    if (round > 0) ops.next_round();
    for (Decoding& each : convoys) each.round();
  }
  return std::move(ops).finish();
}

PassGraph lower_step(const Deployment& given, std::int64_t tokens, std::int64_t logits,
                     std::int64_t expert_tokens) {
  const auto replicas = static_cast<std::size_t>(given.plan.dp);
  if (convoy_size(given) != replicas)
    throw std::invalid_argument("a step is lowered for one replica, or all that share experts");
  std::optional<Deployment> staged;
  if (tokens > kRowSplitPeerTokens && splits_rows(given)) staged = without_peer_access(given);
  const Deployment& deployment = staged ? *staged : given;
  PassOps ops(deployment);
  PassShape shape = decode_shape(deployment, 1, tokens);
  shape.logits = logits;
  shape.expert_tokens = expert_tokens;
  Convoy convoy(ops, 0, replicas);
  (void)convoy.walk(std::vector(replicas, shape), false, std::vector<Ops>(replicas));
  return std::move(ops).finish();
}

PassWindow window_of(const PassGraph& pass, const sim::Executor& executor, sim::Time start) {
  PassWindow window{start, start};
  for (std::uint32_t i = 0; i < pass.ops.size(); ++i) {
    const sim::Time end = executor.finished(sim::OpId{i});
    window.end = std::max(window.end, end);
    if (pass.ops[i].round + 1 < pass.rounds) window.begin = std::max(window.begin, end);
  }
  return window;
}

void reprice_decode(PassGraph& pass, sim::Costs& costs, const Deployment& deployment,
                    std::int64_t context) {
  for (std::size_t i = 0; i < pass.attention.size(); ++i) {
    const std::uint32_t op = pass.attention[i];
    OpInfo& info = pass.ops[op];
    PassShape local = decode_shape(deployment, context, pass.attention_sequences[i]);
    if (info.place == kHostPlace) local.tensor_parallel = 1;
    const Kernel kernel = decode_attention(deployment.model, info.layer, local, deployment.engine);
    const auto& rates =
        info.place == kHostPlace ? deployment.host_rates : deployment.rates[info.place];
    info.cost = price(kernel, rates, table_of(deployment, info.place));
    info.flops = kernel.flops;
    info.bytes = kernel.traffic_bytes;
    costs.amount[op] = info.cost.total().count();
  }
}

}  // namespace rigsim::workloads
