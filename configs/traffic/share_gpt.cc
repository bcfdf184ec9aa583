#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "configs/traffic/trace_document.h"
#include "configs/traffic/trace_json.h"
#include "configs/traffic/trace_rows.h"

namespace rigsim::configs {
namespace {

/// Counts lines up to where reading has come.
class LineCounter {
 public:
  LineCounter(std::string_view text, int first) : text_(text), line_(first) {}

  int at(std::size_t offset) {
    const auto begin = text_.begin();
    line_ += static_cast<int>(std::count(begin + static_cast<std::ptrdiff_t>(at_),
                                         begin + static_cast<std::ptrdiff_t>(offset), '\n'));
    at_ = offset;
    return line_;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  int line_;
};

/// What an entry of the list says. Nothing here throws but for text that is no JSON: an entry is
/// read to its end before it is judged.
struct Conversation {
  bool has_turns = false;
  std::vector<std::optional<std::size_t>> bytes;  ///< of each turn's text; none: it is no text
};

std::optional<std::size_t> turn_bytes(JsonCursor& cursor) {
  std::optional<std::size_t> bytes;
  if (cursor.kind() != '{') {
    skip_value(cursor);
    return bytes;
  }
  cursor.object([&](const std::string& key) {
    if (key == "value" && cursor.kind() == '"') {
      bytes = cursor.string().size();
    } else {
      skip_value(cursor);
    }
  });
  return bytes;
}

Conversation read_conversation(JsonCursor& cursor) {
  Conversation conversation;
  if (cursor.kind() != '{') {
    skip_value(cursor);
    return conversation;
  }
  cursor.object([&](const std::string& key) {
    if (key != "conversations" || cursor.kind() != '[') {
      skip_value(cursor);
      return;
    }
    conversation.has_turns = true;
    cursor.array([&] { conversation.bytes.push_back(turn_bytes(cursor)); });
  });
  return conversation;
}

std::int64_t tokens_of(std::size_t bytes, double bytes_per_token) {
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(bytes) / bytes_per_token));
}

void read_row(const Conversation& conversation, double bytes_per_token, const RowPlace& place,
              TraceRow& row) {
  if (!conversation.has_turns) {
    place.fail({}, "an object with \"conversations\", a list of turns", "something else");
  }
  const auto& turns = conversation.bytes;
  if (std::find(turns.begin(), turns.end(), std::nullopt) != turns.end()) {
    place.fail("conversations", "turns with a text \"value\"", "something else");
  }
  row.output_tokens = 0;
  if (turns.size() < 2 || *turns[0] == 0) return;
  row.prompt_tokens = tokens_of(*turns[0], bytes_per_token);
  row.output_tokens = tokens_of(*turns[1], bytes_per_token);
}

}  // namespace

Trace read_share_gpt(TraceSource& source, const TraceOptions& options) {
  const int first_line = source.line() + 1;
  const std::string_view text = source.rest();
  JsonCursor cursor(text, source.file(), first_line);
  LineCounter lines(text, first_line);
  TraceRows rows(source.file(), {"ShareGPT JSON", {}, false, 0}, options);
  rows.note(
      fmt::format("tokens are estimated: one for each {} bytes of text", options.bytes_per_token));
  cursor.array([&] {
    const RowPlace place{source.file(), lines.at(cursor.offset())};
    const Conversation conversation = read_conversation(cursor);
    rows.add(place.line, [&](TraceRow& row, auto&) {
      read_row(conversation, options.bytes_per_token, place, row);
    });
  });
  cursor.end();
  return std::move(rows).finish();
}

}  // namespace rigsim::configs
