#include "workloads/tensor_lowering.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/ggml_all_reduce.h"
#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

using topology::CollectiveKind;

std::string_view name_of(CollectiveKind kind) { return topology::to_string(kind); }

/// One stage of one micro-batch, replica by replica.
class TensorStage {
 public:
  TensorStage(PassOps& ops, std::span<StageWork> works)
      : ops_(ops), d_(ops.deployment()), works_(works) {}

  void lower() {
    const DeployedStage& stage = *works_.front().stage;
    if (stage.first_layer == 0 && fused()) {
      for (StageWork& work : works_) add_up(work, 0);
    }
    for (int layer = stage.first_layer; layer < stage.first_layer + stage.layer_count; ++layer)
      lower_layer(layer);
    if (!stage.has_head) return;
    for (StageWork& work : works_) lower_head(work);
  }

 private:
  using Kernels = std::vector<Kernel>;

  /// Whether the words, too, are divided among the devices (vLLM).
  [[nodiscard]] bool fused() const { return d_.engine.style == KernelStyle::kFused; }

  /// Replicas exchange tokens only where their experts are shared.
  [[nodiscard]] bool exchanges(int layer) const {
    return replicas_per_expert_group(d_.plan) > 1 && is_moe_layer(d_.model, layer);
  }

  /// The kernels of `layer` on each rank of `work`.
  [[nodiscard]] std::vector<Kernels> layer_kernels_of(const StageWork& work, int layer) const {
    const auto& weights = d_.weights.layers[static_cast<std::size_t>(layer)];
    const bool uneven = d_.plan.expert_imbalance > 1 && is_moe_layer(d_.model, layer);
    std::vector<Kernels> kernels;
    for (std::size_t r = 0; r < work.stage->devices.size(); ++r) {
      if (r > 0 && !uneven) {
        kernels.push_back(kernels.front());
        continue;
      }
      const std::uint32_t device = work.stage->devices[r];
      PassShape shape = work.shape;
      shape.expert_load = expert_load(work, r);
      kernels.push_back(layer_kernels(d_.model, weights, layer, shape, d_.engine,
                                      ops_.backend(device), ops_.device(device)));
    }
    return kernels;
  }

  /// The first of the experts' groups is the busiest; the others share what is left.
  [[nodiscard]] double expert_load(const StageWork& work, std::size_t rank) const {
    const auto& plan = d_.plan;
    if (plan.ep == 1) return 1;
    const std::size_t position =
        (work.stage->replica % static_cast<std::uint32_t>(replicas_per_expert_group(plan))) *
            static_cast<std::size_t>(plan.tp) +
        rank;
    const std::size_t group =
        plan.ep < plan.tp ? position / static_cast<std::size_t>(plan.tp / plan.ep) : position;
    return group == 0 ? plan.expert_imbalance : (plan.ep - plan.expert_imbalance) / (plan.ep - 1);
  }

  void lower_layer(int layer) {
    std::vector<std::vector<Kernels>> kernels;  // [works x ranks]
    for (const StageWork& work : works_) kernels.push_back(layer_kernels_of(work, layer));
    const std::size_t count = kernels.front().front().size();
    for (std::size_t k = 0; k < count; ++k) {
      const std::string_view name = kernels.front().front()[k].name;
      if (name == "expert_gate_up" && exchanges(layer)) dispatch(layer);
      for (std::size_t w = 0; w < works_.size(); ++w) {
        run(works_[w], kernels[w], k);
        after(works_[w], kernels.front().front(), k, layer);
      }
      if (name == "expert_down" && exchanges(layer)) combine(layer);
    }
    for (StageWork& work : works_) {
      if (exchanges(layer)) gather(work, layer);
    }
  }

  void run(StageWork& work, const std::vector<Kernels>& kernels, std::size_t index) {
    // A replica without tokens of its own still computes with its experts for the others.
    const bool experts = kernels.front()[index].name.starts_with("expert_");
    if (work.shape.tokens == 0 && !(experts && works_.size() > 1)) return;
    ops_.set_sequences(work.shape.sequences);
    for (std::size_t r = 0; r < work.stage->devices.size(); ++r)
      work.waiting[r] = {
          ops_.kernel(kernels[r][index], work.stage->devices[r], false, work.waiting[r])};
  }

