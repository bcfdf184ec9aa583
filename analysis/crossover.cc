#include "analysis/crossover.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>

#include "analysis/comparison.h"
#include "analysis/figure.h"
#include "sim/executor.h"
#include "workloads/pass_graph.h"
#include "workloads/time_share.h"

namespace rigsim::analysis {
namespace {

using workloads::Deployment;
using workloads::DeploymentRequest;
using workloads::StoredTensor;
using workloads::TensorRole;

/// A rate is at least a tenth of what is predicted.
constexpr double kWidest = 0.9;

/// Two rates that are each off by their own error.
const double kTwoRates = std::sqrt(2.0);

void check(std::span<const std::int64_t> batches) {
  if (batches.empty()) throw std::invalid_argument("needs a batch");
  std::int64_t last = 0;
  for (const std::int64_t batch : batches) {
    if (batch <= last) {
      throw std::invalid_argument("batches must increase from 1, got " + std::to_string(batch) +
                                  (last > 0 ? " behind " + std::to_string(last) : ""));
    }
    last = batch;
  }
}

StepAtBatch decode_step(DeploymentRequest request, std::int64_t batch) {
  request.batch = batch;
  const Deployment deployment = workloads::deploy(request);
  const auto pass = workloads::lower_decode(deployment, request.context, batch);
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  const auto times = workloads::attribute(pass, executor, deployment.rig.devices.size());
  const workloads::TimeShare& path = times.critical_path;
  const workloads::TimeShare& attention = times.attention;
  StepAtBatch step;
  step.batch = batch;
  step.step_s = path.total_s();
  step.seconds = {path.memory_s - attention.memory_s,
                  attention.memory_s + attention.compute_s,
                  path.compute_s - attention.compute_s,
                  path.link_s,
                  path.launch_s,
                  path.host_s};
  step.evidence = times.evidence.weakest_large();
  return step;
}

using Computes = std::function<bool(std::int64_t batch)>;

/// The smallest batch from which on all of `batches` compute; found between two of them where it
/// lies there.
std::optional<std::int64_t> first_that_computes(std::span<const std::int64_t> batches,
                                                const Computes& computes) {
  std::size_t above = batches.size();
  while (above > 0 && computes(batches[above - 1])) --above;
  if (above == batches.size()) return std::nullopt;
  if (above == 0) return batches.front();
  std::int64_t reads = batches[above - 1];
  std::int64_t ridge = batches[above];
  while (ridge - reads > 1) {
    const std::int64_t middle = reads + (ridge - reads) / 2;
    (computes(middle) ? ridge : reads) = middle;
  }
  return ridge;
}

std::optional<std::int64_t> ridge_of(const DeploymentRequest& request, double compute,
                                     std::span<const std::int64_t> batches) {
  DeploymentRequest scaled = request;
  scaled.scale.compute = compute;
  return first_that_computes(
      batches, [&](std::int64_t batch) { return decode_step(scaled, batch).computes(); });
}

/// 1, 2, 4, ... up to `most`.
std::vector<std::int64_t> doublings(std::int64_t most) {
  std::vector<std::int64_t> batches;
  for (std::int64_t batch = 1; batch < most; batch *= 2) batches.push_back(batch);
  batches.push_back(most);
  return batches;
}

/// Passes that share a batch out.
int passes_of(const Deployment& deployment, std::int64_t batch) {
  const int replicas = deployment.plan.dp;
  return replicas *
         workloads::batches_in_flight(deployment, std::max<std::int64_t>(batch / replicas, 1));
}

RidgeBatch ridge_batch(const DeploymentRequest& request, std::span<const StepAtBatch> steps,
                       std::span<const std::int64_t> batches) {
  RidgeBatch ridge;
  ridge.looked_to = batches.back();
  ridge.value = first_that_computes(batches, [&](std::int64_t batch) {
    const auto known = std::ranges::find(steps, batch, &StepAtBatch::batch);
    return known != steps.end() ? known->computes() : decode_step(request, batch).computes();
  });
  ridge.evidence = decode_step(request, ridge.value.value_or(batches.back())).evidence;
  const Deployment deployment = workloads::deploy(request);
  const double band = half_width_of(deployment.backends.front().decode_band, ridge.evidence);
  const double error = std::min(kTwoRates * band, kWidest);
  ridge.low = ridge_of(request, 1 - error, batches);
  ridge.high = ridge_of(request, 1 + error, batches);
  return ridge;
}

bool is_matrix(const StoredTensor& stored) {
  const TensorRole role = stored.tensor.role;
  return workloads::is_linear(role) || role == TensorRole::kOutput ||
         role == TensorRole::kTokenEmbedding;
}

/// The matrices that decode multiplies by.
struct Matrices {
  double bytes = 0;
  double weights = 0;
  double active = 0;  ///< that one token passes

