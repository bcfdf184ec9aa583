#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rigsim::configs {

/// Where in the user's input something stands. Lines and columns count from 1; 0 means "not known".
struct Place {
  std::string file;  ///< as the user named it; empty: the value came from a command line
  int line = 0;
  int column = 0;
  std::string key;  ///< "links[3].bandwidth"
};

/// Text of a place: "8xh100.yaml:14:16: links[3].bandwidth", leaving out what is not known.
[[nodiscard]] std::string to_string(const Place& place);

/// A configuration that cannot be accepted: the user's fault, exit code 2.
/// what() is one line: `8xh100.yaml:14:16: links[3].bandwidth: must be > 0, got "-5 GB/s"`.
class ConfigError : public std::invalid_argument {
 public:
  ConfigError(Place place, std::string message);

  [[nodiscard]] const Place& place() const { return place_; }
  /// What is wrong and what is allowed, without the place.
  [[nodiscard]] const std::string& message() const { return message_; }

 private:
  Place place_;
  std::string message_;
};

/// A file that cannot be read, is cut short or is not what it claims to be: exit code 3.
/// what() is one line: `model.gguf: truncated at byte 24: 8 bytes of ... expected, 3 left`.
class UnreadableInput : public std::runtime_error {
 public:
  UnreadableInput(std::string file, std::string message,
                  std::optional<std::uint64_t> offset = std::nullopt);

  [[nodiscard]] const std::string& file() const { return file_; }
  /// Byte at which reading stopped, from 0.
  [[nodiscard]] std::optional<std::uint64_t> offset() const { return offset_; }

 private:
  std::string file_;
  std::optional<std::uint64_t> offset_;
};

/// `text` in double quotes and on one line: control bytes and bytes that are not UTF-8 as \xNN, cut
/// after about 60 characters.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace rigsim::configs
