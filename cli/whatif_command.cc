#include "cli/whatif_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <variant>

#include "analysis/json_what_if.h"
#include "analysis/what_if.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/scenario_options.h"
#include "cli/table.h"
#include "configs/change_text.h"

namespace rigsim::cli {
namespace {

using analysis::PhaseEffect;
using analysis::WhatIf;

/// A slot wider than the card changes nothing. Throws std::invalid_argument.
void check_lanes(const workloads::MachineChange& change, const topology::Rig& rig,
                 const configs::Catalog& catalog) {
  const auto* pcie = std::get_if<workloads::PcieChange>(&change.change);
  if (pcie == nullptr || !pcie->lanes) return;
  for (const topology::InstalledDevice& installed : rig.devices) {
    const auto* entry = catalog.find_device(installed.device.name);
    if (entry == nullptr || entry->value.pcie_gen == 0 || *pcie->lanes <= entry->value.pcie_lanes)
      continue;
    throw std::invalid_argument(fmt::format("{}: {} has {} PCIe lanes", change.text,
                                            entry->value.name, entry->value.pcie_lanes));
  }
}

std::vector<workloads::MachineChange> changes_of(const ParsedOptions& options,
                                                 const topology::Rig& rig,
                                                 const configs::Catalog& catalog) {
  if (!options.has("change")) return configs::usual_changes();
  std::vector<workloads::MachineChange> changes;
  for (const std::string& text : options.texts("change"))
    options.checked("change", [&] {
      changes.push_back(configs::parse_change(text));
      check_lanes(changes.back(), rig, catalog);
    });
  return changes;
}

std::string rate(const std::optional<analysis::Figure>& figure) {
  return figure ? fmt::format("{:.4g}", figure->value) : "-";
}

std::string percent(double fraction) { return fmt::format("{:+.1f} %", 100 * fraction); }

std::string gain(const std::optional<PhaseEffect>& effect) {
  if (!effect) return "-";
  return fmt::format("{} ({} to {})", percent(effect->gain.value), percent(effect->gain.low),
                     percent(effect->gain.high));
}

std::optional<analysis::Figure> rate_of(const std::optional<PhaseEffect>& effect) {
  return effect ? std::optional(effect->tokens_per_s) : std::nullopt;
}

std::string changes_text(const WhatIf& answer, const Console& console) {
  Table table{{{"change"},
               {"decode, tokens/s", Align::kRight},
               {"gain (90 % band)", Align::kRight},
               {"prefill, tokens/s", Align::kRight},
               {"gain (90 % band)", Align::kRight}},
              {}};
  const analysis::Performance& base = *answer.base.performance;
  table.rows.push_back(
      {"as it is", rate(base.decode_tokens_per_s), "", rate(base.prefill_tokens_per_s), ""});
  std::string refused;
  for (const analysis::ChangeResult& change : answer.changes) {
    if (!change.refused.empty()) {
      refused += fmt::format("{}: {}\n", change.text, change.refused);
      continue;
    }
    table.rows.push_back({fmt::format("{} ({})", change.title, change.text),
                          rate(rate_of(change.decode)), gain(change.decode),
                          rate(rate_of(change.prefill)), gain(change.prefill)});
  }
  return to_text(table, console) + (refused.empty() ? "" : "\nNothing to change:\n" + refused);
}

std::string number(double value) { return fmt::format("{:.3f}", value); }

std::vector<std::string> cells(const std::optional<analysis::Elasticity>& elasticity) {
  if (!elasticity) return {"-", "-"};
  return {elasticity->path ? number(*elasticity->path) : "", number(elasticity->rerun)};
}

std::string sensitivity_text(const WhatIf& answer, const Console& console) {
  Table table{{{"% gained per 1 % of"},
               {"decode: path", Align::kRight},
               {"re-run", Align::kRight},
               {"prefill: path", Align::kRight},
               {"re-run", Align::kRight}},
              {}};
  for (const analysis::Sensitivity& row : answer.sensitivities) {
    std::vector<std::string> line{std::string(row.resource)};
    for (const auto& phase : {row.decode, row.prefill})
      for (std::string& cell : cells(phase)) line.push_back(std::move(cell));
    table.rows.push_back(std::move(line));
  }
  return to_text(table, console);
}

std::string text_of(const WhatIf& answer, const Console& console) {
  if (!answer.base.fits)
    return fmt::format("{}: the model does not fit; rigsim fit says what would.\n",
                       answer.base.name);
  return fmt::format("{}: what if\n\n{}\n{}\n{}", answer.base.name, changes_text(answer, console),
                     sensitivity_text(answer, console),
                     wrapped("path: the resource's share of what the run waited for; re-run: the "
                             "run again with 1 % more of it. They differ where a kernel is close "
                             "to two roofs, or where the path moves elsewhere."));
}

Answer run(const ParsedOptions& options, const Console& console) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  std::optional<configs::Scenario> file;
  if (!options.arguments().empty())
    file = configs::read_scenario_file(options.arguments().front(), catalog);
  topology::Rig rig = options.has("rig") || !file ? read_rigs(options, catalog).front() : file->rig;
  const ScenarioOptions given = read_scenario_options(options, catalog, file ? &*file : nullptr);
  const auto changes = changes_of(options, rig, catalog);
  Progress progress(console);
  const WhatIf answer =
      analysis::what_if(on_rig(options, given, std::move(rig)), given.engine.profile, changes,
                        [&](std::string_view what) { progress.show(what); });
  const ExitCode code = answer.base.fits ? ExitCode::kDone : ExitCode::kDoesNotFit;
  if (!options.has("json")) return {text_of(answer, console), code};
  return {analysis::to_json(answer, {build_info().version, build_info().commit}).dump(2) + '\n',
          code};
}

}  // namespace

Command whatif_command() {
  Command command{
      .name = "whatif",
      .summary = "the same run with one thing changed, and what each resource is worth",
      .usage = "[SCENARIO.yaml] --rig RIG --model MODEL --weights FORMAT [--change CHANGE ...]",
      .about =
          "Runs the scenario as it is and once with each change of the machine, and prints what "
          "each gives. Changes: nvlink (bridges on pairs), p2p=on|off, pcie=1..6, "
          "lanes=1|2|4|8|16, and a factor of a resource such as compute=x2 or link=inf: compute, "
          "memory, launch, host, link, link-bandwidth, link-latency. Below stands, largest "
          "first, how many percent of speed one percent of each resource gives: by the critical "
          "path, and by running again. Exit code 4: it does not fit.",
      .examples =
          "  rigsim whatif --rig 2x4090 --model llama-3-70b --weights q4_k_m\n"
          "  rigsim whatif --rig 2x3090 --model llama-3-8b --weights f16 --change nvlink "
          "--change lanes=4",
      .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file"},
                  {"change", "CHANGE", "one thing to change; repeat it (default: the usual ones)",
                   true}},
      .arguments = {"SCENARIO.yaml"},
      .run = run};
  for (const OptionSpec& option : scenario_options()) command.options.push_back(option);
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
