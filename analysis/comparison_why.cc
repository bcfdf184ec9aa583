#include "analysis/comparison_why.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <utility>
#include <variant>

namespace rigsim::analysis {
namespace {

using workloads::TimeShare;

/// One way for time to pass on a critical path, and what would take half of it away.
struct Cause {
  std::string_view name;
  std::string_view remedy;
  double TimeShare::* seconds;
};

constexpr std::array<Cause, 6> kCauses = {{
    {"memory", "twice the memory bandwidth", &TimeShare::memory_s},
    {"compute", "twice the arithmetic rate", &TimeShare::compute_s},
    {"launches", "half the cost of a kernel launch", &TimeShare::launch_s},
    {"host", "half the host's work", &TimeShare::host_s},
    {"transfers", "links twice as fast", &TimeShare::link_s},
    {"bubbles", "half the bubbles", &TimeShare::bubble_s},
}};

std::string duration(double seconds) {
  if (seconds >= 0.9995) return fmt::format("{:.3g} s", seconds);
  if (seconds >= 0.9995e-3) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} us", seconds * 1e6);
}

std::string capitalised(std::string_view text) {
  std::string result(text);
  result.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(result.front())));
  return result;
}

/// What one output token, or the prompt, waited for on one rig.
struct Waiting {
  const RigResult* rig = nullptr;
  double seconds = 0;
  TimeShare path{};
  TimeShare device_share{};
};

/// A phase as the sentences speak of it.
struct Subject {
  std::string_view phase;     ///< "Decode"
  std::string what;           ///< "a token"
  std::vector<Waiting> rigs;  ///< those that run it, the fastest first
};

Waiting waiting(const RigResult& rig, const PhaseTimes& phase, double parts) {
  return {&rig, phase.seconds / parts, phase.critical_path.scaled(1 / parts), phase.device_share};
}

void sort_fastest_first(std::vector<Waiting>& rigs) {
  // Of equals the first given; all rigs stand in one span.
  std::sort(rigs.begin(), rigs.end(), [](const Waiting& a, const Waiting& b) {
    return std::pair(a.seconds, a.rig) < std::pair(b.seconds, b.rig);
  });
}

Subject decode(std::span<const RigResult> rigs) {
  Subject subject{"Decode", "a token", {}};
  for (const RigResult& rig : rigs) {
    if (!rig.fits || !rig.performance->decode) continue;
    const double steps =
        static_cast<double>(rig.run->decode.tokens) / static_cast<double>(rig.work.batch);
    subject.rigs.push_back(waiting(rig, *rig.performance->decode, steps));
    if (rig.work.batch > 1) subject.what = fmt::format("a step of {} tokens", rig.work.batch);
  }
  sort_fastest_first(subject.rigs);
  return subject;
}

Subject prefill(std::span<const RigResult> rigs) {
  Subject subject{"Prefill", "the prompt", {}};
  for (const RigResult& rig : rigs) {
    if (!rig.fits || !rig.performance->prefill) continue;
    subject.rigs.push_back(waiting(rig, *rig.performance->prefill, 1));
  }
  sort_fastest_first(subject.rigs);
  return subject;
}

/// "46 ms reading memory, 4.1 ms launching kernels", the largest first, what is below 1 % left out.
std::string parts(const Waiting& waiting) {
  std::vector<const Cause*> causes;
  for (const Cause& cause : kCauses) {
    if (waiting.path.*cause.seconds >= 0.01 * waiting.seconds) causes.push_back(&cause);
  }
  std::sort(causes.begin(), causes.end(), [&](const Cause* a, const Cause* b) {
    return std::pair(waiting.path.*b->seconds, a) < std::pair(waiting.path.*a->seconds, b);
  });
  std::string text;
  for (const Cause* cause : causes) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", duration(waiting.path.*cause->seconds),
                        cause->name);
  }
  return text;
}

/// The cause that differs most, in seconds, between two rigs.
const Cause& widest(const Waiting& a, const Waiting& b) {
  return *std::max_element(kCauses.begin(), kCauses.end(), [&](const Cause& x, const Cause& y) {
    return std::abs(b.path.*x.seconds - a.path.*x.seconds) <
           std::abs(b.path.*y.seconds - a.path.*y.seconds);
  });
}

const Cause& largest(const Waiting& waiting) {
  return *std::max_element(kCauses.begin(), kCauses.end(), [&](const Cause& x, const Cause& y) {
    return waiting.path.*x.seconds < waiting.path.*y.seconds;
  });
}

double tensor_flops(const RigResult& rig, const topology::Device& device) {
  const auto& backend = rig.request.engine.backend(workloads::backend_of(device));
  if (backend.fp16_accumulate && device.peak.fp16_tensor_fp16acc) {
    return device.peak.fp16_tensor_fp16acc->count();
  }
  for (const auto& rate : {device.peak.fp16_tensor_fp32acc, device.peak.bf16_tensor,
                           device.peak.fp16_nontensor, device.peak.fp32}) {
    if (rate) return rate->count();
  }
  return 0;
}

