#include "configs/traffic/trace_json.h"

namespace rigsim::configs {
namespace {

constexpr int kDeepest = 64;

}  // namespace

void skip_value(JsonCursor& cursor, int depth) {
  if (depth > kDeepest) {
    throw ConfigError(cursor.place(cursor.offset(), {}), "must not nest deeper than 64 levels");
  }
  switch (cursor.kind()) {
    case '{':
      cursor.object([&](const std::string&) { skip_value(cursor, depth + 1); });
      return;
    case '[':
      cursor.array([&] { skip_value(cursor, depth + 1); });
      return;
    case '"':
      (void)cursor.string();
      return;
    case '0':
      (void)cursor.number();
      return;
    default:
      cursor.literal();
  }
}

std::string_view scalar_text(JsonCursor& cursor) {
  const char kind = cursor.kind();
  if (kind == '0') return cursor.number();
  skip_value(cursor);
  switch (kind) {
    case '{':
      return "an object";
    case '[':
      return "a list";
    case '"':
      return "a text";
    case 'n':
      return "null";
    default:
      return "true or false";
  }
}

}  // namespace rigsim::configs
