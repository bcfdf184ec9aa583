#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "configs/config_error.h"

namespace rigsim::configs {

/// Walks through a JSON text (RFC 8259) value by value, for documents too large for a tree. The
/// caller knows the shape and asks for it, so nesting is as deep as the caller's own code, and
/// nothing is stored. Positions are exact.
///
///     cursor.object([&](const std::string& key) {          // reads one value per call
///       if (key == "size") size = cursor.string("a text with a unit");
///     });
///     cursor.end();
///
/// Text that is no JSON throws UnreadableInput with line and column ("truncated JSON", "not valid
/// JSON at ...").
class JsonCursor {
 public:
  /// Keeps a view of `text`, which begins on `first_line` of the file.
  JsonCursor(std::string_view text, std::string file, int first_line = 1)
      : text_(text), file_(std::move(file)), first_line_(first_line) {}

  /// What the value at hand is: '{', '[', '"', '0' for a number, 't' for true or false, 'n' for
  /// null.
  [[nodiscard]] char kind();

  /// Calls `member(key)` for each member of the object at hand, `item()` for each of the array; the
  /// call must read one value. The kind must have been checked.
  template <class F>
  void object(F&& member);
  template <class F>
  void array(F&& item);

  /// The string at hand, escapes resolved. The kind must have been checked.
  [[nodiscard]] std::string string();
  /// The number at hand as it is written.
  [[nodiscard]] std::string_view number();

  /// Reads past the true, false or null at hand. The kind must have been checked.
  void literal();

  /// Nothing but blanks may follow.
  void end();

  /// The value at hand as it is written, shortened, for a message. Moves nothing.
  [[nodiscard]] std::string shown();

  /// Where the value at hand begins.
  [[nodiscard]] std::size_t offset();
  /// A place in the file for an offset.
  [[nodiscard]] Place place(std::size_t offset, std::string key) const;
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  void skip_blanks();
  [[nodiscard]] char peek();
  void expect(char wanted, const char* what);
  [[nodiscard]] bool more(char close, bool first);
  void append_escape(std::string& out);
  [[nodiscard]] unsigned hex4();
  [[noreturn]] void broken(const std::string& why) const;

  std::string_view text_;
  std::string file_;
  int first_line_;
  std::size_t at_ = 0;
};

template <class F>
void JsonCursor::object(F&& member) {
  expect('{', "\"{\"");
  for (bool first = true; more('}', first); first = false) {
    if (kind() != '"') expect('"', "a key in quotes");
    const std::string key = string();
    expect(':', "\":\"");
    member(key);
  }
}

template <class F>
void JsonCursor::array(F&& item) {
  expect('[', "\"[\"");
  for (bool first = true; more(']', first); first = false) item();
}

}  // namespace rigsim::configs
