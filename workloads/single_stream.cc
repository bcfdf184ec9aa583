#include "workloads/single_stream.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "topology/power.h"
#include "workloads/deployment_builder.h"

namespace rigsim::workloads {
namespace {

void check(const SingleStream& work) {
  const auto refuse = [](const std::string& what, std::int64_t value) {
    throw std::invalid_argument(what + ", got " + std::to_string(value));
  };
  if (work.prompt_tokens < 0) refuse("prompt tokens must be >= 0", work.prompt_tokens);
  if (work.output_tokens < 0) refuse("output tokens must be >= 0", work.output_tokens);
  if (work.prompt_tokens + work.output_tokens == 0)
    refuse("prompt and output tokens cannot both be 0", 0);
  if (work.context_tokens < 0) refuse("context tokens must be >= 0", work.context_tokens);
  if (work.batch < 1) refuse("batch must be >= 1", work.batch);
}

void add(PhaseResult& phase, const PassTimes& times, sim::Duration duration, std::int64_t repeats) {
  const auto factor = static_cast<double>(repeats);
  phase.duration += duration * repeats;
  phase.critical_path += times.critical_path.scaled(factor);
  phase.evidence += times.evidence.scaled(factor);
  phase.devices.resize(times.devices.size());
  for (std::size_t i = 0; i < times.devices.size(); ++i)
    phase.devices[i] += times.devices[i].scaled(factor);
}

/// Device clocks under their power limits in one phase, by iteration: a limit acts on average
/// power, so the clock depends on how much of the time the device is busy, which depends on the
/// clocks.
constexpr int kClockRounds = 3;

/// The driver averages power over about this long: a busy spell that is longer is held to the limit
/// by itself, however long the pause behind it. Between the 34 ms spells of an 8B model on 4 capped
/// RTX 3090s (hardly slowed) and the 0.4 s spells of a 70B one (slowed in full):
/// XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 4 x 3090 at 230 W, prefill of 512.
constexpr double kPowerWindow_s = 0.1;
constexpr double kSpellGap_s = 0.005;  // a shorter pause does not end a spell

/// Mean length of a device's busy spells, weighted by their length.
double spell_seconds(const PassGraph& pass, const sim::Executor& executor, std::uint32_t device) {
  double weighted = 0;
  double total = 0;
  std::optional<std::pair<double, double>> spell;
  const auto close = [&] {
    if (!spell) return;
    const double length = spell->second - spell->first;
    weighted += length * length;
    total += length;
  };
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    if (pass.ops[i].op_class != OpClass::kKernel || pass.ops[i].place != device) continue;
    const double begin = sim::to_seconds(executor.started(sim::OpId(i)) - sim::Time{});
    const double end = sim::to_seconds(executor.finished(sim::OpId(i)) - sim::Time{});
    if (spell && begin <= spell->second + kSpellGap_s) {
      spell->second = end;
    } else {
      close();
      spell = {begin, end};
    }
  }
  close();
  return total > 0 ? weighted / total : 0;
}

std::vector<double> clocks(const Deployment& deployment, Phase phase, const PassGraph& pass,
                           const sim::Executor& executor, sim::Duration duration) {
  const double compute_share = phase == Phase::kPrefill ? 1.0 : 0.0;
  const PassTimes times = attribute(pass, executor, deployment.rig.devices.size());
  std::vector<double> result;
  for (std::uint32_t i = 0; i < deployment.rig.devices.size(); ++i) {
    const auto& installed = deployment.rig.devices[i];
    const TimeShare& t = times.devices[i];
    const double duty =
        std::min((t.compute_s + t.memory_s + t.launch_s) / sim::to_seconds(duration), 1.0);
    const double spell = spell_seconds(pass, executor, i);
    const double sustained =
        phase == Phase::kPrefill && spell > 0 ? std::max(0.0, 1.0 - kPowerWindow_s / spell) : 0.0;
    const double averaged = topology::clock_fraction(installed, duty, compute_share);
    const double held = topology::clock_fraction(installed, 1.0, compute_share);
    result.push_back(1.0 / (sustained / held + (1.0 - sustained) / averaged));
  }
  return result;
}

/// `deployment` at the clocks it settles to in `phase`; a copy only where some device is limited.
Deployment settled(Deployment deployment, Phase phase, const SingleStream& work) {
  if (!is_power_limited(deployment.rig)) return deployment;
  for (int round = 0; round < kClockRounds; ++round) {
    const PassGraph pass =
        phase == Phase::kPrefill
            ? lower_prompt(deployment, work.prompt_tokens, work.batch, work.context_tokens)
            : lower_decode(deployment,
                           work.context_tokens + work.prompt_tokens + work.output_tokens / 2 + 1,
                           work.batch);
    sim::Executor executor(pass.graph);
    executor.run(pass.graph.costs());
    const PassWindow window = window_of(pass, executor, sim::Time{});
    const sim::Duration duration = window.end - window.begin;
    set_clocks(deployment, clocks(deployment, phase, pass, executor, duration));
  }
  return deployment;
}

/// Carries the clock from pass to pass.
class Runner {
 public:
  Runner(const SingleStream& work, PassObserver* observer) : work_(work), observer_(observer) {}

