#include "workloads/pass_graph.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "workloads/attention_shape.h"
#include "workloads/pass_ops.h"
#include "workloads/row_split.h"
#include "workloads/stage_lowering.h"

namespace rigsim::workloads {
namespace {

/// The host prepares a step once it has launched the one before, and where it does not run ahead,
/// once that has finished.
Ops lower_host_step(PassOps& ops, bool pipelined, const Ops& finished) {
  const Deployment& d = ops.deployment();
  const double host_step_us =
      d.backends.empty() ? d.host_backend.host_step_us : d.backends.front().host_step_us;
  if (host_step_us <= 0) return {};
  return {ops.host_step(sim::from_seconds(host_step_us * 1e-6), pipelined ? Ops{} : finished)};
}

/// One micro-batch through all stages; returns its last ops. `pipelined`: the host submits kernels
/// ahead of the devices. `finished`: the last ops of the micro-batch before.
Ops lower_micro_batch(PassOps& ops, const PassShape& shape, bool pipelined, const Ops& finished) {
  const auto& stages = ops.deployment().stages;
  Ops ready = lower_host_step(ops, pipelined, finished);
  for (std::size_t s = 0; s < stages.size(); ++s) {
    if (s > 0) ready = lower_boundary(ops, stages[s - 1], stages[s], shape.tokens, ready);
    ready = lower_stage(ops, stages[s], shape, pipelined, std::move(ready));
  }
  ops.next_micro_batch();
  return ready;
}

PassShape decode_shape(const Deployment& deployment, std::int64_t context, std::int64_t sequences) {
  PassShape shape;
  shape.tokens = sequences;
  shape.sequences = sequences;
  shape.context = context;
  shape.logits = sequences;
  shape.kv_bytes_per_element = deployment.kv_bytes_per_element;
  shape.tensor_parallel = deployment.tensor_parallel();
  return shape;
}

}  // namespace

std::string_view to_string(OpClass op_class) {
  switch (op_class) {
    case OpClass::kKernel:
      return "kernel";
    case OpClass::kTransfer:
      return "transfer";
    case OpClass::kExchange:
      return "exchange";
    case OpClass::kSync:
      return "sync";
    case OpClass::kSubmit:
      return "submit";
    case OpClass::kHostStep:
      return "host_step";
  }
  throw std::logic_error("unknown op class");
}

int Deployment::tensor_parallel() const {
  std::size_t widest = 1;
  for (const DeployedStage& stage : stages) {
    if (stage.split != SplitMode::kRow) widest = std::max(widest, stage.devices.size());
  }
  return static_cast<int>(widest);
}

namespace {

PassGraph lower_prompt_as_wired(const Deployment& deployment, std::int64_t prompt_tokens,
                                std::int64_t sequences, std::int64_t context_tokens) {
  const std::int64_t micro = deployment.engine.micro_batch_tokens;
  // Short prompts share a micro-batch; long ones are cut into several.
  const std::int64_t packed =
      std::clamp<std::int64_t>(micro / std::max<std::int64_t>(prompt_tokens, 1), 1, sequences);
  const bool pipelined = deployment.stages.size() > 1;
  PassOps ops(deployment);
  Ops finished;
  for (std::int64_t first = 0; first < sequences; first += packed) {
    const std::int64_t together = std::min(packed, sequences - first);
    for (std::int64_t done = 0; done < prompt_tokens; done += micro) {
      const std::int64_t each = std::min(micro, prompt_tokens - done);
      PassShape shape = decode_shape(deployment, context_tokens + done + each, together);
      shape.tokens = each * together;
      finished = lower_micro_batch(ops, shape, pipelined, finished);
    }
  }
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
  (void)lower_micro_batch(ops, decode_shape(deployment, context, sequences), false, {});
  return std::move(ops).finish();
}

void reprice_decode(PassGraph& pass, sim::Costs& costs, const Deployment& deployment,
                    std::int64_t context, std::int64_t sequences) {
  const PassShape shape = decode_shape(deployment, context, sequences);
  for (const std::uint32_t op : pass.attention) {
    OpInfo& info = pass.ops[op];
    PassShape local = shape;
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
