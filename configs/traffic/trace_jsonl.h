#pragma once

#include <string_view>

#include "configs/traffic/trace.h"
#include "configs/traffic/trace_source.h"

namespace rigsim::configs {

/// Whether a line is a row of one of the forms below.
[[nodiscard]] bool is_trace_row(std::string_view line);

/// Reads a trace of one JSON object a line; keys beside these are passed over, and `priority` is
/// read where it stands:
/// - Mooncake: timestamp (ms), input_length, output_length, hash_ids (one for each 512 tokens);
/// - LLMServingSim: input_toks, output_toks, arrival_time_ns;
/// - records of a measured vLLM run: input_toks, output_toks, arrival_time (s), queued_ts,
///   scheduled_ts, first_token_ts, last_token_ts (s of another clock).
/// Throws as read_trace.
[[nodiscard]] Trace read_trace_jsonl(TraceSource& source, const TraceOptions& options);

}  // namespace rigsim::configs
