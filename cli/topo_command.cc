#include "cli/topo_command.h"

#include <fmt/format.h>

#include "cli/topo_import.h"
#include "configs/config_error.h"

namespace rigsim::cli {
namespace {

Answer run(const ParsedOptions& options, const Console&) {
  const std::vector<std::string>& words = options.arguments();
  if (words.empty() || words.front() != "import")
    throw configs::ConfigError(
        {}, fmt::format("topo: expected \"import FILE...\", got {}",
                        words.empty() ? "nothing" : configs::in_quotes(words.front())));
  return topo_import(options, std::span(words).subspan(1));
}

}  // namespace

Command topo_command() {
  Command command{
      .name = "topo",
      .summary = "the wiring of machines: a rig from what nvidia-smi and others print",
      .usage = "import FILE... [-o RIG.yaml] [OPTIONS]",
      .about =
          "import makes a rig of the files of one machine, recognised by what is in them: "
          "nvidia-smi "
          "topo -m, topo -p2p r, --query-gpu=... --format=csv and -q (one file each, or pasted one "
          "after another), an NCCL topology XML (NCCL_TOPO_DUMP_FILE; also RCCL's), rocm-smi "
          "--showtopo, an hwloc XML (lstopo --of xml). One of them tells the wiring, the others "
          "which cards they are. The YAML works with --rig; its comments say what was assumed and "
          "what the files could not tell. Exit code 3: a file is cut short or something else; 2: "
          "files contradict each other, or nothing says which GPUs they are.",
      .examples =
          "  rigsim topo import topo.txt gpus.csv -o my-rig.yaml\n"
          "  rigsim topo import topo.txt --device rtx-3090 -o my-rig.yaml\n"
          "  rigsim topo import nccl_topo.xml | less",
      .options = topo_import_options(),
      .arguments = {"import", "FILE..."},
      .run = run};
  command.options.push_back({"catalog", "DIR", "more *.yaml of devices, rigs and models"});
  command.options.push_back({"json", "", "one JSON document instead of text"});
  return command;
}

}  // namespace rigsim::cli
