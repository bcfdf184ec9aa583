#pragma once

#include <span>
#include <string>

#include "analysis/comparison.h"

namespace rigsim::analysis {

/// Says in a few sentences why the rigs differ, from the seconds of their critical paths: what each
/// output token and the prompt waited for on the best rig and the next one, which cause makes most
/// of the difference, and what would change it. Of one rig: what its time goes to. Of rigs that do
/// not fit: what they lack.
[[nodiscard]] std::string explanation(std::span<const RigResult> rigs);

/// "keep at most 4096 tokens of context".
[[nodiscard]] std::string described(const workloads::FitChange& change);

}  // namespace rigsim::analysis
