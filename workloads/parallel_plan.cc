#include "workloads/parallel_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

int layers_on_devices(const Model& model, const ParallelPlan& plan) {
  return std::min(plan.gpu_layers.value_or(model.layers), model.layers);
}

bool head_on_devices(const Model& model, const ParallelPlan& plan) {
  return !plan.gpu_layers || *plan.gpu_layers > model.layers;
}

void require_at_least_one(const char* name, int value) {
  if (value < 1)
    throw std::invalid_argument(fmt::format("plan: {} must be at least 1, got {}", name, value));
}

void validate_tensor_parallel(int tp, const Model& model) {
  if (model.heads % tp != 0) {
    throw std::invalid_argument(fmt::format("plan: tp={} must divide the {} attention heads of {}",
                                            tp, model.heads, model.name));
  }
  if (model.kv_heads % tp != 0 && tp % model.kv_heads != 0) {
    throw std::invalid_argument(
        fmt::format("plan: tp={} must divide the {} KV heads of {} or be a multiple of them", tp,
                    model.kv_heads, model.name));
  }
}

/// Source of both refusals: ggml-cuda.cu of December 2023 to May 2024 (ggml_cuda_op_mul_mat asserts
/// that split weights are two-dimensional, ggml_cuda_mul_mat_id that experts are not split).
void validate_row_split(const ParallelPlan& plan, const Model& model) {
  if (plan.tp == 1) return;
  if (model.experts) {
    throw std::invalid_argument(
        fmt::format("plan: split=row divides plain matrices, not routed experts as {} has; allowed "
                    "is split=layer",
                    model.name));
  }
  if (model.attention != AttentionKind::kStandard) {
    throw std::invalid_argument(
        fmt::format("plan: split=row divides plain matrices, not one per head as the attention of "
                    "{} has; allowed is split=layer",
                    model.name));
  }
}

void validate_split(const ParallelPlan& plan, const Model& model) {
  if (plan.split == SplitMode::kLayer) {
    validate_tensor_parallel(plan.tp, model);
    return;
  }
  if (plan.pp > 1 || plan.dp > 1 || plan.ep > 1) {
    throw std::invalid_argument(
        fmt::format("plan: split={} is one stage over all devices; allowed is pp=1, dp=1, ep=1, "
                    "got pp={}, dp={}, ep={}",
                    to_string(plan.split), plan.pp, plan.dp, plan.ep));
  }
  if (plan.split == SplitMode::kRow) {
    validate_row_split(plan, model);
  } else {
    validate_tensor_parallel(plan.tp, model);
  }
}

void validate_expert_parallel(const ParallelPlan& plan, const Model& model) {
  if (plan.ep == 1) return;
  if (!model.experts || model.experts->count % plan.ep != 0) {
    throw std::invalid_argument(
        fmt::format("plan: ep={} must divide the experts of {}, which has {}", plan.ep, model.name,
                    model.experts ? model.experts->count : 0));
  }
  if (plan.tp % plan.ep != 0 && (plan.ep % plan.tp != 0 || plan.tp * plan.dp % plan.ep != 0)) {
    throw std::invalid_argument(fmt::format(
        "plan: ep={} must divide tp={}, or be a multiple of it that divides tp x dp = {}", plan.ep,
        plan.tp, plan.tp * plan.dp));
  }
}

void validate_expert_imbalance(const ParallelPlan& plan) {
  if (plan.expert_imbalance >= 1 && plan.expert_imbalance <= plan.ep) return;
  throw std::invalid_argument(
      fmt::format("plan: expert_imbalance must be from 1 (even) to ep={} (all tokens to one "
                  "device), got {}",
                  plan.ep, plan.expert_imbalance));
}

/// Every matrix is cut into tp equal parts; rows may be shared out unevenly.
void validate_widths(const ParallelPlan& plan, const Model& model) {
  if (plan.split == SplitMode::kRow) return;
  const auto check = [&](const char* what, std::int64_t width, int ways) {
    if (width % ways == 0) return;
    throw std::invalid_argument(
        fmt::format("plan: tp={} must divide the {} of {}, {}", plan.tp, what, model.name, width));
  };
  const bool dense = !model.experts || model.experts->first_dense_layers > 0;
  if (dense) check("FFN width", model.ffn_intermediate, plan.tp);
  if (model.experts)
    check("width of the experts", model.experts->intermediate, std::max(plan.tp / plan.ep, 1));
}

