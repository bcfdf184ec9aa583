#include "workloads/deployment_builder.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "topology/power.h"

namespace rigsim::workloads {
namespace {

std::string listed(const std::vector<SplitMode>& splits) {
  std::string text;
  for (const SplitMode mode : splits)
    text += (text.empty() ? "" : ", ") + std::string(to_string(mode));
  return text;
}

void check_split(const ParallelPlan& plan, const EngineProfile& engine) {
  if (plan.split == SplitMode::kLayer) {
    if (plan.tp == 1 || engine.tensor_parallel) return;
    throw std::invalid_argument("plan tp=" + std::to_string(plan.tp) + ": engine " + engine.name +
                                " has no tensor parallel of its own; allowed is tp=1, or a split "
                                "of " +
                                listed(engine.splits));
  }
  if (std::find(engine.splits.begin(), engine.splits.end(), plan.split) != engine.splits.end())
    return;
  throw std::invalid_argument("plan split=" + std::string(to_string(plan.split)) + ": engine " +
                              engine.name + " splits by " + listed(engine.splits) + " only");
}

void check(const DeploymentRequest& request) {
  const auto& [model, weights, kv_format, engine, rig, plan, context, batch, scale, collectives] =
      request;
  validate(scale);
  validate(plan, model, static_cast<int>(rig.devices.size()));
  check_split(plan, engine);
  if (plan.sequence_parallel && !engine.tensor_parallel) {
    throw std::invalid_argument("plan sp=on: engine " + engine.name +
                                " does not divide activations by token; allowed is sp=off");
  }
  if (plan.ep > 1 && engine.style != KernelStyle::kFused) {
    throw std::invalid_argument("plan ep=" + std::to_string(plan.ep) + ": engine " + engine.name +
                                " does not divide experts among devices; allowed is ep=1");
  }
}

/// Devices of stage `s` of `replica`: consecutive groups of tp.
std::vector<std::uint32_t> stage_devices(const ParallelPlan& plan, std::size_t replica,
                                         std::size_t s) {
  const std::size_t stage = replica * static_cast<std::size_t>(plan.pp) + s;
  std::vector<std::uint32_t> devices;
  for (std::size_t r = 0; r < static_cast<std::size_t>(plan.tp); ++r)
    devices.push_back(device_at(plan, stage * static_cast<std::size_t>(plan.tp) + r));
  return devices;
}

/// The stages of `replica` in order, the host's layers first.
void add_stages(std::vector<DeployedStage>& stages, const DeploymentRequest& request,
                const Placement& placement, std::uint32_t replica) {
  if (placement.host_layers > 0)
    stages.push_back({0, placement.host_layers, false, true, {}, SplitMode::kLayer, replica});
  for (std::size_t s = 0; s < placement.stages.size(); ++s) {
    const auto& stage = placement.stages[s];
    if (stage.layers == 0 && !stage.head) continue;
    stages.push_back({stage.first_layer, stage.layers, stage.head, false,
                      stage_devices(request.plan, replica, s), request.plan.split, replica});
  }
  if (placement.head_on_host)
    stages.push_back({request.model.layers, 0, true, true, {}, SplitMode::kLayer, replica});
}

/// All replicas' stages.
std::vector<DeployedStage> stages(const DeploymentRequest& request) {
  const Placement placement = plan_memory(memory_request(request)).placement;
  std::vector<DeployedStage> result;
  for (int replica = 0; replica < request.plan.dp; ++replica)
    add_stages(result, request, placement, static_cast<std::uint32_t>(replica));
  return result;
}

/// Tables stay with the engine, once for all devices.
BackendProfile without_tables(BackendProfile profile) {
  profile.tables.clear();
  return profile;
}

/// The host's share of `profile` on a machine whose host is so much faster.
BackendProfile with_host(BackendProfile profile, const ResourceScale& scale) {
  profile.boundary_sync_us /= scale.host;
  profile.host_step_us /= scale.host;
  profile.row_handover_us /= scale.host;
  profile.submit_us /= scale.launch;
  return profile;
}

/// Of the engine's measured kernels only those of the rig's devices are needed.
void keep_tables_of(const topology::Rig& rig, EngineProfile& engine) {
  for (BackendProfile& backend : engine.backends) {
    std::erase_if(backend.tables, [&](const auto& entry) {
      return std::none_of(rig.devices.begin(), rig.devices.end(),
                          [&](const auto& d) { return d.device.name == entry.first; });
    });
  }
}

bool uses_host(const std::vector<DeployedStage>& stages) {
  return std::any_of(stages.begin(), stages.end(),
                     [](const DeployedStage& s) { return s.on_host; });
}

/// The rows behind the fits of ggml engines are one sequence of dense models in formats that were
/// fitted (on CPUs also MoE), on one device or split by layer. Anything else is no better known
/// than by the datasheet.
Evidence within_fit(const DeploymentRequest& request, const BackendProfile& backend,
                    Evidence evidence) {
  if (request.engine.style != KernelStyle::kGgml) return evidence;
  const bool format = backend.formats.contains(request.weights.name);
  const bool dense = !request.model.experts || backend.backend == Backend::kCpu;
  const bool plain = request.model.attention == AttentionKind::kStandard;
  const bool fitted_split = request.plan.split == SplitMode::kLayer;
  const bool known = format && dense && plain && fitted_split && request.batch == 1;
  return known ? evidence : std::max(evidence, Evidence::kDatasheet);
}

}  // namespace

MemoryRequest memory_request(const DeploymentRequest& request) {
  MemoryRequest memory;
  memory.model = request.model;
  memory.format = request.weights;
  memory.kv_format = request.kv_format;
  memory.context = request.context;
  memory.batch = request.batch;
  memory.plan = request.plan;
  for (const auto& installed : request.rig.devices) memory.devices.push_back(installed.device);
  for (std::size_t i = 0; i < request.plan.devices.size(); ++i)
    memory.devices.at(i) = request.rig.devices.at(request.plan.devices[i]).device;
  if (request.rig.host.memory > sim::Bytes{}) memory.host_memory = request.rig.host.memory;
  memory.engine = request.engine.memory;
  if (request.plan.split == SplitMode::kTensor) memory.engine.attention_scores = false;
  return memory;
}

Deployment deploy(const DeploymentRequest& request) {
  check(request);
  const auto& kv = info(request.kv_format);
  Deployment d{
      request.model,
      request.weights.name,
      weight_layout(request.model, request.weights),
      request.engine,
      request.rig,
      topology::RigNetwork(request.rig, {request.scale.link_bandwidth, request.scale.link_latency}),
      request.plan,
      stages(request),
      static_cast<double>(kv.block_bytes) / static_cast<double>(kv.block_values),
      {},
      {},
      {},
      {},
      {},
      request.scale,
      request.collectives};
  if (request.plan.split == SplitMode::kTensor) d.engine.flash_attention = true;  // it requires it
  keep_tables_of(d.rig, d.engine);
  for (const auto& installed : d.rig.devices) {
    d.backends.push_back(
        with_host(without_tables(d.engine.backend(backend_of(installed.device))), d.scale));
    d.rates.push_back(
        scaled(device_rates(installed.device, d.backends.back(), d.weights_format), d.scale));
    d.rates.back().evidence = within_fit(request, d.backends.back(), d.rates.back().evidence);
  }
  if (uses_host(d.stages)) {
    if (!d.rig.host.cpu) {
      throw std::invalid_argument("rig " + d.rig.name +
                                  ": host.cpu is needed for layers on the host, and is not given");
    }
    d.host_device = *d.rig.host.cpu;
    d.host_backend = with_host(without_tables(d.engine.backend(Backend::kCpu)), d.scale);
    d.host_rates = scaled(device_rates(d.host_device, d.host_backend, d.weights_format), d.scale);
    d.host_rates.evidence = within_fit(request, d.host_backend, d.host_rates.evidence);
  }
  return d;
}

void set_clocks(Deployment& deployment, std::span<const double> clocks) {
  if (clocks.size() != deployment.rig.devices.size())
    throw std::logic_error("one clock per device expected");
  for (std::size_t i = 0; i < clocks.size(); ++i) {
    auto& rates = deployment.rates[i];
    const Evidence evidence = rates.evidence;
    rates = scaled(device_rates(deployment.rig.devices[i].device, deployment.backends[i],
                                deployment.weights_format, clocks[i]),
                   deployment.scale);
    rates.evidence = evidence;
    const double memory = topology::memory_rate_fraction(clocks[i]);
    rates.bandwidth *= memory;
    rates.elementwise_bandwidth *= memory;
    rates.gemm_bandwidth *= memory;
  }
}

bool is_power_limited(const topology::Rig& rig) {
  return std::any_of(rig.devices.begin(), rig.devices.end(),
                     [](const topology::InstalledDevice& d) {
                       return d.power_limit && *d.power_limit < d.device.tdp;
                     });
}

}  // namespace rigsim::workloads
