#include "workloads/pass_graph.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "workloads/attention_shape.h"
#include "workloads/launch_queue.h"

namespace rigsim::workloads {
namespace {

/// The measured kernels of the device at `place`; the host has none.
const KernelTable* table_of(const Deployment& d, std::uint32_t place) {
  if (place == kHostPlace) return nullptr;
  return find_table(d.engine.backend(d.backends[place].backend), d.rig.devices[place].device);
}

/// Lowers stage after stage into one op graph, keeping what each op means.
class Lowering {
 public:
  explicit Lowering(const Deployment& deployment)
      : d_(deployment),
        builder_(deployment.network.network()),
        launched_(deployment.rig.devices.size()) {
    for (std::size_t i = 0; i < d_.rig.devices.size(); ++i)
      streams_.push_back(builder_.add_resource());
    host_cpu_ = builder_.add_resource();
    host_thread_ = builder_.add_resource();
    last_on_.resize(d_.rig.devices.size());
  }

  /// One micro-batch through all stages. `pipelined`: the host submits kernels ahead of the
  /// devices.
  void micro_batch(const PassShape& shape, bool pipelined) {
    Ops ready;  // what the next stage waits for
    if (host_step_us() > 0)
      ready = {host_step(sim::from_seconds(host_step_us() * 1e-6), pipelined)};
    for (std::size_t s = 0; s < d_.stages.size(); ++s) {
      if (s > 0) ready = boundary(d_.stages[s - 1], d_.stages[s], shape.tokens, ready);
      ready = stage(d_.stages[s], shape, pipelined, ready);
    }
    finished_ = std::move(ready);
    ++micro_batch_;
  }

  [[nodiscard]] PassGraph finish() && {
    return PassGraph{std::move(builder_).compile(), std::move(ops_), std::move(attention_)};
  }

 private:
  using Ops = std::vector<sim::OpId>;

  [[nodiscard]] static bool contains(const Ops& ops, sim::OpId op) {
    return std::find(ops.begin(), ops.end(), op) != ops.end();
  }

  [[nodiscard]] double host_step_us() const {
    return d_.backends.empty() ? d_.host_backend.host_step_us : d_.backends.front().host_step_us;
  }

  sim::OpId record(sim::OpId op, const OpInfo& info) {
    ops_.push_back(info);
    ops_.back().micro_batch = micro_batch_;
    return op;
  }

  /// The host prepares a step once it has launched the one before, and where it does not run ahead,
  /// once that has finished.
  sim::OpId host_step(sim::Duration duration, bool pipelined) {
    OpInfo info;
    info.op_class = OpClass::kHostStep;
    info.name = "host_step";
    const Ops after = pipelined ? Ops{} : finished_;
    const auto op = record(builder_.add(sim::Exclusive{host_thread_, duration}, after), info);
    if (last_submit_) builder_.precede(*last_submit_, op);
    last_submit_ = op;
    return op;
  }

  /// The kernels of `stage` on each device of its group; returns the last ops.
  Ops stage(const DeployedStage& stage, const PassShape& shape, bool pipelined, Ops ready) {
    for (int layer = stage.first_layer; layer < stage.first_layer + stage.layer_count; ++layer) {
      ready = layer_ops(stage, layer, shape, pipelined, std::move(ready));
    }
    if (!stage.has_head) return ready;
    return run(stage, shape, pipelined, std::move(ready),
               [&](const PassShape& local, std::uint32_t place) {
                 return head_kernels(d_.model, d_.weights.head, local, d_.engine, backend(place),
                                     device_at(place));
               });
  }

  Ops layer_ops(const DeployedStage& stage, int layer, const PassShape& shape, bool pipelined,
                Ops ready) {
    const auto& weights = d_.weights.layers[static_cast<std::size_t>(layer)];
    if (const auto device = borrowed_device(stage, shape)) {
      // The copy is in the device's launch order too.
      if (const auto last = last_on_[*device]; last && !contains(ready, *last))
        ready.push_back(*last);
      ready = {transfer_op("layer_weights", kHostPlace, *device, stored(weights), layer, ready)};
      return run(DeployedStage{layer, 1, false, false, {*device}}, shape, false, std::move(ready),
                 [&](const PassShape& local, std::uint32_t place) {
                   return layer_kernels(d_.model, weights, layer, local, d_.engine, backend(place),
                                        device_at(place));
                 });
    }
    return run(stage, shape, pipelined, std::move(ready),
               [&](const PassShape& local, std::uint32_t place) {
                 return layer_kernels(d_.model, weights, layer, local, d_.engine, backend(place),
                                      device_at(place));
               });
  }

  /// Prompts of at least this many tokens are worth copying a host layer's weights to a GPU for
  /// (llama.cpp does so).
  static constexpr std::int64_t kBorrowTokens = 32;