void validate_devices(const ParallelPlan& plan, int devices) {
  if (plan.devices.empty()) return;
  if (std::ssize(plan.devices) != device_count(plan)) {
    throw std::invalid_argument(
        fmt::format("plan: devices must name the {} devices of tp x pp x dp, got {}",
                    device_count(plan), plan.devices.size()));
  }
  std::vector<bool> seen(static_cast<std::size_t>(devices));
  for (const std::uint32_t device : plan.devices) {
    if (device >= seen.size()) {
      throw std::invalid_argument(
          fmt::format("plan: devices must be from 0 to {}, got {}", devices - 1, device));
    }
    if (seen[device])
      throw std::invalid_argument(fmt::format("plan: devices names {} twice", device));
    seen[device] = true;
  }
}

void validate_in_flight(const ParallelPlan& plan) {
  if (!plan.in_flight || (*plan.in_flight >= 1 && *plan.in_flight <= plan.pp)) return;
  throw std::invalid_argument(
      fmt::format("plan: in_flight must be from 1 to pp={}, got {}", plan.pp, *plan.in_flight));
}

void validate_replicas(const ParallelPlan& plan, const Model& model) {
  if (plan.dp == 1 || !plan.gpu_layers || *plan.gpu_layers > model.layers) return;
  throw std::invalid_argument(
      fmt::format("plan: dp={} with gpu_layers={}: replicas that compute layers on one host are "
                  "not modelled; allowed is dp=1",
                  plan.dp, *plan.gpu_layers));
}

void validate_stages(const ParallelPlan& plan, const Model& model) {
  if (plan.pp > model.layers) {
    throw std::invalid_argument(fmt::format("plan: pp must be 1 to the {} layers of {}, got {}",
                                            model.layers, model.name, plan.pp));
  }
  if (plan.gpu_layers && *plan.gpu_layers < 0) {
    throw std::invalid_argument(
        fmt::format("plan: gpu_layers must be 0 or more, got {}", *plan.gpu_layers));
  }
  if (plan.layers_per_stage.empty()) return;
  const auto& layers = plan.layers_per_stage;
  if (std::ssize(layers) != plan.pp) {
    throw std::invalid_argument(
        fmt::format("plan: layers must have one entry for each of the {} stages, got {}", plan.pp,
                    layers.size()));
  }
  if (*std::ranges::min_element(layers) < 0) {
    throw std::invalid_argument(
        fmt::format("plan: layers must be 0 or more, got {}", *std::ranges::min_element(layers)));
  }
  const std::int64_t sum = std::accumulate(layers.begin(), layers.end(), std::int64_t{0});
  if (sum != layers_on_devices(model, plan)) {
    throw std::invalid_argument(
        fmt::format("plan: layers must sum to the {} layers on devices, got {}",
                    layers_on_devices(model, plan), sum));
  }
}

/// vLLM's get_pp_indices (vllm/distributed/utils.py): the last stage also has the head, so the rest
/// goes before it.
std::vector<int> even_layers(int layers, int stages) {
  std::vector<int> result(static_cast<std::size_t>(stages), layers / stages);
  const int rest = layers % stages;
  for (int i = 0; i < rest; ++i) ++result[static_cast<std::size_t>(stages - 2 - i)];
  return result;
}

std::vector<Stage> consecutive(int first_layer, const std::vector<int>& layers) {
  std::vector<Stage> stages;
  for (const int count : layers) {
    stages.push_back({.first_layer = first_layer, .layers = count});
    first_layer += count;
  }
  return stages;
}

/// Running totals of the stages' memory.
std::vector<std::int64_t> cumulative(std::span<const sim::Bytes> memory, int stages) {
  if (std::ssize(memory) != stages) {
    throw std::invalid_argument(fmt::format(
        "placing {} stages by memory needs the memory of each, got {}", stages, memory.size()));
  }
  std::vector<std::int64_t> sums;
  for (const sim::Bytes bytes : memory) {
    if (bytes <= sim::Bytes(0)) {
      throw std::invalid_argument(
          fmt::format("a stage's free memory must be > 0, got {} bytes", bytes.count()));
    }
    sums.push_back(bytes.count() + (sums.empty() ? 0 : sums.back()));
  }
  return sums;
}

