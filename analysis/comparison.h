#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/figure.h"
#include "configs/scenario.h"
#include "sim/units.h"
#include "workloads/deployment_builder.h"
#include "workloads/fit_change.h"
#include "workloads/memory_plan.h"
#include "workloads/single_stream.h"

namespace rigsim::analysis {

/// What a phase's time went to.
struct PhaseTimes {
  /// Fractions of device time, mean over the devices that work; they sum to 1.
  workloads::TimeShare device_share{};
  /// Seconds of what the result waited for; they sum to the phase's duration.
  workloads::TimeShare critical_path{};
  double seconds = 0;
};

/// How fast a rig is. What the run does not have (no decode with one output token) is absent.
struct Performance {
  std::optional<Figure> decode_tokens_per_s{};
  std::optional<Figure> prefill_tokens_per_s{};
  std::optional<Figure> ttft_s{};
  std::optional<Figure> tpot_s{};
  /// Of decode (of the prompt where there is no decode): device time idle while another works.
  std::optional<Figure> bubble_fraction{};
  /// The same phase's time that waits for a transfer: link seconds of the critical path.
  std::optional<Figure> exposed_transfer_fraction{};
  std::optional<PhaseTimes> decode{};
  std::optional<PhaseTimes> prefill{};
};

/// What one device holds, or the host's memory ("host").
struct MemoryUse {
  std::string device{};
  workloads::MemoryItems items{};
  std::optional<sim::Bytes> capacity{};  ///< what the engine may take; none: not known
};

/// Power and price of the devices, the rest of the machine left out; from the catalogue's data.
struct DatasheetFacts {
  sim::Watts power{};                        ///< sum of the power limits, else the TDPs
  std::optional<double> street_price_low{};  ///< USD, 2025; absent unless known of all devices
  std::optional<double> street_price_high{};
  std::optional<double> launch_price{};  ///< USD
};

/// One rig's answer.
struct RigResult {
  std::string name{};
  workloads::DeploymentRequest request{};  ///< as resolved: plan and context filled in
  workloads::SingleStream work{};
  bool fits = false;
  std::vector<MemoryUse> memory{};              ///< devices, then the host where it holds something
  std::vector<workloads::FitChange> changes{};  ///< what would make it fit
  std::optional<Performance> performance{};     ///< only where it fits
  std::optional<workloads::SingleStreamResult> run{};  ///< the run behind it
  DatasheetFacts datasheet{};
};

/// A figure of Performance: how it is called, and which way is better.
struct FigureSpec {
  std::string_view key;    ///< "decode_tokens_per_s"
  std::string_view title;  ///< "decode"
  std::string_view unit;   ///< UDUNITS
  bool more_is_better = true;
  std::optional<Figure> Performance::* member = nullptr;
};

/// The figures in the order in which they are shown.
[[nodiscard]] std::span<const FigureSpec> figure_specs();

/// Who is best at one figure.
struct Winner {
  std::string_view figure{};         ///< FigureSpec::key, "power_w" or "price_usd"
  std::optional<std::size_t> rig{};  ///< index; none: nobody fits, or a tie
  bool clear = false;                ///< its band touches no other rig's
};

/// Rigs side by side, in the order given.
struct Comparison {
  std::vector<RigResult> rigs{};
  std::vector<Winner> winners{};
  std::string why{};  ///< sentences from the critical paths; see comparison_why.h
};

/// Power limits (else TDPs) and prices of the rig's devices, summed.
[[nodiscard]] DatasheetFacts datasheet_facts(const topology::Rig& rig);

/// The plan's memory with the names of the rig's devices.
/// `plan` is where its devices stand.
[[nodiscard]] std::vector<MemoryUse> memory_uses(const topology::Rig& rig,
                                                 const workloads::ParallelPlan& plan,
                                                 const workloads::MemoryPlan& memory);

/// The known formats that files of `format`'s kind can have: GGUF mixes, or the others.
[[nodiscard]] std::vector<workloads::WeightsFormat> formats_like(
    const workloads::WeightsFormat& format);

/// The plan of a scenario without one, whatever its plan: see workloads::default_plan.
[[nodiscard]] workloads::ParallelPlan default_plan(const configs::Scenario& scenario,
                                                   const workloads::EngineProfile& engine);

/// The plan of `scenario`, which has one, on the devices where it exposes least communication: see
/// workloads::search_placement. Throws as deployment_request and workloads::deploy.
[[nodiscard]] workloads::ParallelPlan best_placement(const configs::Scenario& scenario,
                                                     const workloads::EngineProfile& engine);

/// Throw std::invalid_argument where the engine does not run on a device of the rig, or does not
/// read the weights.
void check_devices(const topology::Rig& rig, const workloads::EngineProfile& engine);
void check_weights(const workloads::WeightsFormat& weights, const workloads::EngineProfile& engine);

/// Throws std::invalid_argument where the engine cannot keep keys and values so: llama.cpp has its
/// block formats, the others FP8.
void check_kv_cache(workloads::KvFormat format, const workloads::EngineProfile& engine);

/// What `scenario` means under `engine`, its named engine: the default plan where it has none; the
/// context is prompt and output. Throws std::invalid_argument when the context exceeds what the
/// model was made for, as check_devices(), check_weights() and
/// check_kv_cache(), and as configs::validate.
[[nodiscard]] workloads::DeploymentRequest deployment_request(
    const configs::Scenario& scenario, const workloads::EngineProfile& engine);

/// Plans the memory, and where it fits runs prompt and output through the event simulation.
/// Bands: rates are off by the backend's band for the phase and evidence, times by its inverse; of
/// a fraction f the seconds behind it are off by that band against all others: f (1 +- h) / (f (1
/// +- h) + 1 - f). Throws as deployment_request and workloads::deploy; what `observer` throws
/// passes.
[[nodiscard]] RigResult evaluate(const configs::Scenario& scenario,
                                 const workloads::EngineProfile& engine,
                                 workloads::PassObserver* observer = nullptr);

/// Finds the winners and says why. Throws std::invalid_argument when two rigs have one name.
[[nodiscard]] Comparison compare(std::vector<RigResult> rigs);

}  // namespace rigsim::analysis
