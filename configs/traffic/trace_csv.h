#pragma once

#include "configs/traffic/trace.h"
#include "configs/traffic/trace_source.h"

namespace rigsim::configs {

/// Reads a trace in CSV, by the names of its columns; others may stand beside them:
/// - Azure: TIMESTAMP, ContextTokens, GeneratedTokens;
/// - BurstGPT: Timestamp (s), Request tokens, Response tokens; 0 of these: the request failed;
/// - Vidur: num_prefill_tokens, num_decode_tokens, and arrived_at (s) where it has arrivals.
/// Throws as read_trace.
[[nodiscard]] Trace read_trace_csv(TraceSource& source, const TraceOptions& options);

}  // namespace rigsim::configs
