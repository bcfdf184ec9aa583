#include "workloads/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "workloads/activation_memory.h"
#include "workloads/row_memory.h"
#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

constexpr sim::Bytes kNothing{0};

/// macOS's default limits on memory wired for the GPU (recommendedMaxWorkingSetSize), seen on M1 to
/// M4.
constexpr double kUnifiedShareSmall = 0.67;
constexpr double kUnifiedShareLarge = 0.75;
constexpr sim::Bytes kUnifiedSmallest{std::int64_t{36} << 30};
constexpr double kCpuShare = 0.9;

bool shares_host_memory(const topology::Device& device) {
  return device.unified_memory || device.kind != topology::DeviceKind::kGpu;
}

/// What the driver keeps of the memory that nvidia-smi reports: an RTX 4090 of 24,564 MiB shows a
/// process 25,250,627,584 bytes (CUDA 12.8; casys-kaist/LLMServingSim@5daddb2, meta.json of the
/// RTX 4090 run). Taken for all GPUs.
constexpr sim::Bytes kDriverReserve{(std::int64_t{24'564} << 20) - 25'250'627'584};

sim::Bytes fraction_of(sim::Bytes amount, double fraction) {
  return sim::Bytes(static_cast<std::int64_t>(static_cast<double>(amount.count()) * fraction));
}

double default_share(const topology::Device& device) {
  if (device.kind == topology::DeviceKind::kCpu) return kCpuShare;
  return device.memory <= kUnifiedSmallest ? kUnifiedShareSmall : kUnifiedShareLarge;
}

void validate(const MemoryRequest& request) {
  workloads::validate(request.model);
  workloads::validate(request.engine);
  workloads::validate(request.plan, request.model, static_cast<int>(request.devices.size()));
  if (request.context < 1 || request.context > std::int64_t{1} << 32) {
    throw std::invalid_argument(
        fmt::format("context must be 1 to 2^32 tokens, got {}", request.context));
  }
  if (request.batch < 1 || request.batch > std::int64_t{1} << 20) {
    throw std::invalid_argument(
        fmt::format("batch must be 1 to 2^20 sequences, got {}", request.batch));
  }
  if (request.plan.gpu_layers && *request.plan.gpu_layers <= request.model.layers &&
      !request.engine.offloads_layers) {
    throw std::invalid_argument(
        fmt::format("plan: gpu_layers={}: this engine cannot leave layers to the host",
                    *request.plan.gpu_layers));
  }
}

/// Fills one plan, item by item.
class Planner {
 public:
  explicit Planner(const MemoryRequest& request)
      : request_(request),
        model_(request.model),
        engine_(request.engine),
        tensors_(tensors(model_)),
        unpacked_(unpacked_matrix()),
        embedding_on_host_(request.engine.embedding_on_host &&
                           !shares_host_memory(request.devices.front())) {}

  MemoryPlan plan() {
    plan_.placement = place_layers(model_, request_.plan, stage_memory());
    plan_.host_capacity = request_.host_memory;
    items_.resize(plan_.placement.stages.size());
    add_weights();
    add_kv_cache();
    add_activations();
    for (int i = 0; i < device_count(request_.plan); ++i)
      plan_.devices.push_back(device(static_cast<std::size_t>(i)));
    return plan_;
  }

 private:
  [[nodiscard]] std::size_t stage_of_device(std::size_t device) const {
    return device / static_cast<std::size_t>(request_.plan.tp) %
           static_cast<std::size_t>(request_.plan.pp);
  }

  [[nodiscard]] sim::Bytes runtime_of(const topology::Device& device) const {
    return shares_host_memory(device) ? engine_.runtime_unified : engine_.runtime_gpu;
  }

  /// What is free on the tightest rank of each stage before anything is placed.
  [[nodiscard]] std::vector<sim::Bytes> stage_memory() const {
    std::vector<sim::Bytes> free(static_cast<std::size_t>(request_.plan.pp));
    for (std::size_t i = 0; i < static_cast<std::size_t>(device_count(request_.plan)); ++i) {
      const topology::Device& device = request_.devices[i];
      const sim::Bytes own =
          std::max(capacity_of(device, engine_) - runtime_of(device), sim::Bytes(1));
      sim::Bytes& stage = free[stage_of_device(i)];
      stage = stage == kNothing ? own : std::min(stage, own);
    }
    return free;
  }

  [[nodiscard]] std::size_t head_stage() const {
    const auto& stages = plan_.placement.stages;
    return static_cast<std::size_t>(std::ranges::find_if(stages, &Stage::head) - stages.begin());
  }

  [[nodiscard]] MemoryItems& head_items() {
    return plan_.placement.head_on_host ? plan_.host : items_[head_stage()];
  }

  /// Where a layer's bytes go.
  [[nodiscard]] MemoryItems& layer_items(int layer) {
    const auto stage = plan_.placement.stage_of(layer);
    return stage ? items_[*stage] : plan_.host;
  }

  /// Matrices are divided among tensor-parallel ranks, experts among expert-parallel ones too;
  /// vectors, the router and MLA's way down to the low rank are on each.
  [[nodiscard]] std::int64_t ranks_sharing(const Tensor& tensor) const {
    if (is_routed_expert(tensor.role)) return std::max(request_.plan.tp, request_.plan.ep);
    const bool whole = tensor.rows == 1 || tensor.role == TensorRole::kRouter ||
                       tensor.role == TensorRole::kAttnQA || tensor.role == TensorRole::kAttnKvA;
    return whole ? 1 : request_.plan.tp;
  }

  void add_weights() {
    for (const Tensor& tensor : tensors_) {
      const sim::Bytes whole = tensor_bytes(request_.format, model_, tensor);
      const sim::Bytes share(divide_up(whole.count(), ranks_sharing(tensor)));
      if (tensor.layer) {
        const bool on_device = plan_.placement.stage_of(*tensor.layer).has_value();
        layer_items(*tensor.layer).weights += on_device ? share : whole;
      } else if (tensor.role == TensorRole::kTokenEmbedding ||
                 tensor.role == TensorRole::kPositionEmbedding) {
        add_embedding(tensor, whole, share);
      } else {
        head_items().weights += plan_.placement.head_on_host ? whole : share;
      }
    }
  }

  /// A tied embedding is needed a second time, as the head, unless both are in the same place.
  void add_embedding(const Tensor& tensor, sim::Bytes whole, sim::Bytes share) {
    const bool on_host = embedding_on_host_ || plan_.placement.host_layers > 0;
    MemoryItems& home = on_host ? plan_.host : items_.front();
    home.weights += on_host ? whole : share;
    const bool is_head_too = tensor.role == TensorRole::kTokenEmbedding && model_.tied_embeddings;
    if (is_head_too && &head_items() != &home) head_items().weights += share;
  }

  [[nodiscard]] std::int64_t sequences() const {
    return divide_up(request_.batch, request_.plan.dp);
  }

  [[nodiscard]] KvExtent kv_extent(int tensor_parallel) const {
    return {.tokens = request_.context,
            .sequences = sequences(),
            .block_tokens = engine_.kv_block_tokens,
            .windows = engine_.windows,
            .tensor_parallel = tensor_parallel};
  }

  void add_kv_cache() {
    for (int layer = 0; layer < model_.layers; ++layer) {
      const bool on_device = plan_.placement.stage_of(layer).has_value();
      layer_items(layer).kv_cache += layer_kv_bytes(model_, layer, request_.kv_format,
                                                    kv_extent(on_device ? request_.plan.tp : 1));
    }
  }

  void add_activations() {
    const std::int64_t cached = round_up(request_.context, engine_.kv_block_tokens) * sequences();
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Stage& stage = plan_.placement.stages[i];
      items_[i].activations =
          activation_bytes(model_, engine_,
                           {.cache_tokens = cached,
                            .tensor_parallel = request_.plan.tp,
                            .layers = stage.layers > 0,
                            .head = stage.head,
                            .pipelined = request_.plan.pp > 1,
                            .gathering = replicas_per_expert_group(request_.plan)});
    }
    if (plan_.placement.head_on_host || plan_.placement.host_layers > 0) {
      plan_.host.activations = activation_bytes(model_, engine_,
                                                {.cache_tokens = cached,
                                                 .layers = plan_.placement.host_layers > 0,
                                                 .head = plan_.placement.head_on_host});
    }
    if (embedding_on_host_) plan_.host.activations += host_input_bytes(model_, engine_, cached);
  }

  /// The largest quantised matrix of a layer, unpacked.
  [[nodiscard]] sim::Bytes unpacked_matrix() const {
    std::int64_t largest = 0;
    for (const Tensor& tensor : tensors_) {
      if (!is_linear(tensor.role) || !is_quantised(tensor_type(request_.format, model_, tensor)))
        continue;
      largest = std::max(largest, tensor.rows * tensor.cols);
    }
    return sim::Bytes(divide_up(largest * engine_.unpacked_weight_bytes, request_.plan.tp));
  }

  [[nodiscard]] DeviceMemory device(std::size_t index) const {
    const topology::Device& device = request_.devices[index];
    DeviceMemory memory{.items = items_[stage_of_device(index)],
                        .capacity = capacity_of(device, engine_),
                        .stage = stage_of_device(index)};
    memory.items.runtime = runtime_of(device);
    memory.items.weights += request_.second.weights;
    memory.items.kv_cache += request_.second.kv_per_token * sequences() *
                             round_up(request_.context, engine_.kv_block_tokens);
    if (!shares_host_memory(device) && plan_.placement.stages[memory.stage].layers > 0) {
      memory.items.activations += unpacked_;
    }
    return memory;
  }

  const MemoryRequest& request_;
  const Model& model_;
  const EngineMemory& engine_;
  std::vector<Tensor> tensors_;
  sim::Bytes unpacked_;
  bool embedding_on_host_;
  MemoryPlan plan_{};
  std::vector<MemoryItems> items_{};  ///< of one rank of each stage
};

/// The largest value in [1, limit] for which `fits` holds, given that it holds below any value for
/// which it holds.
std::optional<std::int64_t> largest_that_fits(std::int64_t limit,
                                              const std::function<bool(std::int64_t)>& fits) {
  if (limit < 1 || !fits(1)) return std::nullopt;
  std::int64_t low = 1;
  std::int64_t high = limit + 1;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace

sim::Bytes DeviceMemory::shortfall() const { return std::max(items.total() - capacity, kNothing); }

sim::Bytes MemoryPlan::host_shortfall() const {
  return host_capacity ? std::max(host.total() - *host_capacity, kNothing) : kNothing;
}

bool MemoryPlan::fits() const {
  const auto fits_on = [](const DeviceMemory& device) { return device.shortfall() == kNothing; };
  return host_shortfall() == kNothing && std::ranges::all_of(devices, fits_on);
}

sim::Bytes usable_memory(const topology::Device& device) {
  if (!shares_host_memory(device)) return device.memory_reported.value_or(device.memory);
  return fraction_of(device.memory, device.usable_memory_fraction.value_or(default_share(device)));
}

sim::Bytes capacity_of(const topology::Device& device, const EngineMemory& engine) {
  if (!engine.memory_fraction) return usable_memory(device);
  const sim::Bytes hidden = shares_host_memory(device) ? kNothing : kDriverReserve;
  return fraction_of(usable_memory(device) - hidden, *engine.memory_fraction);
}

MemoryPlan plan_memory(const MemoryRequest& request) {
  validate(request);
  if (request.plan.split == SplitMode::kRow && request.plan.tp > 1) return plan_row_memory(request);
  return Planner(request).plan();
}

namespace {

/// Devices that share a layer's KV heads: in a row split the first has all.
int kv_ranks(const ParallelPlan& plan) { return plan.split == SplitMode::kRow ? 1 : plan.tp; }

/// What the engine makes KV cache of.
sim::Bytes kv_share(sim::Bytes free, const EngineMemory& engine) {
  return engine.kv_share_of_free ? fraction_of(free, *engine.kv_share_of_free) : free;
}

}  // namespace

std::int64_t kv_blocks(const MemoryRequest& request) {
  const MemoryPlan plan = plan_memory(request);
  const sim::Bytes token =
      layer_kv_bytes_per_token(request.model, request.kv_format, kv_ranks(request.plan));
  std::optional<std::int64_t> blocks;
  for (const DeviceMemory& device : plan.devices) {
    if (request.plan.split == SplitMode::kRow && &device != &plan.devices.front()) break;
    const int layers = plan.placement.stages[device.stage].layers;
    if (layers == 0) continue;
    const sim::Bytes free = device.capacity - (device.items.total() - device.items.kv_cache);
    const std::int64_t own =
        kv_share(std::max(free, kNothing), request.engine).count() /
        ((token * layers + request.second.kv_per_token) * request.engine.kv_block_tokens).count();
    blocks = std::min(blocks.value_or(own), own);
  }
  return blocks.value_or(0);
}

std::optional<std::int64_t> largest_context(const MemoryRequest& request) {
  return largest_context(request, request.model.max_context);
}

std::optional<std::int64_t> largest_context(const MemoryRequest& request, std::int64_t limit) {
  MemoryRequest attempt = request;
  return largest_that_fits(limit, [&](std::int64_t context) {
    attempt.context = context;
    return plan_memory(attempt).fits();
  });
}

std::optional<std::int64_t> largest_batch(const MemoryRequest& request, std::int64_t limit) {
  MemoryRequest attempt = request;
  return largest_that_fits(limit, [&](std::int64_t batch) {
    attempt.batch = batch;
    return plan_memory(attempt).fits();
  });
}

}  // namespace rigsim::workloads
