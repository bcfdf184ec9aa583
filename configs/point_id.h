#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "configs/scenario.h"
#include "configs/sweep_file.h"

namespace rigsim::configs {

/// The id of a sweep's point: the first 64 bits of the SHA-1 of what is run, the scenario's YAML,
/// the user's files that it names (engine, traffic, draft model), and `own_catalog`, the text of
/// the user's additions to the catalogue. The same on every machine. Throws UnreadableInput.
[[nodiscard]] std::uint64_t point_id(SweepRun run, const Scenario& scenario,
                                     std::string_view own_catalog = {});
/// As 16 hex digits.
[[nodiscard]] std::string id_text(std::uint64_t id);

}  // namespace rigsim::configs
