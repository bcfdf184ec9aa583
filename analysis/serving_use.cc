#include "analysis/serving_use.h"

#include <algorithm>

namespace rigsim::analysis {

using workloads::ServingSetup;
using workloads::StepRecord;
using workloads::Wide;

namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0.0; }

}  // namespace

UseMeter::UseMeter(const ServingSetup& setup) : work_(setup), replicas_(setup.config.replicas) {
  const workloads::Deployment& d = setup.deployment;
  std::size_t index = 0;
  for (const workloads::DeployedStage& stage : d.replica(0)) {
    for (const std::uint32_t device : stage.devices) {
      devices_.push_back({topology::power_model(d.rig.devices[device].device),
                          d.rates[device].clock_fraction, index});
    }
    ++index;
  }
}

void UseMeter::steps_executed(const StepRecord& steps) {
  Sum& sum = steps.chunks > 0 ? with_prompts_ : decoding_;
  sum.time += steps.busy();
  sum.stages.resize(steps.stages.size());
  for (std::size_t s = 0; s < steps.stages.size(); ++s) sum.stages[s] += steps.stages[s];
  sum.work += work_.of(steps);
}

/// Of the least time that the work takes, the part that computes.
double UseMeter::compute_share(const Sum& sum) const {
  const double computing = ratio(static_cast<double>(sum.work.flops), work_.peak_flops());
  const double moving = ratio(static_cast<double>(sum.work.bytes), work_.peak_bandwidth());
  return ratio(computing, computing + moving);
}

ServingUse UseMeter::result(double duration_s, std::int64_t output_tokens) const {
  ServingUse use;
  const double busy = workloads::to_seconds(decoding_.time + with_prompts_.time);
  const auto flops = static_cast<double>(decoding_.work.flops + with_prompts_.work.flops);
  const auto bytes = static_cast<double>(decoding_.work.bytes + with_prompts_.work.bytes);
  use.mfu = ratio(flops, busy * work_.peak_flops());
  use.mbu = ratio(bytes, busy * work_.peak_bandwidth());
  use.link_fraction =
      ratio(workloads::to_seconds(decoding_.work.link + with_prompts_.work.link), busy);
  use.power_fitted = std::ranges::all_of(devices_, [](const Device& d) { return d.power.fitted; });
  for (const Device& device : devices_) {
    double waiting = duration_s * replicas_;
    for (const Sum* sum : {&decoding_, &with_prompts_}) {
      const double computing =
          workloads::to_seconds(sum->stages.empty() ? sum->time : sum->stages[device.stage]);
      use.energy_j +=
          busy_draw(device.power, device.clock, compute_share(*sum)).count() * computing;
      waiting -= computing;
    }
    use.energy_j += device.power.waiting.count() * std::max(waiting, 0.0);
  }
  use.energy_per_output_token_j = ratio(use.energy_j, static_cast<double>(output_tokens));
  use.mean_power_w = ratio(use.energy_j, duration_s);
  return use;
}

}  // namespace rigsim::analysis