  [[nodiscard]] std::optional<std::uint32_t> borrowed_device(const DeployedStage& stage,
                                                             const PassShape& shape) const {
    if (!stage.on_host || shape.tokens < kBorrowTokens) return std::nullopt;
    for (std::uint32_t device = 0; device < d_.rig.devices.size(); ++device) {
      if (d_.network.has_host_link(device)) return device;
    }
    return std::nullopt;
  }

  [[nodiscard]] static sim::Bytes stored(const std::vector<StoredTensor>& weights) {
    sim::Bytes total;
    for (const auto& w : weights) total += w.bytes;
    return total;
  }

  /// Emits `kernels(shape, place)` on every device of the group, with an all-reduce after the
  /// row-split products.
  template <class Kernels>
  Ops run(const DeployedStage& stage, const PassShape& shape, bool pipelined, Ops ready,
          Kernels kernels) {
    if (stage.on_host) return chain(kernels(shape, kHostPlace), kHostPlace, false, ready);
    PassShape local = shape;
    local.tensor_parallel = static_cast<int>(stage.devices.size());
    if (stage.devices.size() == 1) {
      return chain(kernels(local, stage.devices[0]), stage.devices[0], pipelined, ready);
    }
    return sharded(stage, kernels(local, stage.devices[0]), local, std::move(ready));
  }

  Ops chain(const std::vector<Kernel>& kernels, std::uint32_t place, bool pipelined, Ops ready) {
    for (const Kernel& kernel : kernels) ready = {kernel_op(kernel, place, pipelined, ready)};
    return ready;
  }

  Ops sharded(const DeployedStage& stage, const std::vector<Kernel>& kernels,
              const PassShape& shape, Ops ready) {
    std::vector<Ops> waiting(stage.devices.size(), ready);
    for (const Kernel& kernel : kernels) {
      for (std::size_t r = 0; r < stage.devices.size(); ++r) {
        waiting[r] = {kernel_op(kernel, stage.devices[r], false, waiting[r])};
      }
      if (kernel.name == "attn_output" || kernel.name == "ffn_down") {
        waiting = all_reduce(stage, hidden_state_bytes(d_.model, shape.tokens, d_.engine),
                             kernel.layer, waiting);
      }
    }
    Ops last;
    for (const Ops& ops : waiting) last.insert(last.end(), ops.begin(), ops.end());
    return last;
  }

  /// Ring all-reduce: 2 (n - 1) steps, in each every device sends 1/n of the data to its neighbour.
  std::vector<Ops> all_reduce(const DeployedStage& stage, sim::Bytes size, int layer,
                              std::vector<Ops> waiting) {
    const std::size_t n = stage.devices.size();
    const sim::Bytes chunk((size.count() + static_cast<std::int64_t>(n) - 1) /
                           static_cast<std::int64_t>(n));
    for (std::size_t step = 0; step < 2 * (n - 1); ++step) {
      std::vector<Ops> next(n);
      for (std::size_t r = 0; r < n; ++r) {
        const std::size_t to = (r + 1) % n;
        const auto op = transfer_op("all_reduce", stage.devices[r], stage.devices[to], chunk, layer,
                                    waiting[r]);
        for (const auto before : waiting[to]) builder_.precede(before, op);
        next[to] = {op};
      }
      waiting = std::move(next);
    }
    return waiting;
  }

  sim::OpId kernel_op(const Kernel& kernel, std::uint32_t place, bool pipelined, const Ops& after) {
    const KernelCost cost = price(kernel, rates(place), table_of(d_, place));
    const auto stream = place == kHostPlace ? host_cpu_ : streams_[place];
    OpInfo info;
    info.name = kernel.name;
    info.place = place;
    info.source = place;
    info.layer = kernel.layer;
    info.cost = cost;
    info.flops = kernel.flops;
    info.bytes = kernel.weight_bytes + kernel.traffic_bytes;
    std::optional<sim::OpId> submitted;
    if (pipelined && place != kHostPlace) submitted = submit(kernel.launches, place);
    const auto op = record(builder_.add(sim::Exclusive{stream, cost.total()}, after), info);
    if (kernel.kind == KernelKind::kAttentionDecode)
      attention_.push_back(static_cast<std::uint32_t>(op));
    in_launch_order(op, place, after);
    if (submitted) {
      builder_.precede(*submitted, op);
      launched_[place].add(kernel.launches, op);
    }
    return op;
  }

  /// A stream, and the host's CPU, run their kernels in launch order, whatever became ready first.
  void in_launch_order(sim::OpId op, std::uint32_t place, const Ops& after) {
    auto& last = place == kHostPlace ? last_on_host_ : last_on_[place];
    if (last && !contains(after, *last)) builder_.precede(*last, op);
    last = op;
  }

  /// The host thread launches `launches` kernels on `place`: after all earlier launches, and once
  /// the stream has room.
  sim::OpId submit(int launches, std::uint32_t place) {
    const auto& profile = backend(place);
    OpInfo info;
    info.op_class = OpClass::kSubmit;
    info.name = "submit";
    const auto time = sim::from_seconds(launches * profile.submit_us * 1e-6);
    const auto op = record(builder_.add(sim::Exclusive{host_thread_, time}), info);
    if (last_submit_) builder_.precede(*last_submit_, op);
    last_submit_ = op;
    if (const auto blocker = launched_[place].blocker(launches, profile.launch_queue_depth)) {
      builder_.precede(*blocker, op);
    }
    return op;
  }

