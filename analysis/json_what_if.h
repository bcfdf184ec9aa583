#pragma once

#include <nlohmann/json_fwd.hpp>

#include "analysis/json_comparison.h"
#include "analysis/what_if.h"

namespace rigsim::analysis {

/// `version`, `commit`, `base` (one rig, as compare's), `changes[]` (`change`, `title`, `refused`
/// or null, `decode_tokens_per_s`, `decode_gain`, `prefill_tokens_per_s`, `prefill_gain` as figures
/// or null) and `sensitivity[]` (`resource`, and `decode`, `prefill` as {`path`, `rerun`}: percent
/// of rate per percent of the resource).
[[nodiscard]] nlohmann::ordered_json to_json(const WhatIf& answer, const Provenance& provenance);

}  // namespace rigsim::analysis
