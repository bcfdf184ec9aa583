#pragma once

#include "configs/traffic/trace.h"
#include "configs/traffic/trace_source.h"

namespace rigsim::configs {

/// Reads the result that vLLM's `bench serve --save-detailed` writes: one JSON object with lists
/// `input_lens`, `output_lens`, `start_times` (s; without them there are no arrivals), `ttfts` (s)
/// and `itls` (s, a list for each request: all but the first token). Requests with an `errors` text
/// or no output are left out as unanswered. Throws as read_trace.
[[nodiscard]] Trace read_bench_result(TraceSource& source, const TraceOptions& options);

/// Reads ShareGPT's JSON: a list of objects with `conversations`, a list of turns `{"from": ...,
/// "value": TEXT}`. As in vLLM's benchmark the first turn is the prompt and the second the answer;
/// conversations without both are left out as unanswered. There are no token counts and no
/// arrivals: a text has its UTF-8 bytes / bytes_per_token tokens, rounded up. Throws as read_trace.
[[nodiscard]] Trace read_share_gpt(TraceSource& source, const TraceOptions& options);

}  // namespace rigsim::configs
