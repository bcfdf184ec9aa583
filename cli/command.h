#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.h"

namespace rigsim::cli {

/// What the program ends with; scripts rely on it.
enum class ExitCode : int {
  kDone = 0,
  kOurFault = 1,          ///< a defect of rigsim, or the machine gave out (memory)
  kUsage = 2,             ///< wrong options or configuration
  kUnreadableInput = 3,   ///< an input file is missing, cut short or something else
  kDoesNotFit = 4,        ///< the answer is no
  kPointsFailed = 5,      ///< of a sweep; the others have results
  kOutputUnwritable = 6,  ///< a result cannot be written
  kInterrupted = 130,     ///< by SIGINT; what was done is kept
  kTerminated = 143,      ///< by SIGTERM; what was done is kept
};

/// What a command has to say: everything for standard output, at once, and what to beware of.
struct Answer {
  std::string text;
  ExitCode code = ExitCode::kDone;
  std::string warning{};  ///< for standard error, one line
};

/// One option as it is typed: `--name VALUE`, or a switch where `value` is empty.
struct OptionSpec {
  std::string_view name;
  std::string_view value;
  std::string_view help;
  bool repeatable = false;
  char letter = 0;  ///< a short form, `-o`; 0: none
};

class ParsedOptions;

/// A verb of the command line.
struct Command {
  std::string_view name;
  std::string_view summary;         ///< one line, for the list of commands
  std::string_view usage;           ///< what follows the name, "--rig RIG [--json]"
  std::string_view about;           ///< a paragraph or two for --help
  std::string_view examples;        ///< whole command lines, one a line
  std::vector<OptionSpec> options;  ///< without --help, which all have
  /// Names of the words without a dash, all optional; a last one that ends in "..." stands for
  /// many.
  std::vector<std::string_view> arguments;
  Answer (*run)(const ParsedOptions& options, const Console& console) = nullptr;
};

}  // namespace rigsim::cli
