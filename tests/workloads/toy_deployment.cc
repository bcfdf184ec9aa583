#include "tests/workloads/toy_deployment.h"

#include "tests/workloads/known_models.h"
#include "topology/rig_builder.h"

namespace rigsim::workloads {

using namespace sim::literals;

topology::Device toy_gpu() {
  topology::Device device;
  device.name = "toy-gpu";
  device.architecture = "Toy";
  device.memory = 24_GiB;
  device.memory_bandwidth = 1000_GBps;
  device.sm_count = 100;
  device.boost_hz = 1e9;
  device.peak.fp16_tensor_fp32acc = 100_TFLOPS;
  device.tdp = 300_W;
  device.pcie_gen = 4;
  device.pcie_lanes = 16;
  return device;
}

topology::Device toy_cpu() {
  topology::Device device;
  device.name = "toy-cpu";
  device.architecture = "Toy";
  device.kind = topology::DeviceKind::kCpu;
  device.memory = 64_GiB;
  device.memory_bandwidth = 100_GBps;
  device.sm_count = 16;
  device.boost_hz = 4e9;
  device.peak.fp32 = 2_TFLOPS;
  device.tdp = 200_W;
  return device;
}

topology::Rig toy_rig(int count) {
  topology::RigRequest request;
  request.name = "toys";
  for (int i = 0; i < count; ++i) request.devices.push_back({toy_gpu(), "", {}});
  request.host.cpu = toy_cpu();
  return topology::build_rig(request);
}

EngineProfile toy_engine() {
  BackendProfile gpu;
  gpu.kernel_latency_us = 2;
  gpu.boundary_sync_us = 300;
  gpu.formats[""] = {};
  BackendProfile cpu = gpu;
  cpu.backend = Backend::kCpu;
  cpu.kernel_latency_us = 1;
  cpu.dequantize_for_gemm = false;
  cpu.convert_activations = false;
  cpu.tile_quantisation = false;
  EngineProfile engine;
  engine.name = "toy";
  engine.backends = {gpu, cpu};
  return engine;
}

Model toy_model() {
  Model model;
  model.name = "toy";
  model.layers = 4;
  model.hidden = 1024;
  model.heads = 8;
  model.kv_heads = 2;
  model.head_dim = 128;
  model.ffn_intermediate = 2048;
  model.vocab = 1000;
  model.max_context = 8192;
  return model;
}

DeploymentRequest toy_request(int gpus) {
  DeploymentRequest request;
  request.model = toy_model();
  request.weights = weights_format("F16");
  request.engine = toy_engine();
  request.rig = toy_rig(gpus);
  request.plan = layer_split(gpus);
  request.context = 8192;
  return request;
}

Deployment equal_stages(int stages, int layers) {
  DeploymentRequest request = toy_request(stages);
  request.model.layers = stages * layers;
  request.plan.balance = StageBalance::kEven;
  Deployment deployment = deploy(request);
  deployment.stages.back().has_head = false;
  return deployment;
}

DeploymentRequest known_request(const char* model, const char* weights, int gpus) {
  DeploymentRequest request = toy_request(gpus);
  request.model = known_model(model);
  request.weights = weights_format(weights);
  return request;
}

sim::Duration makespan(const PassGraph& pass, const sim::Costs& costs) {
  sim::Executor executor(pass.graph);
  return executor.run(costs) - sim::Time{};
}

sim::Duration makespan(const PassGraph& pass) { return makespan(pass, pass.graph.costs()); }

sim::Duration time_in(const PassGraph& pass, OpClass op_class) {
  sim::Duration total{};
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    if (pass.ops[i].op_class == op_class) total += sim::Duration(pass.graph.costs().amount[i]);
  }
  return total;
}

std::vector<std::size_t> ops_of(const PassGraph& pass, OpClass op_class) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    if (pass.ops[i].op_class == op_class) found.push_back(i);
  }
  return found;
}

sim::Costs even_costs(const PassGraph& pass) {
  sim::Costs costs = pass.graph.costs();
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    costs.amount[i] = pass.ops[i].op_class == OpClass::kKernel ? 1'000'000 : 0;
  }
  return costs;
}

std::int64_t kernels_per_stage(const PassGraph& pass, int stages, int micro_batches) {
  return static_cast<std::int64_t>(ops_of(pass, OpClass::kKernel).size()) / stages / micro_batches;
}

}  // namespace rigsim::workloads