  void add(const StoredTensor& stored, const workloads::Model& model) {
    if (!is_matrix(stored)) return;
    const auto all = static_cast<double>(stored.tensor.weights());
    bytes += static_cast<double>(stored.bytes.count());
    weights += all;
    active += workloads::is_routed_expert(stored.tensor.role)
                  ? all * static_cast<double>(model.experts->active) /
                        static_cast<double>(model.experts->count)
                  : all;
  }
};

Matrices matrices_of(const Deployment& deployment) {
  Matrices sum;
  for (const auto& layer : deployment.weights.layers) {
    for (const StoredTensor& stored : layer) sum.add(stored, deployment.model);
  }
  for (const StoredTensor& stored : deployment.weights.head) sum.add(stored, deployment.model);
  return sum;
}

}  // namespace

std::string_view to_string(StepBound bound) {
  switch (bound) {
    case StepBound::kWeights:
      return "weights";
    case StepBound::kKvCache:
      return "kv_cache";
    case StepBound::kCompute:
      return "compute";
    case StepBound::kLink:
      return "link";
    case StepBound::kLaunch:
      return "launch";
    case StepBound::kHost:
      return "host";
  }
  throw std::logic_error("unknown bound of a step");
}

StepBound StepAtBatch::bound() const {
  return kStepBounds[static_cast<std::size_t>(std::ranges::max_element(seconds) - seconds.begin())];
}

std::vector<AnalyticRidge> analytic_ridges(const Deployment& deployment, int passes) {
  const Matrices matrices = matrices_of(deployment);
  std::map<std::string, AnalyticRidge> by_device;
  for (const workloads::DeployedStage& stage : deployment.stages) {
    for (const std::uint32_t index : stage.devices) {
      const topology::Device& device = deployment.rig.devices[index].device;
      const auto peak =
          workloads::matrix_peak(device, deployment.backends[index], deployment.weights_format);
      const double bandwidth = device.memory_bandwidth.count();
      by_device[device.name] = {
          device.name,
          passes * peak.rate.count() * matrices.bytes / (2 * matrices.active * bandwidth),
          peak.rate.count(),
          std::string(peak.numbers),
          matrices.bytes / matrices.weights,
          bandwidth};
    }
  }
  std::vector<AnalyticRidge> ridges;
  for (auto& [name, ridge] : by_device) ridges.push_back(std::move(ridge));
  std::ranges::sort(ridges, {},
                    [](const AnalyticRidge& each) { return std::tie(each.batch, each.device); });
  return ridges;
}

Crossover crossover(const configs::Scenario& scenario, const workloads::EngineProfile& engine,
                    std::span<const std::int64_t> batches) {
  check(batches);
  configs::Scenario first = scenario;
  first.batch = batches.front();
  const DeploymentRequest request = deployment_request(first, engine);
  Crossover result;
  result.rig = scenario.rig.name;
  result.model = scenario.model.name;
  result.weights = scenario.weights.name;
  result.engine = scenario.engine;
  result.plan = request.plan;
  result.context = request.context;
  for (const std::int64_t batch : batches) result.steps.push_back(decode_step(request, batch));
  const Deployment deployment = workloads::deploy(request);
  result.passes = passes_of(deployment, std::max(batches.back(), kLookedTo));
  const std::int64_t most = std::max(batches.back(), kLookedTo * result.passes);
  result.largest_batch = workloads::largest_batch(workloads::memory_request(request), most);
  result.ridge = ridge_batch(request, result.steps, doublings(most));
  result.analytic = analytic_ridges(deployment, result.passes);
  return result;
}

}  // namespace rigsim::analysis