/// Gives `slots` consecutive slots to stages in proportion to memory: the stage of each.
std::vector<std::size_t> slots_by_memory(int slots,
                                         const std::vector<std::int64_t>& cumulative_memory) {
  std::vector<std::size_t> stage_of_slot;
  std::size_t stage = 0;
  for (std::int64_t slot = 0; slot < slots; ++slot) {
    while (cumulative_memory[stage] * slots <= slot * cumulative_memory.back()) ++stage;
    stage_of_slot.push_back(stage);
  }
  return stage_of_slot;
}

std::vector<Stage> stages_by_memory(const Model& model, const ParallelPlan& plan,
                                    std::span<const sim::Bytes> stage_memory) {
  const int layers = layers_on_devices(model, plan);
  const bool head = head_on_devices(model, plan);
  const auto stage_of_slot =
      slots_by_memory(layers + (head ? 1 : 0), cumulative(stage_memory, plan.pp));
  std::vector<int> counts(static_cast<std::size_t>(plan.pp), 0);
  for (int i = 0; i < layers; ++i) ++counts[stage_of_slot[static_cast<std::size_t>(i)]];
  std::vector<Stage> stages = consecutive(model.layers - layers, counts);
  if (head) stages[stage_of_slot.back()].head = true;
  return stages;
}

}  // namespace

std::string_view to_string(SplitMode mode) {
  switch (mode) {
    case SplitMode::kLayer:
      return "layer";
    case SplitMode::kRow:
      return "row";
    case SplitMode::kTensor:
      return "tensor";
  }
  throw std::logic_error("unknown split mode");
}

ParallelPlan layer_split(int devices) { return {.pp = devices}; }

ParallelPlan split_plan(SplitMode mode, int devices) {
  if (mode == SplitMode::kLayer || devices == 1) return layer_split(devices);
  return {.tp = devices, .split = mode};
}

int device_count(const ParallelPlan& plan) { return plan.tp * plan.pp * plan.dp; }

std::uint32_t device_at(const ParallelPlan& plan, std::size_t position) {
  return plan.devices.empty() ? static_cast<std::uint32_t>(position) : plan.devices.at(position);
}

int replicas_per_expert_group(const ParallelPlan& plan) { return std::max(plan.ep / plan.tp, 1); }

void validate(const ParallelPlan& plan, const Model& model, int devices) {
  require_at_least_one("tp", plan.tp);
  require_at_least_one("pp", plan.pp);
  require_at_least_one("dp", plan.dp);
  require_at_least_one("ep", plan.ep);
  if (plan.tp > devices || plan.pp > devices || plan.dp > devices ||
      std::int64_t{plan.tp} * plan.pp * plan.dp > devices) {
    throw std::invalid_argument(
        fmt::format("plan: tp={} x pp={} x dp={} needs more devices than the {} there are", plan.tp,
                    plan.pp, plan.dp, devices));
  }
  validate_split(plan, model);
  validate_expert_parallel(plan, model);
  validate_expert_imbalance(plan);
  validate_widths(plan, model);
  validate_stages(plan, model);
  validate_in_flight(plan);
  validate_replicas(plan, model);
  validate_devices(plan, devices);
}

std::optional<std::size_t> Placement::stage_of(int layer) const {
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (layer >= stages[i].first_layer && layer < stages[i].first_layer + stages[i].layers)
      return i;
  }
  return std::nullopt;
}

Placement place_layers(const Model& model, const ParallelPlan& plan,
                       std::span<const sim::Bytes> stage_memory) {
  Placement placement;
  placement.host_layers = model.layers - layers_on_devices(model, plan);
  placement.head_on_host = !head_on_devices(model, plan);
  if (plan.layers_per_stage.empty() && plan.balance == StageBalance::kByMemory) {
    placement.stages = stages_by_memory(model, plan, stage_memory);
    return placement;
  }
  placement.stages =
      consecutive(placement.host_layers, plan.layers_per_stage.empty()
                                             ? even_layers(layers_on_devices(model, plan), plan.pp)
                                             : plan.layers_per_stage);
  if (!placement.head_on_host) placement.stages.back().head = true;
  return placement;
}

}  // namespace rigsim::workloads
