#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace rigsim::cli {

/// What somebody typed behind a command, checked for names but not yet for meaning.
class ParsedOptions {
 public:
  /// Throws configs::ConfigError for an option that the command does not have (with the nearest
  /// one), one given twice that may not be, a missing value, or a word too many.
  ParsedOptions(const Command& command, std::span<const std::string> words);

  [[nodiscard]] bool has(std::string_view name) const;
  /// The text of an option; none where it was not given.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  /// The texts of a repeatable option, in the order given.
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
  /// The text of an option that cannot be left out. Throws configs::ConfigError otherwise.
  [[nodiscard]] std::string needed(std::string_view name) const;
  /// A whole number from `least` to `most`. Throws configs::ConfigError naming the option and what
  /// is allowed for anything else: a sign, a fraction, an exponent, a suffix.
  [[nodiscard]] std::optional<std::int64_t> count(std::string_view name, std::int64_t least,
                                                  std::int64_t most) const;
  /// The same, but for the option's text.
  [[nodiscard]] ParsedOptions with(std::string_view name, std::string text) const;
  /// The words without a dash, in order.
  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }

  /// Runs `make`; what it refuses with std::invalid_argument becomes a ConfigError at `--name`.
  template <class F>
  auto checked(std::string_view name, F&& make) const;
  /// The whole command line, for a result to say where it comes from: words that a shell would
  /// take apart stand in quotes.
  [[nodiscard]] const std::string& command_line() const { return command_line_; }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> arguments_;
  std::string command_line_;
};

/// What `rigsim COMMAND --help` prints.
[[nodiscard]] std::string help_text(const Command& command);

}  // namespace rigsim::cli

#include "configs/config_error.h"

namespace rigsim::cli {

template <class F>
auto ParsedOptions::checked(std::string_view name, F&& make) const {
  try {
    return std::forward<F>(make)();
  } catch (const configs::ConfigError&) {
    throw;
  } catch (const std::invalid_argument& error) {
    std::string_view message = error.what();  // some begin with what the option names
    if (message.starts_with(name) && message.substr(name.size()).starts_with(": "))
      message.remove_prefix(name.size() + 2);
    throw configs::ConfigError({{}, 0, 0, "--" + std::string(name)}, std::string(message));
  }
}

}  // namespace rigsim::cli
