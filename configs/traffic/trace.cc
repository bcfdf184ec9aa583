#include "configs/traffic/trace.h"

#include "configs/config_error.h"
#include "configs/traffic/trace_csv.h"
#include "configs/traffic/trace_document.h"
#include "configs/traffic/trace_fields.h"
#include "configs/traffic/trace_jsonl.h"
#include "configs/traffic/trace_source.h"

namespace rigsim::configs {
namespace {

/// An object on a line of its own that is no result: a row of a form that is not known.
bool is_strange_row(std::string_view line) {
  while (line.ends_with(' ')) line.remove_suffix(1);
  return line.ends_with('}') && line.find("\"input_lens\"") == std::string_view::npos;
}

Trace read(TraceSource& source, const TraceOptions& options) {
  std::string_view line;
  std::size_t start = std::string_view::npos;
  while (start == std::string_view::npos) {
    if (!source.next(line)) throw ConfigError({source.file(), 0, 0, {}}, "is empty");
    start = line.find_first_not_of(" \t");
  }
  const char first = line[start];
  const bool row = first == '{' && is_trace_row(line);
  if (first == '{' && !row && is_strange_row(line)) {
    fail_unknown_form({source.file(), source.line()}, line);
  }
  source.again();
  if (row) return read_trace_jsonl(source, options);
  if (first == '{') return read_bench_result(source, options);
  if (first == '[') return read_share_gpt(source, options);
  return read_trace_csv(source, options);
}

}  // namespace

Trace read_trace(const std::filesystem::path& path, const TraceOptions& options) {
  TraceSource source(path);
  return read(source, options);
}

Trace read_trace_text(std::string_view text, std::string file, const TraceOptions& options) {
  TraceSource source(text, std::move(file));
  return read(source, options);
}

}  // namespace rigsim::configs