  void prefill(const Deployment& deployment, PhaseResult& phase) {
    const PassGraph pass =
        lower_prompt(deployment, work_.prompt_tokens, work_.batch, work_.context_tokens);
    sim::Executor executor(pass.graph);
    const ExecutedPass done{.phase = Phase::kPrefill,
                            .start = now_,
                            .tokens = work_.prompt_tokens * work_.batch,
                            .context = work_.context_tokens + work_.prompt_tokens,
                            .batch = work_.batch};
    execute(deployment, pass, executor, pass.graph.costs(), done, phase);
    phase.tokens += work_.prompt_tokens * work_.batch;
  }

  void decode(const Deployment& deployment, PhaseResult& phase, std::int64_t first_context,
              std::int64_t steps) {
    PassGraph pass = lower_decode(deployment, first_context, work_.batch);
    sim::Executor executor(pass.graph);
    sim::Costs costs = pass.graph.costs();
    const std::int64_t padding = std::max<std::int64_t>(deployment.engine.kv_padding, 1);
    for (std::int64_t context = first_context; context < first_context + steps;) {
      // All contexts up to the next multiple of the padding run the same kernels.
      const std::int64_t block_end = (context + padding - 1) / padding * padding;
      const std::int64_t repeats = std::min(block_end + 1, first_context + steps) - context;
      reprice_decode(pass, costs, deployment, context);
      const ExecutedPass done{.phase = Phase::kDecode,
                              .start = now_,
                              .repeats = repeats,
                              .tokens = work_.batch,
                              .context = context,
                              .batch = work_.batch};
      execute(deployment, pass, executor, costs, done, phase);
      context += repeats;
    }
    phase.tokens += steps * work_.batch;
  }

 private:
  void execute(const Deployment& deployment, const PassGraph& pass, sim::Executor& executor,
               const sim::Costs& costs, ExecutedPass done, PhaseResult& phase) {
    executor.run(costs, now_);
    PassWindow window = window_of(pass, executor, now_);
    if (window.begin > now_) {  // the rounds before it belong to steps that were counted
      const sim::Time start = now_ - (window.begin - now_);
      executor.run(costs, start);
      window = window_of(pass, executor, start);
    }
    done.duration = window.end - window.begin;
    add(phase, attribute(pass, executor, deployment.rig.devices.size(), now_), done.duration,
        done.repeats);
    if (observer_ != nullptr) observer_->pass_executed(done, pass, executor);
    now_ += done.duration * done.repeats;
  }

  const SingleStream& work_;
  PassObserver* observer_;
  sim::Time now_{};
};

}  // namespace

std::string_view to_string(Phase phase) { return phase == Phase::kPrefill ? "prefill" : "decode"; }

double PhaseResult::tokens_per_s() const {
  return duration > sim::Duration::zero() ? static_cast<double>(tokens) / sim::to_seconds(duration)
                                          : 0.0;
}

TimeShare PhaseResult::device_share() const {
  TimeShare sum;
  double used = 0;
  for (const TimeShare& device : devices) {
    if (device.compute_s + device.memory_s + device.launch_s <= 0) continue;
    sum += device;
    used += 1;
  }
  const double total = sim::to_seconds(duration) * used;
  return total > 0 ? sum.scaled(1 / total) : sum;
}

SingleStreamResult run_single_stream(const Deployment& deployment, const SingleStream& work,
                                     PassObserver* observer) {
  check(work);
  SingleStreamResult result;
  Runner runner(work, observer);
  if (work.prompt_tokens > 0)
    runner.prefill(settled(deployment, Phase::kPrefill, work), result.prefill);
  const std::int64_t steps = work.prompt_tokens > 0
                                 ? std::max<std::int64_t>(work.output_tokens - 1, 0)
                                 : work.output_tokens;
  if (steps > 0)
    runner.decode(settled(deployment, Phase::kDecode, work), result.decode,
                  work.context_tokens + work.prompt_tokens + 1, steps);
  result.ttft = result.prefill.duration;
  if (steps > 0) result.tpot = result.decode.duration / steps;
  result.e2e = result.prefill.duration + result.decode.duration;
  result.evidence =
      std::max(result.prefill.evidence.weakest_large(), result.decode.evidence.weakest_large());
  return result;
}

}  // namespace rigsim::workloads
