#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/comparison.h"
#include "analysis/figure.h"
#include "workloads/machine_change.h"

namespace rigsim::analysis {

/// What a change does to one phase.
struct PhaseEffect {
  Figure tokens_per_s;
  /// Rate over the unchanged one, less 1. Band: the seconds that the change saves or costs are off
  /// by the unchanged rate's half-width against all others.
  Figure gain;
};

/// One change, run.
struct ChangeResult {
  std::string text;  ///< as it was said
  std::string title;
  std::string refused;  ///< why there is nothing to change; empty: it ran
  std::optional<PhaseEffect> decode{};
  std::optional<PhaseEffect> prefill{};
};

/// Percent of rate gained per percent that one resource gets faster.
struct Elasticity {
  std::optional<double>
      path;          ///< its share of the critical path; none where the path does not tell
  double rerun = 0;  ///< by running again with 1 % more of it
};

struct Sensitivity {
  std::string_view resource;
  std::optional<Elasticity> decode{};
  std::optional<Elasticity> prefill{};
};

/// The same run, one thing changed at a time.
struct WhatIf {
  RigResult base;
  std::vector<ChangeResult> changes;       ///< in the order asked; empty where it does not fit
  std::vector<Sensitivity> sensitivities;  ///< the largest in decode (else prefill) first
};

/// Runs `scenario` as it is, with each change, and with 1 % more of each resource. Where it does
/// not fit only `base` is filled. `progress` is told what runs next. Throws as evaluate().
[[nodiscard]] WhatIf what_if(const configs::Scenario& scenario,
                             const workloads::EngineProfile& engine,
                             std::span<const workloads::MachineChange> changes,
                             const std::function<void(std::string_view)>& progress = {});

}  // namespace rigsim::analysis
