#include "cli/application.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/build_info.h"
#include "cli/calibrate_command.h"
#include "cli/capacity_command.h"
#include "cli/catalog_command.h"
#include "cli/collective_command.h"
#include "cli/command_options.h"
#include "cli/compare_command.h"
#include "cli/crossover_command.h"
#include "cli/export_command.h"
#include "cli/fit_command.h"
#include "cli/pipeline_command.h"
#include "cli/replay_command.h"
#include "cli/run_command.h"
#include "cli/serve_command.h"
#include "cli/sweep_command.h"
#include "cli/topo_command.h"
#include "cli/traffic_command.h"
#include "cli/validate_command.h"
#include "cli/whatif_command.h"
#include "configs/config_error.h"
#include "configs/nearest_name.h"

namespace rigsim::cli {
namespace {

std::vector<Command> commands() {
  // clang-format off: one a line
  return {
      compare_command(),
      run_command(),
      serve_command(),
      whatif_command(),
      crossover_command(),
      capacity_command(),
      sweep_command(),
      fit_command(),
      replay_command(),
      export_command(),
      topo_command(),
      pipeline_command(),
      traffic_command(),
      catalog_command(),
      validate_command(),
      calibrate_command(),
      collective_command(),
  };
  // clang-format on
}

std::string overview(const std::vector<Command>& all) {
  std::string text =
      "rigsim: how will this model run on that rig, and why?\n\n"
      "Usage: rigsim COMMAND [OPTIONS]\n"
      "       rigsim COMMAND --help     options and examples of a command\n"
      "       rigsim --version          version and git commit\n\nCommands:\n";
  for (const Command& command : all) {
    text += fmt::format("  {:<10} {}\n", command.name, command.summary);
  }
  text +=
      "\nExample:\n"
      "  rigsim compare --rig 2x4090 --rig a6000 --model llama-3-70b --weights q4_k_m\n\n"
      "Exit codes: 0 done, 1 a defect of rigsim, 2 usage or configuration, 3 unreadable input,\n"
      "            4 it does not fit, 5 points of a sweep failed, 6 output cannot be written,\n"
      "            130 and 143 interrupted\n";
  return text;
}

[[noreturn]] void fail_unknown(const std::string& word, const std::vector<Command>& all) {
  std::vector<std::string> names;
  for (const Command& command : all) names.emplace_back(command.name);
  const std::string hint = configs::did_you_mean(word, names);
  throw configs::ConfigError({}, fmt::format("unknown {} {}{} \"rigsim --help\" lists all",
                                             word.starts_with('-') ? "option" : "command",
                                             configs::in_quotes(word), hint.empty() ? ";" : hint));
}

Answer run(const Command& command, std::span<const std::string> words, const Console& console) {
  const auto asks = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (std::any_of(words.begin(), words.end(), asks)) {
    return {.text = help_text(command)};
  }
  return command.run(ParsedOptions(command, words), console);
}

}  // namespace

Answer answer(std::span<const std::string> words, const Console& console) {
  const std::vector<Command> all = commands();
  if (words.empty()) {
    throw configs::ConfigError({}, "a command is needed; \"rigsim --help\" lists all");
  }
  const std::string& first = words.front();
  if (first == "--help" || first == "-h" || first == "help") return {.text = overview(all)};
  if (first == "--version") {
    return {.text = fmt::format("rigsim {} ({})\n", build_info().version, build_info().commit)};
  }
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Command& c) { return c.name == first; });
  if (found == all.end()) fail_unknown(first, all);
  return run(*found, words.subspan(1), console);
}

}  // namespace rigsim::cli
