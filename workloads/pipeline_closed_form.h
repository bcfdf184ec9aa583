#pragma once

#include <optional>

#include "sim/units.h"
#include "workloads/pipeline_schedule.h"

namespace rigsim::workloads {

/// The exact makespan where all chunks take `each` and transfers no time; p stages, m
/// micro-batches, v chunks, r rounds, F, B and W the times of a chunk (B + W a backward in one
/// piece):
///
/// - serial: r m p F; of it, (p-1)/p is bubble.
/// - inference: (r m + p - 1) F for m >= p or r = 1; else (r p + m - 1) F: a micro-batch must come
///   out before its next round goes in.
/// - gpipe, 1f1b: (m + p - 1)(F + B + W), bubble (p-1)/(m+p-1), also for m < p (Huang et al. 2019,
///   section 2; Narayanan et al., SC 2021, 2.2).
/// - interleaved: (v m + p - 1)(F + B + W), bubble (p-1)/(v m + p - 1) (Narayanan et al., SC 2021,
///   2.2).
/// - zb-h1: m (F + B + W) + (p-1)(F + B - W) + max(p-m, 0) W for W <= min(F, B); the middle term is
///   the bubble that Qi et al. (ICLR 2024, table 2) give, the last one is there because m < p
///   micro-batches have fewer than p weight gradients to fill it with. A longer W delays input
///   gradients that other stages wait for: then none.
///
/// Throws as `check(shape)`, and std::invalid_argument for a negative time.
[[nodiscard]] std::optional<sim::Duration> closed_form_makespan(const PipelineShape& shape,
                                                                const ChunkTime& each);

/// The same as a bubble: 1 - work / makespan; none where that is or where nothing takes time.
[[nodiscard]] std::optional<double> closed_form_bubble(const PipelineShape& shape,
                                                       const ChunkTime& each);

}  // namespace rigsim::workloads