  /// From one stage to the next: the host synchronises, then the hidden state is copied. Within one
  /// memory nothing is.
  Ops boundary(const DeployedStage& from, const DeployedStage& to, std::int64_t tokens,
               const Ops& ready) {
    if (from.on_host && to.on_host) return ready;
    OpInfo info;
    info.op_class = OpClass::kSync;
    info.name = "boundary_sync";
    const std::uint32_t place = from.on_host ? kHostPlace : from.devices[0];
    const auto sync = sim::from_seconds(backend(place).boundary_sync_us * 1e-6);
    const auto synced = record(builder_.add(sim::Delay{sync}, ready), info);
    const auto size = hidden_state_bytes(d_.model, tokens, d_.engine);
    Ops arrived;
    const std::vector<std::uint32_t> targets =
        to.on_host ? std::vector<std::uint32_t>{kHostPlace} : to.devices;
    for (const auto target : targets) {
      if (shares_memory(place, target)) return {synced};
      arrived.push_back(transfer_op("hidden_state", place, target, size, -1, {synced}));
    }
    return arrived;
  }

  /// Whether one of the two is the host and the other has no memory of its own (an Apple SoC).
  [[nodiscard]] bool shares_memory(std::uint32_t from, std::uint32_t to) const {
    if (from != kHostPlace && to != kHostPlace) return false;
    return !d_.network.has_host_link(from == kHostPlace ? to : from);
  }

  sim::OpId transfer_op(std::string_view name, std::uint32_t from, std::uint32_t to,
                        sim::Bytes size, int layer, const Ops& after) {
    const auto& path = from == kHostPlace ? d_.network.host_to_device(to)
                       : to == kHostPlace ? d_.network.device_to_host(from)
                                          : d_.network.route(from, to);
    OpInfo info;
    info.op_class = OpClass::kTransfer;
    info.name = name;
    info.place = to;
    info.source = from;
    info.layer = layer;
    info.bytes = static_cast<double>(size.count());
    info.staged = path.staged;
    return record(builder_.add(sim::Transfer{path.route, size}, after), info);
  }

  [[nodiscard]] const DeviceRates& rates(std::uint32_t place) const {
    return place == kHostPlace ? d_.host_rates : d_.rates[place];
  }
  [[nodiscard]] const BackendProfile& backend(std::uint32_t place) const {
    return place == kHostPlace ? d_.host_backend : d_.backends[place];
  }
  [[nodiscard]] const topology::Device& device_at(std::uint32_t place) const {
    return place == kHostPlace ? d_.host_device : d_.rig.devices[place].device;
  }

  const Deployment& d_;
  sim::OpGraphBuilder builder_;
  std::vector<sim::ResourceId> streams_;
  sim::ResourceId host_cpu_{};
  sim::ResourceId host_thread_{};
  std::vector<LaunchQueue> launched_;              // by device
  std::vector<std::optional<sim::OpId>> last_on_;  // by device
  std::optional<sim::OpId> last_on_host_;
  std::optional<sim::OpId> last_submit_;  // or host step
  Ops finished_;                          // the last ops of the micro-batch before
  std::vector<OpInfo> ops_;
  std::vector<std::uint32_t> attention_;
  std::uint32_t micro_batch_ = 0;
};

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
  for (const DeployedStage& stage : stages) widest = std::max(widest, stage.devices.size());
  return static_cast<int>(widest);
}

PassGraph lower_prompt(const Deployment& deployment, std::int64_t prompt_tokens,
                       std::int64_t sequences, std::int64_t context_tokens) {
  const std::int64_t micro = deployment.engine.micro_batch_tokens;
  // Short prompts share a micro-batch; long ones are cut into several.
  const std::int64_t packed =
      std::clamp<std::int64_t>(micro / std::max<std::int64_t>(prompt_tokens, 1), 1, sequences);
  const bool pipelined = deployment.stages.size() > 1;
  Lowering lowering(deployment);
  for (std::int64_t first = 0; first < sequences; first += packed) {
    const std::int64_t together = std::min(packed, sequences - first);
    for (std::int64_t done = 0; done < prompt_tokens; done += micro) {
      const std::int64_t each = std::min(micro, prompt_tokens - done);
      PassShape shape = decode_shape(deployment, context_tokens + done + each, together);
      shape.tokens = each * together;
      lowering.micro_batch(shape, pipelined);
    }
  }
  return std::move(lowering).finish();
}

PassGraph lower_decode(const Deployment& deployment, std::int64_t context, std::int64_t sequences) {
  Lowering lowering(deployment);
  lowering.micro_batch(decode_shape(deployment, context, sequences), false);
  return std::move(lowering).finish();
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
