#include "analysis/parallel_report.h"

#include <nlohmann/json.hpp>

#include "sim/executor.h"
#include "workloads/deployment_builder.h"
#include "workloads/pass_graph.h"
#include "workloads/pass_overlap.h"

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;
using workloads::Deployment;
using workloads::PassGraph;

PhaseParallelism phase_of(const Deployment& deployment, const PassGraph& pass) {
  const std::size_t count = deployment.rig.devices.size();
  sim::Executor executor(pass.graph);
  const sim::Duration makespan = executor.run(pass.graph.costs()).time_since_epoch();
  const auto bubbles = workloads::bubbles_of(pass, pass.graph.costs(), makespan, count);
  PhaseParallelism phase{sim::to_seconds(makespan), {}, overlap_of(pass, executor, count)};
  const std::size_t stages = deployment.replica(0).size();
  for (std::size_t s = 0; s < deployment.stages.size(); ++s) {
    const auto& stage = deployment.stages[s];
    for (const std::uint32_t device : stage.devices) {
      phase.devices.push_back(
          {deployment.rig.devices[device].name, stage.replica, s % stages, bubbles[device]});
    }
  }
  return phase;
}

Json seconds(sim::Duration duration) { return sim::to_seconds(duration); }

Json to_json(const std::optional<PhaseParallelism>& phase) {
  if (!phase) return {};
  Json json = {{"seconds", phase->seconds},
               {"communication_s",
                {{"total", seconds(phase->overlap.copies)},
                 {"hidden", seconds(phase->overlap.hidden)},
                 {"exposed", seconds(phase->overlap.exposed)}}},
               {"devices", Json::array()}};
  for (const DeviceBubble& device : phase->devices) {
    const workloads::StageBubble& bubble = device.bubble;
    json["devices"].push_back({{"device", device.device},
                               {"replica", device.replica},
                               {"stage", device.stage},
                               {"busy_s", seconds(bubble.busy)},
                               {"bubble_s", seconds(bubble.bubble)},
                               {"fill_s", seconds(bubble.fill)},
                               {"drain_s", seconds(bubble.drain)},
                               {"imbalance_s", seconds(bubble.imbalance)},
                               {"transfer_s", seconds(bubble.transfer)}});
  }
  return json;
}

}  // namespace

std::optional<ParallelReport> parallel_report(const RigResult& result) {
  if (!result.fits || workloads::device_count(result.request.plan) < 2) return std::nullopt;
  const Deployment deployment = workloads::deploy(result.request);
  const workloads::SingleStream& work = result.work;
  ParallelReport report;
  if (work.prompt_tokens > 0)
    report.prefill = phase_of(deployment, lower_prompt(deployment, work.prompt_tokens, work.batch));
  if (result.performance && result.performance->decode)
    report.decode_step = phase_of(
        deployment,
        lower_decode(deployment, work.prompt_tokens + work.output_tokens / 2 + 1, work.batch));
  return report;
}

Json to_json(const ParallelReport& report) {
  return {{"prefill", to_json(report.prefill)}, {"decode_step", to_json(report.decode_step)}};
}

}  // namespace rigsim::analysis
