#pragma once

#include <string>
#include <string_view>

#include "workloads/traffic.h"

namespace rigsim::configs {

/// Traffic as a trace of a form that read_trace reads: "mooncake" (JSONL, with prefix hashes, ms
/// with six digits behind the point), "llmservingsim" (JSONL, ns), "azure" (CSV, days from
/// 2000-01-01, 100 ns), "burstgpt" (CSV, s with nine digits). Times are cut off at the last digit;
/// priorities stand in JSONL where they are not 0, prefixes in Mooncake's form alone. Throws
/// std::invalid_argument: another form, a closed loop (it has no arrivals), or prefixes in blocks
/// of other than 512 tokens in Mooncake's form.
[[nodiscard]] std::string write_trace(const workloads::Traffic& traffic, std::string_view form);

}  // namespace rigsim::configs
