#include "analysis/fit.h"

#include <algorithm>
#include <set>
#include <utility>

namespace rigsim::analysis {
namespace {

using configs::Scenario;
using workloads::EngineProfile;
using workloads::MemoryRequest;
using workloads::WeightsFormat;

Scenario at_context(Scenario scenario, std::int64_t context) {
  scenario.prompt_tokens = context;
  scenario.output_tokens = 0;
  scenario.context = context;
  return scenario;
}

MemoryRequest request_of(const Scenario& scenario, const EngineProfile& engine) {
  return workloads::memory_request(deployment_request(scenario, engine));
}

ContextFit context_fit(const Scenario& scenario, const EngineProfile& engine) {
  const auto request = deployment_request(scenario, engine);
  const auto memory = workloads::plan_memory(workloads::memory_request(request));
  return {*scenario.context, memory.fits(), memory_uses(scenario.rig, request.plan, memory)};
}

FormatFit format_fit(Scenario scenario, const EngineProfile& engine, const WeightsFormat& format,
                     std::span<const std::int64_t> contexts) {
  scenario.weights = format;
  FormatFit fit;
  fit.weights = format;
  fit.weight_bytes = workloads::weight_bytes(scenario.model, format);
  fit.bits_per_weight = workloads::bits_per_weight(scenario.model, format);
  for (const std::int64_t context : contexts) {
    fit.contexts.push_back(context_fit(at_context(scenario, context), engine));
  }
  const MemoryRequest first = request_of(at_context(scenario, contexts.front()), engine);
  fit.largest_context = workloads::largest_context(first);
  fit.largest_batch = workloads::largest_batch(first);
  return fit;
}

bool holds(const FormatFit& format) { return format.contexts.front().fits; }

void add_changes(FormatFit& fit, Scenario scenario, const EngineProfile& engine) {
  scenario.weights = fit.weights;
  const MemoryRequest request =
      request_of(at_context(scenario, fit.contexts.front().context), engine);
  fit.changes = workloads::smallest_changes(request, formats_like(fit.weights));
}

bool runs_on(const EngineProfile& engine, const topology::Rig& rig) {
  return std::all_of(rig.devices.begin(), rig.devices.end(), [&](const auto& installed) {
    const workloads::Backend needed = workloads::backend_of(installed.device);
    return std::any_of(engine.backends.begin(), engine.backends.end(),
                       [&](const auto& profile) { return profile.backend == needed; });
  });
}

sim::Bytes least_free(const workloads::MemoryPlan& plan) {
  sim::Bytes least = plan.devices.front().capacity;
  for (const workloads::DeviceMemory& device : plan.devices) {
    least = std::min(least, device.capacity - device.items.total());
  }
  return least;
}

/// The largest of `formats` (ascending) that fits the rig of `scenario`, at its context.
std::optional<RigThatHolds> best_on(Scenario scenario, const EngineProfile& engine,
                                    std::span<const WeightsFormat> formats) {
  for (auto format = formats.rbegin(); format != formats.rend(); ++format) {
    scenario.weights = *format;
    const MemoryRequest request = request_of(scenario, engine);
    const workloads::MemoryPlan plan = workloads::plan_memory(request);
    if (!plan.fits()) continue;
    return RigThatHolds{scenario.rig.name, *format, least_free(plan),
                        workloads::largest_context(request), datasheet_facts(scenario.rig)};
  }
  return std::nullopt;
}

}  // namespace

bool RigFit::any_fits() const { return std::any_of(formats.begin(), formats.end(), holds); }

std::vector<WeightsFormat> readable_formats(const workloads::Model& model,
                                            const EngineProfile& engine) {
  std::vector<std::pair<std::pair<sim::Bytes, std::size_t>, WeightsFormat>> sized;
  for (const WeightsFormat& format : workloads::known_weights_formats()) {
    const bool gguf = std::holds_alternative<workloads::GgufFile>(format.rule);
    if (engine.style == workloads::KernelStyle::kGgml && !gguf) continue;
    sized.push_back({{workloads::weight_bytes(model, format), sized.size()}, format});
  }
  std::sort(sized.begin(), sized.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<WeightsFormat> formats;
  for (auto& [order, format] : sized) formats.push_back(std::move(format));
  return formats;
}

std::vector<std::int64_t> contexts_of_interest(const workloads::Model& model, std::int64_t asked) {
  std::vector<std::int64_t> contexts = {asked};
  for (std::int64_t tokens = 2048; tokens < model.max_context; tokens *= 2) {
    if (tokens != asked) contexts.push_back(tokens);
  }
  if (asked != model.max_context) contexts.push_back(model.max_context);
  return contexts;
}

RigFit fit_on_rig(const Scenario& scenario, const EngineProfile& engine,
                  std::span<const WeightsFormat> formats, std::span<const std::int64_t> contexts) {
  RigFit fit;
  fit.rig = scenario.rig.name;
  fit.model = scenario.model.name;
  fit.engine = engine.name;
  fit.batch = scenario.batch;
  for (const WeightsFormat& format : formats) {
    fit.formats.push_back(format_fit(scenario, engine, format, contexts));
  }
  Scenario first = at_context(scenario, contexts.front());
  first.weights = formats.front();
  fit.plan = deployment_request(first, engine).plan;
  // What would help is asked of the one format, or of the smallest when none fits.
  if (!fit.any_fits()) add_changes(fit.formats.front(), scenario, engine);
  return fit;
}

std::vector<RigThatHolds> rigs_that_hold(const Scenario& scenario, const EngineProfile& engine,
                                         std::span<const WeightsFormat> formats,
                                         const configs::Catalog& catalog) {
  std::vector<topology::Rig> rigs;
  std::set<std::string> alone;  // devices that are a ready-made rig by themselves
  for (const auto& entry : catalog.rigs()) {
    rigs.push_back(entry.value);
    const auto& devices = entry.value.devices;
    if (devices.size() == 1) alone.insert(devices.front().device.name);
  }
  for (const auto& entry : catalog.devices()) {
    if (!alone.contains(entry.about.name)) rigs.push_back(catalog.rig(entry.about.name));
  }
  std::vector<RigThatHolds> result;
  for (topology::Rig& rig : rigs) {
    if (!runs_on(engine, rig)) continue;
    Scenario on_rig = scenario;
    on_rig.rig = std::move(rig);
    if (auto found = best_on(std::move(on_rig), engine, formats)) result.push_back(*found);
  }
  return result;
}

}  // namespace rigsim::analysis
