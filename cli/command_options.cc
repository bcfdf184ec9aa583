#include "cli/command_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <sstream>

#include "cli/table.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"

namespace rigsim::cli {
namespace {

namespace po = boost::program_options;
using configs::ConfigError;

constexpr unsigned kLineLength = 100;
constexpr unsigned kDescriptionLength = 68;

po::options_description described(const Command& command) {
  po::options_description options("Options", kLineLength, kDescriptionLength);
  for (const OptionSpec& spec : command.options) {
    std::string name(spec.name);
    if (spec.letter != 0) name += {',', spec.letter};
    const std::string help(spec.help);
    if (spec.value.empty()) {
      options.add_options()(name.c_str(), help.c_str());
    } else {
      options.add_options()(name.c_str(),
                            po::value<std::string>()->value_name(std::string(spec.value)),
                            help.c_str());
    }
  }
  options.add_options()("help", "print this and stop");
  return options;
}

[[noreturn]] void fail(const std::string& key, const std::string& message) {
  throw ConfigError({{}, 0, 0, key}, message);
}

[[noreturn]] void fail_unknown(const Command& command, const std::string& option) {
  std::vector<std::string> names = {"--help"};
  for (const OptionSpec& spec : command.options) names.push_back(fmt::format("--{}", spec.name));
  const std::string hint = configs::did_you_mean(option, names);
  fail({}, fmt::format("unknown option {}{} \"rigsim {} --help\" lists all",
                       configs::in_quotes(option), hint.empty() ? ";" : hint, command.name));
}

/// Short forms only where a command has one: elsewhere "-5" is a value.
int style_of(const Command& command) {
  namespace style = po::command_line_style;
  const bool letters = std::any_of(command.options.begin(), command.options.end(),
                                   [](const OptionSpec& spec) { return spec.letter != 0; });
  const int long_ones = style::allow_long | style::long_allow_adjacent | style::long_allow_next;
  return letters ? long_ones | style::allow_short | style::allow_dash_for_short |
                       style::short_allow_next
                 : long_ones;
}

/// Whether a command takes any number of words without a dash.
bool takes_many(const Command& command) {
  return !command.arguments.empty() && command.arguments.back().ends_with("...");
}

/// Runs Boost's parser; its complaints become ours.
po::parsed_options parsed(const Command& command, const po::options_description& options,
                          std::span<const std::string> words) {
  try {
    return po::command_line_parser(std::vector<std::string>(words.begin(), words.end()))
        .options(options)
        .style(style_of(command))
        .run();
  } catch (const po::unknown_option& error) {
    fail_unknown(command, error.get_option_name());
  } catch (const po::invalid_command_line_syntax& error) {
    const bool extra = error.kind() == po::invalid_syntax::extra_parameter;
    fail(error.get_option_name(), extra ? "takes no value" : "needs a value");
  } catch (const po::error& error) {
    fail({}, error.what());
  }
}

/// `word` as a shell would read it back.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char byte : word) quoted += byte == '\'' ? std::string("'\\''") : std::string(1, byte);
  return quoted + "'";
}

const OptionSpec* spec_of(const Command& command, std::string_view name) {
  const auto found = std::find_if(command.options.begin(), command.options.end(),
                                  [&](const OptionSpec& spec) { return spec.name == name; });
  return found == command.options.end() ? nullptr : &*found;
}

}  // namespace

ParsedOptions::ParsedOptions(const Command& command, std::span<const std::string> words) {
  const po::options_description options = described(command);
  command_line_ = fmt::format("rigsim {}", command.name);
  for (const std::string& word : words) command_line_ += ' ' + shell_word(word);
  for (const auto& option : parsed(command, options, words).options) {
    if (option.position_key >= 0) {
      arguments_.insert(arguments_.end(), option.value.begin(), option.value.end());
      continue;
    }
    std::vector<std::string>& values = values_[option.string_key];
    const OptionSpec* spec = spec_of(command, option.string_key);
    if (spec != nullptr && !spec->value.empty() && !spec->repeatable && !values.empty()) {
      fail(fmt::format("--{}", option.string_key), "given twice; it may be given once");
    }
    values.insert(values.end(), option.value.begin(), option.value.end());
  }
  if (takes_many(command) || arguments_.size() <= command.arguments.size()) return;
  fail({}, fmt::format("unexpected word {}; usage: rigsim {} {}",
                       configs::in_quotes(arguments_[command.arguments.size()]), command.name,
                       command.usage));
}

bool ParsedOptions::has(std::string_view name) const { return values_.find(name) != values_.end(); }

std::optional<std::string> ParsedOptions::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second.front();
}

std::vector<std::string> ParsedOptions::texts(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

ParsedOptions ParsedOptions::with(std::string_view name, std::string text) const {
  ParsedOptions copy = *this;
  copy.values_.insert_or_assign(std::string(name), std::vector{std::move(text)});
  return copy;
}

std::string ParsedOptions::needed(std::string_view name) const {
  if (const auto given = text(name)) return *given;
  fail(fmt::format("--{}", name), "is needed");
}

std::optional<std::int64_t> ParsedOptions::count(std::string_view name, std::int64_t least,
                                                 std::int64_t most) const {
  const auto given = text(name);
  if (!given) return std::nullopt;
  return checked(name, [&] {
    const std::int64_t value = configs::parse_count(*given);
    if (value < least || value > most) {
      throw std::invalid_argument(
          fmt::format("must be {} to {}, got {}", least, most, configs::in_quotes(*given)));
    }
    return std::optional(value);
  });
}

std::string help_text(const Command& command) {
  std::ostringstream options;
  options << described(command);
  return fmt::format("rigsim {}: {}\n\nUsage: rigsim {} {}\n\n{}\n{}\nExamples:\n{}\n",
                     command.name, command.summary, command.name, command.usage,
                     wrapped(command.about), options.str(), command.examples);
}

}  // namespace rigsim::cli