  /// What the devices exchange behind kernel `index`: behind the row-split products, of a mixture
  /// of experts behind its last.
  void after(StageWork& work, const Kernels& kernels, std::size_t index, int layer) {
    const std::string_view name = kernels[index].name;
    if (work.shape.sequence_parallel && (name == "attn_norm" || name == "ffn_norm"))
      gather(work, layer);
    const bool last = index + 1 == kernels.size();
    const bool ffn_sum = fused() ? last : index == last_product(kernels);
    if (name == "attn_output" || (ffn_sum && !exchanges(layer))) add_up(work, layer);
  }

  /// The last of the FFN's products back to the hidden state: dense, routed or shared.
  [[nodiscard]] static std::size_t last_product(const Kernels& kernels) {
    std::size_t last = kernels.size();
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      const std::string_view name = kernels[k].name;
      if (name == "ffn_down" || name == "expert_down" || name == "shared_down") last = k;
    }
    return last;
  }

  void lower_head(StageWork& work) {
    if (work.shape.tokens == 0) return;
    if (work.shape.sequence_parallel) gather(work, -1);
    const std::uint32_t first = work.stage->devices.front();
    const Kernels kernels = head_kernels(d_.model, d_.weights.head, work.shape, d_.engine,
                                         ops_.backend(first), ops_.device(first));
    const std::vector<Kernels> each(work.stage->devices.size(), kernels);
    for (std::size_t k = 0; k < kernels.size(); ++k) run(work, each, k);
    if (!fused()) return;
    constexpr std::int64_t kHalf = 2;
    collective(work, CollectiveKind::kAllGather,
               sim::Bytes(work.shape.logits * d_.model.vocab * kHalf), -1);
  }

  /// Partial sums of the hidden state become the sum, on each device or, sequence parallel, each
  /// device's share of it.
  void add_up(StageWork& work, int layer) {
    if (reduces_through_host(*work.stage)) {
      add_up_through_host(work, layer);
      return;
    }
    if (!fused()) launch_in_turn(work, layer);
    collective(
        work,
        work.shape.sequence_parallel ? CollectiveKind::kReduceScatter : CollectiveKind::kAllReduce,
        summed_bytes(work), layer);
  }

  /// One host thread launches NCCL's kernel device after device. It has no lead after a sum that
  /// all waited for, so that the last starts one launch a device later: 12 us on four. Inferred
  /// from Llama-1B and gpt-oss-120b on 4x RTX 4090, which decode 7 and 11 us an exchange slower
  /// than without it (pull request 19378).
  void launch_in_turn(StageWork& work, int layer) {
    const auto others = static_cast<double>(work.stage->devices.size() - 1);
    const std::uint32_t last = work.stage->devices.back();
    const double us = others * ops_.backend(last).submit_us;
    if (us <= 0) return;
    const Ops launched{
        ops_.launches(last, sim::from_seconds(us * 1e-6), layer, joined(work.waiting))};
    for (Ops& each : work.waiting) each = launched;
  }

  /// Two devices of llama.cpp's tensor split, without NCCL.
  [[nodiscard]] bool reduces_through_host(const DeployedStage& stage) const {
    return stage.split == SplitMode::kTensor && stage.devices.size() == 2 &&
           d_.network.has_host_link(stage.devices[0]) && d_.network.has_host_link(stage.devices[1]);
  }

  void add_up_through_host(StageWork& work, int layer) {
    const std::uint32_t first = work.stage->devices[0];
    const sim::Duration event = sim::from_seconds(ops_.backend(first).row_handover_us * 1e-6);
    const GgmlAllReduce reduce(d_.network, first, work.stage->devices[1], event);
    Ops all;
    for (const Ops& each : work.waiting) all.insert(all.end(), each.begin(), each.end());
    const std::int64_t values = work.shape.tokens * d_.model.hidden;
    const PassCollective own{
        {CollectiveKind::kAllReduce, work.stage->devices, GgmlAllReduce::wire_bytes(values)},
        CollectiveRunner::kLlamaCpp};
    const Ops done{ops_.own_collective("all_reduce", own, reduce.time(values), layer, all)};
    for (Ops& each : work.waiting) each = done;
  }

  [[nodiscard]] sim::Bytes summed_bytes(const StageWork& work) const {
    if (work.stage->split != SplitMode::kTensor) return hidden_bytes(work);
    return ggml_nccl_bytes(work.shape.tokens * d_.model.hidden, work.stage->devices.size());
  }

  void gather(StageWork& work, int layer) {
    collective(work, CollectiveKind::kAllGather, hidden_bytes(work), layer);
  }

  [[nodiscard]] sim::Bytes hidden_bytes(const StageWork& work) const {
    return hidden_state_bytes(d_.model, work.shape.tokens, d_.engine);
  }

  void collective(StageWork& work, CollectiveKind kind, sim::Bytes size, int layer) {
    if (work.shape.tokens == 0) return;
    work.waiting = ops_.collective(name_of(kind), {kind, work.stage->devices, size}, work.launch,
                                   layer, work.waiting);
  }

  /// Tokens to the experts' devices.
  void dispatch(int layer) {
    constexpr std::int64_t kRouted = 8;  // an expert's number and its weight, 32 bits each
    if (d_.engine.gathers_for_experts) {
      const std::int64_t routed = expert_tokens() * d_.model.experts->active * kRouted;
      exchange("dispatch", CollectiveKind::kAllGather, gathered_bytes() + sim::Bytes(routed),
               layer);
    } else {
      exchange("dispatch", CollectiveKind::kAllToAll, sent_bytes(), layer);
    }
  }

  /// And what the experts make of them back.
  void combine(int layer) {
    if (d_.engine.gathers_for_experts) {
      exchange("combine", CollectiveKind::kReduceScatter, gathered_bytes(), layer);
    } else {
      exchange("combine", CollectiveKind::kAllToAll, sent_bytes(), layer);
    }
  }

  /// Tokens of all that share the experts.
  [[nodiscard]] std::int64_t expert_tokens() const { return works_.front().shape.expert_tokens; }

  [[nodiscard]] sim::Bytes gathered_bytes() const {
    return hidden_state_bytes(d_.model, expert_tokens(), d_.engine);
  }

  /// By each rank of the replica that has most: its share of the tokens, once per expert.
  [[nodiscard]] sim::Bytes sent_bytes() const {
    std::int64_t tokens = 0;
    for (const StageWork& work : works_) tokens = std::max(tokens, work.shape.tokens);
    const std::int64_t own = divide_up(tokens, d_.plan.tp) * d_.model.experts->active;
    const double bytes = static_cast<double>(hidden_state_bytes(d_.model, own, d_.engine).count()) *
                         d_.plan.expert_imbalance;
    return sim::Bytes(std::llround(bytes));
  }

  /// Between all devices of all replicas.
  void exchange(std::string_view name, CollectiveKind kind, sim::Bytes size, int layer) {
    std::vector<std::uint32_t> devices;
    RankOps waiting;
    for (const StageWork& work : works_) {
      devices.insert(devices.end(), work.stage->devices.begin(), work.stage->devices.end());
      waiting.insert(waiting.end(), work.waiting.begin(), work.waiting.end());
    }
    const RankOps done =
        ops_.collective(name, {kind, devices, size}, works_.front().launch, layer, waiting);
    std::size_t rank = 0;
    for (StageWork& work : works_) {
      for (Ops& each : work.waiting) each = done[rank++];
    }
  }

  PassOps& ops_;
  const Deployment& d_;
  std::span<StageWork> works_;
};

}  // namespace

void lower_tensor_stage(PassOps& ops, std::span<StageWork> works) {
  TensorStage(ops, works).lower();
}

}  // namespace rigsim::workloads
