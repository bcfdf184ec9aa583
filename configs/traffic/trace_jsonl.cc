#include "configs/traffic/trace_jsonl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "configs/traffic/trace_json.h"
#include "configs/traffic/trace_rows.h"

namespace rigsim::configs {
namespace {

constexpr std::int64_t kMooncakeBlock = 512;  // kvcache-ai/Mooncake, FAST25-release/traces
constexpr std::int64_t kLongestNs = 100LL * 86400 * 1'000'000'000;

/// A form of JSONL by its keys.
struct JsonlForm {
  std::string_view name;
  std::string_view time;
  TimeUnit unit;
  std::string_view prompt;
  std::string_view output;
  std::int64_t hash_block = 0;
};

// kvcache-ai/Mooncake and casys-kaist/LLMServingSim (workloads, bench).
constexpr std::array kForms = {
    JsonlForm{"Mooncake JSONL", "timestamp", TimeUnit::kMilliseconds, "input_length",
              "output_length", kMooncakeBlock},
    JsonlForm{"LLMServingSim JSONL", "arrival_time_ns", TimeUnit::kNanoseconds, "input_toks",
              "output_toks"},
    JsonlForm{"vLLM request records", "arrival_time", TimeUnit::kSeconds, "input_toks",
              "output_toks"},
};

/// What a row says, as it is written; empty: nothing.
struct RawRow {
  std::string_view time, prompt, output, priority, queued, scheduled, first_token, last_token;
};

/// Whether `key` stands in the line as JSON writes it; also of a line that is damaged further on.
bool names(std::string_view line, std::string_view key) {
  return line.find(fmt::format("\"{}\"", key)) != std::string_view::npos;
}

/// The form whose keys a line has: with its time, or else without it. None without either length.
const JsonlForm* form_of(std::string_view line) {
  const auto has_length = [&](const JsonlForm& form) {
    return names(line, form.prompt) || names(line, form.output);
  };
  for (const JsonlForm& form : kForms) {
    if (names(line, form.time) && has_length(form)) return &form;
  }
  const auto found = std::find_if(kForms.begin(), kForms.end(), has_length);
  return found == kForms.end() ? nullptr : &*found;
}

std::string_view* field_of(RawRow& row, const JsonlForm& form, std::string_view key) {
  if (key == form.time) return &row.time;
  if (key == form.prompt) return &row.prompt;
  if (key == form.output) return &row.output;
  if (key == "priority") return &row.priority;
  if (key == "queued_ts") return &row.queued;
  if (key == "scheduled_ts") return &row.scheduled;
  if (key == "first_token_ts") return &row.first_token;
  if (key == "last_token_ts") return &row.last_token;
  return nullptr;
}

/// A whole number of any sign that the type holds.
template <class T>
T whole(std::string_view text, const RowPlace& place, std::string_view key) {
  T value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || text.empty()) {
    place.fail(key, fmt::format("a whole number of {} bits", 8 * sizeof(T)), text);
  }
  return value;
}

/// Reads rows of one form.
class JsonlRowReader {
 public:
  JsonlRowReader(const JsonlForm& form, bool measured) : form_(form), measured_(measured) {}

  void operator()(std::string_view line, const RowPlace& place, TraceRow& row,
                  std::vector<std::uint64_t>& hashes) const {
    const std::size_t before = hashes.size();
    const RawRow raw = raw_row(line, place, hashes);
    row.arrival_ns = time_ns(raw.time, form_.unit, place, form_.time);
    row.prompt_tokens = token_count(raw.prompt, 1, place, form_.prompt);
    row.output_tokens = token_count(raw.output, 1, place, form_.output);
    if (!raw.priority.empty()) row.priority = whole<std::int32_t>(raw.priority, place, "priority");
    check_hashes(row, hashes.size() - before, place);
    if (measured_) row.measured = measured_times(raw, place);
  }

 private:
  RawRow raw_row(std::string_view line, const RowPlace& place,
                 std::vector<std::uint64_t>& hashes) const {
    RawRow raw;
    JsonCursor cursor(line, place.file, place.line);
    if (cursor.kind() != '{') place.fail({}, "an object", cursor.shown());
    cursor.object([&](const std::string& key) {
      if (form_.hash_block > 0 && key == "hash_ids") {
        if (cursor.kind() != '[') place.fail(key, "a list", cursor.shown());
        cursor.array(
            [&] { hashes.push_back(whole<std::uint64_t>(scalar_text(cursor), place, key)); });
      } else if (std::string_view* field = field_of(raw, form_, key)) {
        *field = scalar_text(cursor);
      } else {
        skip_value(cursor);
      }
    });
    cursor.end();
    return raw;
  }

  void check_hashes(const TraceRow& row, std::size_t count, const RowPlace& place) const {
    if (count == 0) return;
    const auto most = (row.prompt_tokens + form_.hash_block - 1) / form_.hash_block;
    if (static_cast<std::int64_t>(count) <= most) return;
    place.fail("hash_ids",
               fmt::format("at most {}, one for each {} of the {} tokens", most, form_.hash_block,
                           row.prompt_tokens),
               fmt::format("{}", count));
  }

  static MeasuredTimes measured_times(const RawRow& raw, const RowPlace& place) {
    const std::int64_t queued = time_ns(raw.queued, TimeUnit::kSeconds, place, "queued_ts");
    const auto after = [&](std::string_view text, std::string_view key) {
      const std::int64_t ns = time_ns(text, TimeUnit::kSeconds, place, key);
      if (ns < queued) place.fail(key, "no earlier than queued_ts", text);
      if (ns - queued > kLongestNs) place.fail(key, "within 100 days of queued_ts", text);
      return sim::Duration(std::chrono::nanoseconds(ns - queued));
    };
    MeasuredTimes times{after(raw.first_token, "first_token_ts"),
                        after(raw.last_token, "last_token_ts")};
    if (!raw.scheduled.empty()) times.wait = after(raw.scheduled, "scheduled_ts");
    return times;
  }

  const JsonlForm& form_;
  bool measured_;
};

}  // namespace

bool is_trace_row(std::string_view line) { return form_of(line) != nullptr; }

Trace read_trace_jsonl(TraceSource& source, const TraceOptions& options) {
  std::string_view line;
  const JsonlForm* form = source.next(line) ? form_of(line) : nullptr;
  if (form == nullptr) throw std::logic_error("the first line is no row of a trace");
  const bool measured = names(line, "first_token_ts");
  source.again();
  const JsonlRowReader read(*form, measured);
  TraceRows rows(source.file(), {form->name, form->time, true, form->hash_block}, options);
  while (source.next(line)) {
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    const RowPlace place{source.file(), source.line()};
    rows.add(place.line, [&](TraceRow& row, auto& hashes) { read(line, place, row, hashes); });
  }
  return std::move(rows).finish();
}

}  // namespace rigsim::configs
