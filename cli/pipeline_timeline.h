#pragma once

#include <cstddef>
#include <string>

#include "workloads/pipeline_graph.h"

namespace rigsim::cli {

/// Stages that are drawn at most.
inline constexpr std::size_t kMostDrawnStages = 64;

/// A row of `columns` characters for each stage: passes as F, B (backward or its input part) and W
/// with the number of the micro-batch where there is room, "=" while they last, "." where the stage
/// idles. Empty where nothing takes time or there are too many stages.
[[nodiscard]] std::string timeline_text(const workloads::PipelineResult& result,
                                        std::size_t columns);

}  // namespace rigsim::cli
