#include "analysis/what_if.h"

#include <algorithm>
#include <array>
#include <utility>

#include "topology/rig_change.h"

namespace rigsim::analysis {
namespace {

using workloads::DeploymentRequest;
using workloads::MachineChange;
using workloads::PhaseResult;
using workloads::ResourceScale;
using workloads::SingleStreamResult;
using workloads::TimeShare;

constexpr double kStep = 1.01;  // of a resource, to see what one percent gives

/// A resource, the factors that make it faster, and its seconds on a critical path.
struct Resource {
  std::string_view name;
  ResourceScale faster;
  double TimeShare::* seconds = nullptr;  ///< none: part of another one's
};

constexpr std::array<Resource, 7> kResources = {{
    {"compute", {.compute = kStep}, &TimeShare::compute_s},
    {"memory", {.memory = kStep}, &TimeShare::memory_s},
    {"launch", {.launch = kStep}, &TimeShare::launch_s},
    {"host", {.host = kStep}, &TimeShare::host_s},
    {"link", {.link_bandwidth = kStep, .link_latency = kStep}, &TimeShare::link_s},
    {"link bandwidth", {.link_bandwidth = kStep}},
    {"link latency", {.link_latency = kStep}},
}};

SingleStreamResult run(const DeploymentRequest& request, const workloads::SingleStream& work) {
  return workloads::run_single_stream(workloads::deploy(request), work);
}

/// `seconds` of change against a phase of 1 s, with the band that half-width `h` gives them.
Figure gain(double moved, double h, workloads::Evidence evidence) {
  const auto rate_gain = [&](double factor) {
    if (moved >= 0) return 1 / (1 + moved * factor) - 1;
    const double saved = -moved * factor;
    return saved / (1 + moved);  // s (1 +- h) against the 1 - s that stay
  };
  const double a = rate_gain(1 - h);
  const double b = rate_gain(1 + h);
  return {rate_gain(1), std::min(a, b), std::max(a, b), evidence, "1"};
}

std::optional<PhaseEffect> effect(const std::optional<Figure>& before, const PhaseResult& base,
                                  const PhaseResult& now) {
  if (!before || now.duration <= sim::Duration::zero()) return std::nullopt;
  const double h = before->relative_half_width();
  const double moved = sim::to_seconds(now.duration) / sim::to_seconds(base.duration) - 1;
  const auto evidence = std::max(before->evidence, now.evidence.weakest_large());
  const double rate = now.tokens_per_s();
  return PhaseEffect{{rate, rate * (1 - h), rate * (1 + h), evidence, "s-1"},
                     gain(moved, h, evidence)};
}

ChangeResult result_of(const RigResult& base, const MachineChange& change) {
  ChangeResult result{change.text, change.title, {}, {}, {}};
  try {
    const SingleStreamResult now = run(workloads::changed(base.request, change), base.work);
    const Performance& before = *base.performance;
    result.decode = effect(before.decode_tokens_per_s, base.run->decode, now.decode);
    result.prefill = effect(before.prefill_tokens_per_s, base.run->prefill, now.prefill);
  } catch (const topology::NothingToChange& error) {
    result.refused = error.what();
  }
  return result;
}

std::optional<Elasticity> elasticity(const Resource& resource, const PhaseResult& base,
                                     const PhaseResult& now) {
  if (base.duration <= sim::Duration::zero()) return std::nullopt;
  const double before = sim::to_seconds(base.duration);
  Elasticity result;
  if (resource.seconds != nullptr) result.path = base.critical_path.*resource.seconds / before;
  result.rerun = (before / sim::to_seconds(now.duration) - 1) / (kStep - 1);
  return result;
}

Sensitivity sensitivity(const RigResult& base, const Resource& resource) {
  DeploymentRequest request = base.request;
  request.scale = resource.faster;
  const SingleStreamResult now = run(request, base.work);
  return {resource.name, elasticity(resource, base.run->decode, now.decode),
          elasticity(resource, base.run->prefill, now.prefill)};
}

bool larger(const Sensitivity& a, const Sensitivity& b) {
  if (a.decode && b.decode) return a.decode->rerun > b.decode->rerun;
  if (a.prefill && b.prefill) return a.prefill->rerun > b.prefill->rerun;
  return false;
}

}  // namespace

WhatIf what_if(const configs::Scenario& scenario, const workloads::EngineProfile& engine,
               std::span<const MachineChange> changes,
               const std::function<void(std::string_view)>& progress) {
  const auto tell = [&](std::string_view what) {
    if (progress) progress(what);
  };
  tell("as it is");
  WhatIf result{evaluate(scenario, engine), {}, {}};
  if (!result.base.fits) return result;
  for (const MachineChange& change : changes) {
    tell(change.title);
    result.changes.push_back(result_of(result.base, change));
  }
  for (const Resource& resource : kResources) {
    tell(resource.name);
    Sensitivity row = sensitivity(result.base, resource);
    auto& rows = result.sensitivities;
    rows.insert(std::upper_bound(rows.begin(), rows.end(), row, larger), std::move(row));
  }
  return result;
}

}  // namespace rigsim::analysis