/// The datasheet's side of a cause: "1008 GB/s a device"; empty where there is none.
std::string datasheet(const Waiting& waiting, const Cause& cause) {
  const RigResult& rig = *waiting.rig;
  const topology::Device& device = rig.request.rig.devices.front().device;
  const std::size_t count = rig.request.rig.devices.size();
  if (cause.seconds == &TimeShare::memory_s) {
    return fmt::format("{:.0f} GB/s{}", device.memory_bandwidth.count() / 1e9,
                       count > 1 ? " a device" : "");
  }
  if (cause.seconds == &TimeShare::compute_s) {
    return fmt::format("{}{:.0f} FP16 TFLOPS", count > 1 ? fmt::format("{} x ", count) : "",
                       tensor_flops(rig, device) / 1e12);
  }
  return {};
}

/// That the devices of a layer split wait for each other, where they mostly do.
std::string idling(const Waiting& waiting) {
  const RigResult& rig = *waiting.rig;
  if (rig.request.plan.pp < 2 || waiting.device_share.bubble_s < 0.1) return {};
  return fmt::format("; the {} devices of {} wait for each other {:.0f} % of the time",
                     rig.request.plan.pp, rig.name, waiting.device_share.bubble_s * 100);
}

std::string remedy(const Waiting& waiting) {
  const Cause& cause = largest(waiting);
  return fmt::format(" {} would save {} at most {}.", capitalised(cause.remedy), waiting.rig->name,
                     duration(waiting.path.*cause.seconds / 2));
}

std::string against(const Subject& subject) {
  const Waiting& best = subject.rigs[0];
  const Waiting& next = subject.rigs[1];
  const Cause& cause = widest(best, next);
  const std::string facts = datasheet(best, cause);
  return fmt::format(
      "{}: {} is {:.2f} times as fast as {}, {} takes {} ({}) against {} ({}), most of the "
      "difference is {}{}{}{}.",
      subject.phase, best.rig->name, next.seconds / best.seconds, next.rig->name, subject.what,
      duration(best.seconds), parts(best), duration(next.seconds), parts(next), cause.name,
      facts.empty() ? std::string()
                    : fmt::format(" ({} against {})", facts, datasheet(next, cause)),
      idling(best), idling(next));
}

std::string alone(const Subject& subject) {
  const Waiting& only = subject.rigs[0];
  return fmt::format("{}: on {} {} takes {} ({}){}.", subject.phase, only.rig->name, subject.what,
                     duration(only.seconds), parts(only), idling(only));
}

std::string sentences(const Subject& subject) {
  if (subject.rigs.empty()) return {};
  return (subject.rigs.size() > 1 ? against(subject) : alone(subject)) + remedy(subject.rigs[0]);
}

std::string misfit(const RigResult& rig) {
  std::string lacking;
  for (const MemoryUse& use : rig.memory) {
    if (!use.capacity || use.items.total() <= *use.capacity) continue;
    lacking += fmt::format("{}{} lacks {:.2f} GiB", lacking.empty() ? "" : ", ", use.device,
                           static_cast<double>((use.items.total() - *use.capacity).count()) /
                               (1024.0 * 1024.0 * 1024.0));
  }
  std::string remedies;
  for (const workloads::FitChange& change : rig.changes) {
    remedies += (remedies.empty() ? "" : "; or ") + described(change);
  }
  return fmt::format("{} does not fit: {}.{}", rig.name, lacking,
                     remedies.empty() ? std::string(" No single change makes it fit.")
                                      : fmt::format(" It would fit with: {}.", remedies));
}

struct Describe {
  std::string operator()(const workloads::ShorterContext& change) const {
    return fmt::format("a context of at most {} tokens", change.tokens);
  }
  std::string operator()(const workloads::SmallerWeights& change) const {
    return fmt::format("weights in {}", change.format.name);
  }
  std::string operator()(const workloads::MoreDevices& change) const {
    return fmt::format("{} devices of this kind", change.devices);
  }
  std::string operator()(const workloads::FewerGpuLayers& change) const {
    return fmt::format("{} layers on devices and the others on the host (--gpu-layers {})",
                       change.gpu_layers, change.gpu_layers);
  }
};

}  // namespace

std::string described(const workloads::FitChange& change) { return std::visit(Describe{}, change); }

std::string explanation(std::span<const RigResult> rigs) {
  std::string text;
  const auto add = [&](const std::string& more) {
    if (!more.empty()) text += (text.empty() ? "" : " ") + more;
  };
  add(sentences(decode(rigs)));
  add(sentences(prefill(rigs)));
  for (const RigResult& rig : rigs) {
    if (!rig.fits) add(misfit(rig));
  }
  return text;
}

}  // namespace rigsim::analysis
