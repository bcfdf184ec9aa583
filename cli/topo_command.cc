#include "cli/topo_command.h"

#include <nlohmann/json.hpp>

#include "analysis/json_rig.h"
#include "analysis/rig_drawing.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/scenario_options.h"
#include "cli/text_file.h"
#include "cli/topo_import.h"
#include "cli/topo_listing.h"

namespace rigsim::cli {
namespace {

constexpr std::int64_t kUsualDevices = 16;
constexpr std::int64_t kMostDevices = 1024;

std::string json_text(const topology::Rig& rig, const analysis::RigView& view) {
  nlohmann::ordered_json document = {{"version", build_info().version},
                                     {"commit", build_info().commit}};
  document.update(analysis::to_json(rig, view));
  return document.dump(2) + '\n';
}

topology::Rig rig_of(const std::string& name, const configs::Catalog& catalog) try {
  return catalog.rig(name);
} catch (const configs::ConfigError&) {
  throw;
} catch (const std::invalid_argument& error) {
  throw configs::ConfigError({{}, 0, 0, "RIG"}, error.what());
}

Answer show(const ParsedOptions& options, const Console& console) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  if (options.arguments().empty())
    throw configs::ConfigError({}, "a rig is needed: rigsim topo RIG, such as 4x3090-nvlink");
  const topology::Rig rig = rig_of(options.arguments().front(), catalog);
  const auto most = options.count("devices", 1, kMostDevices).value_or(kUsualDevices);
  const auto view = analysis::view_of(rig, static_cast<std::size_t>(most));
  if (const auto file = options.text("dot")) write_text_file(*file, analysis::to_dot(rig, view));
  if (const auto file = options.text("svg")) write_text_file(*file, analysis::to_svg(rig, view));
  return {options.has("json") ? json_text(rig, view) : topo_text(rig, view, console),
          ExitCode::kDone};
}

Answer run(const ParsedOptions& options, const Console& console) {
  const std::vector<std::string>& words = options.arguments();
  if (!words.empty() && words.front() == "import")
    return topo_import(options, std::span(words).subspan(1));
  if (words.size() > 1)
    throw configs::ConfigError(
        {}, "topo: one RIG is shown at a time, got another word " + configs::in_quotes(words[1]));
  return show(options, console);
}

}  // namespace

Command topo_command() {
  Command command{
      .name = "topo",
      .summary = "how a machine is wired; a rig from what nvidia-smi and others print",
      .usage = "RIG [OPTIONS]  |  import FILE... [-o RIG.yaml] [OPTIONS]",
      .about =
          "Prints the tree of hosts, switches and devices with the rate of each link, the NVLink, "
          "socket and network links beside it, and for each pair of devices the path as "
          "nvidia-smi names it, and the bandwidth and latency of a copy. Rates are what copies "
          "achieve, not line rates.\n\n"
          "import makes a rig of the files of one machine, recognised by what is in them: "
          "nvidia-smi topo -m, topo -p2p r, --query-gpu=... --format=csv and -q (one file each, "
          "or pasted one after another), an NCCL topology XML (NCCL_TOPO_DUMP_FILE; also RCCL's), "
          "rocm-smi --showtopo, an hwloc XML (lstopo --of xml). One of them tells the wiring, the "
          "others which cards they are. The YAML works with --rig; its comments say what was "
          "assumed and what the files could not tell. Exit code 3: a file is cut short or "
          "something else; 2: files contradict each other, or nothing says which GPUs they are.",
      .examples =
          "  rigsim topo 4x3090-nvlink\n"
          "  rigsim topo my-rig.yaml --svg my-rig.svg\n"
          "  rigsim topo import topo.txt gpus.csv -o my-rig.yaml\n"
          "  rigsim topo import topo.txt --device rtx-3090 -o my-rig.yaml",
      .options = {{"devices", "N", "show at most so many devices (default 16)"},
                  {"dot", "FILE", "write a Graphviz graph"},
                  {"svg", "FILE", "write a picture"}},
      .arguments = {"RIG", "FILE..."},
      .run = run};
  for (const OptionSpec& option : topo_import_options()) command.options.push_back(option);
  command.options.push_back({"catalog", "DIR", "more *.yaml of devices, rigs and models"});
  command.options.push_back({"json", "", "one JSON document instead of text"});
  return command;
}

}  // namespace rigsim::cli
