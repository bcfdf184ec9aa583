#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "configs/traffic/trace_document.h"
#include "configs/traffic/trace_json.h"
#include "configs/traffic/trace_rows.h"

namespace rigsim::configs {
namespace {

constexpr std::int64_t kLongestNs = 100LL * 86400 * 1'000'000'000;

/// The lists of a result as they are written. [requests] each, where there.
struct Lists {
  std::optional<std::vector<std::string_view>> input_lens, output_lens, start_times, ttfts;
  std::vector<std::vector<std::string_view>> itls;
  std::vector<bool> failed;
  int line = 1;  ///< of input_lens
};

void check_list(JsonCursor& cursor, const std::string& key) {
  if (cursor.kind() == '[') return;
  throw ConfigError(cursor.place(cursor.offset(), key),
                    fmt::format("must be a list, got {}", cursor.shown()));
}

std::vector<std::string_view> numbers(JsonCursor& cursor, const std::string& key) {
  check_list(cursor, key);
  std::vector<std::string_view> out;
  cursor.array([&] { out.push_back(scalar_text(cursor)); });
  return out;
}

void read_errors(JsonCursor& cursor, const std::string& key, Lists& lists) {
  check_list(cursor, key);
  cursor.array([&] {
    const bool text = cursor.kind() == '"';
    lists.failed.push_back(text && !cursor.string().empty());
    if (!text) skip_value(cursor);
  });
}

void read_itls(JsonCursor& cursor, const std::string& key, Lists& lists) {
  check_list(cursor, key);
  cursor.array([&] { lists.itls.push_back(numbers(cursor, key)); });
}

Lists read_lists(JsonCursor& cursor) {
  Lists lists;
  if (cursor.kind() != '{') {
    throw ConfigError(cursor.place(cursor.offset(), {}), "must be an object");
  }
  cursor.object([&](const std::string& key) {
    if (key == "input_lens") {
      lists.line = cursor.place(cursor.offset(), {}).line;
      lists.input_lens = numbers(cursor, key);
    } else if (key == "output_lens") {
      lists.output_lens = numbers(cursor, key);
    } else if (key == "start_times") {
      lists.start_times = numbers(cursor, key);
    } else if (key == "ttfts") {
      lists.ttfts = numbers(cursor, key);
    } else if (key == "itls") {
      read_itls(cursor, key, lists);
    } else if (key == "errors") {
      read_errors(cursor, key, lists);
    } else {
      skip_value(cursor);
    }
  });
  cursor.end();
  return lists;
}

/// Throws ConfigError unless the lists that a request needs are there, all as long.
void check_lengths(const Lists& lists, const std::string& file) {
  const auto check = [&](const char* key, const auto* list, bool needed) {
    if (list == nullptr) {
      if (!needed) return;
      throw ConfigError({file, 0, 0, key},
                        "the list is missing; a trace of one JSON object is a result that vLLM's "
                        "bench serve wrote with --save-detailed");
    }
    if (list->size() == lists.input_lens->size()) return;
    throw ConfigError({file, 0, 0, key},
                      fmt::format("must have {} entries as input_lens has, got {}",
                                  lists.input_lens->size(), list->size()));
  };
  const auto pointer = [](const auto& list) { return list ? &*list : nullptr; };
  check("input_lens", pointer(lists.input_lens), true);
  check("output_lens", pointer(lists.output_lens), true);
  check("start_times", pointer(lists.start_times), false);
  check("ttfts", pointer(lists.ttfts), false);
  check("itls", lists.itls.empty() ? nullptr : &lists.itls, false);
  check("errors", lists.failed.empty() ? nullptr : &lists.failed, false);
}

std::string at(const char* list, std::size_t i) { return fmt::format("{}[{}]", list, i); }

/// Where ttfts and itls are both there.
std::optional<MeasuredTimes> measured_times(const Lists& lists, std::size_t i,
                                            const RowPlace& place) {
  if (!lists.ttfts || lists.itls.empty()) return std::nullopt;
  std::int64_t sum = 0;
  const auto add = [&](std::string_view text, const char* list) {
    sum += std::min(time_ns(text, TimeUnit::kSeconds, place, at(list, i)), kLongestNs);
    if (sum > kLongestNs) place.fail(at(list, i), "within 100 days", text);
    return sim::Duration(std::chrono::nanoseconds(sum));
  };
  MeasuredTimes times;
  times.ttft = times.e2e = add((*lists.ttfts)[i], "ttfts");
  for (const std::string_view itl : lists.itls[i]) times.e2e = add(itl, "itls");
  return times;
}

void read_row(const Lists& lists, std::size_t i, const RowPlace& place, TraceRow& row) {
  const std::string_view output = (*lists.output_lens)[i];
  if ((!lists.failed.empty() && lists.failed[i]) || output == "0") {
    row.output_tokens = 0;
    return;
  }
  row.prompt_tokens = token_count((*lists.input_lens)[i], 1, place, at("input_lens", i));
  row.output_tokens = token_count(output, 1, place, at("output_lens", i));
  if (lists.start_times) {
    row.arrival_ns =
        time_ns((*lists.start_times)[i], TimeUnit::kSeconds, place, at("start_times", i));
  }
  row.measured = measured_times(lists, i, place);
}

}  // namespace

Trace read_bench_result(TraceSource& source, const TraceOptions& options) {
  const int first_line = source.line() + 1;
  JsonCursor cursor(source.rest(), source.file(), first_line);
  const Lists lists = read_lists(cursor);
  check_lengths(lists, source.file());
  const RowPlace place{source.file(), lists.line};
  TraceRows rows(source.file(), {"vLLM result", "start_times", lists.start_times.has_value(), 0},
                 options);
  for (std::size_t i = 0; i < lists.input_lens->size(); ++i) {
    rows.add(place.line, [&](TraceRow& row, auto&) { read_row(lists, i, place, row); });
  }
  return std::move(rows).finish();
}

}  // namespace rigsim::configs
