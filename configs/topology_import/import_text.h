#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rigsim::configs {

/// A file to import, as it was read.
struct ImportFile {
  std::string name;  ///< as errors shall name it
  std::string text;
};

/// A line of a text file without its end, terminal escapes and carriage returns.
struct TextLine {
  int number = 0;  ///< from 1
  std::string text;
};

/// The lines of a file that a terminal could show. Throws UnreadableInput for other files: NUL
/// bytes, UTF-16, bytes that are not UTF-8, lines beyond number or length.
[[nodiscard]] std::vector<TextLine> text_lines(const ImportFile& file);

/// Throws UnreadableInput: `name:line: message`.
[[noreturn]] void fail_unreadable(const ImportFile& file, int line, const std::string& message);

/// Throws ConfigError: `name:line: message`.
[[noreturn]] void fail_contradictory(const ImportFile& file, int line, const std::string& message);

/// `text` without blanks at its ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// What stands between blanks.
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);

/// What stands between `separator`s, trimmed; "a,,b" has an empty one in the middle.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

/// A whole number that is all of `text`; -1: it is none or above `most`.
[[nodiscard]] int small_number(std::string_view text, int most = 1'000'000);

}  // namespace rigsim::configs
