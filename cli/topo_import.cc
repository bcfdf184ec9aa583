#include "cli/topo_import.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "analysis/output_error.h"
#include "cli/build_info.h"
#include "cli/table.h"
#include "cli/text_file.h"
#include "configs/catalog.h"
#include "configs/input_file.h"
#include "configs/topology_import/topology_import.h"

namespace rigsim::cli {
namespace {

namespace fs = std::filesystem;
using configs::ImportedRig;
using configs::NoteKind;
using Json = nlohmann::ordered_json;

std::string_view title(NoteKind kind) {
  switch (kind) {
    case NoteKind::kWarning:
      return "warning";
    case NoteKind::kAssumed:
      return "assumed";
    case NoteKind::kUnknown:
      return "not in the files";
  }
  return "";
}

ImportedRig import(const ParsedOptions& options, std::span<const std::string> names) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  std::vector<configs::ImportFile> files;
  for (const std::string& name : names)
    files.push_back({name, configs::read_whole_file(name, configs::kMostImportBytes)});
  const auto output = options.text("output");
  const std::string usual = output ? fs::path(*output).stem().string() : "imported";
  configs::ImportOptions import_options;
  import_options.rig_name = options.text("name").value_or(usual.empty() ? "imported" : usual);
  import_options.device = options.text("device");
  return configs::import_topology(files, import_options, catalog);
}

std::string devices_text(const topology::Rig& rig) {
  std::string text;
  for (std::size_t i = 0; i < rig.devices.size();) {
    std::size_t end = i;
    while (end < rig.devices.size() && rig.devices[end].device.name == rig.devices[i].device.name)
      ++end;
    text += fmt::format("{}{}x {}", text.empty() ? "" : ", ", end - i, rig.devices[i].device.name);
    i = end;
  }
  return text;
}

std::string summary(const ImportedRig& imported, const std::string& output) {
  const topology::Rig& rig = imported.rig;
  std::string text = wrapped(fmt::format("{}: {}; {} nodes, {} cables, {} pairs with peer access.",
                                         output, devices_text(rig), rig.nodes.size(),
                                         rig.cables.size(), rig.peer_access.size()));
  for (const configs::ImportNote& note : imported.notes)
    text += wrapped(fmt::format("{}: {}", title(note.kind), note.text), "  ");
  return text;
}

Json document(const ImportedRig& imported, const std::string& yaml) {
  Json json = {{"version", build_info().version}, {"commit", build_info().commit}};
  json["name"] = imported.rig.name;
  json["sources"] = imported.sources;
  json["devices"] = Json::array();
  for (const auto& installed : imported.rig.devices)
    json["devices"].push_back({{"name", installed.name}, {"device", installed.device.name}});
  json["notes"] = Json::array();
  for (const configs::ImportNote& note : imported.notes)
    json["notes"].push_back({{"kind", title(note.kind)}, {"text", note.text}});
  json["rig_yaml"] = yaml;
  return json;
}

}  // namespace

std::vector<OptionSpec> topo_import_options() {
  return {{"output", "FILE", "the rig's YAML (default: standard output)", false, 'o'},
          {"device", "DEVICE", "which GPU it is, where the files do not say"},
          {"name", "NAME", "what to call the rig (default: as the output file)"}};
}

Answer topo_import(const ParsedOptions& options, std::span<const std::string> files) {
  if (files.empty())
    throw configs::ConfigError({},
                               "topo import: a file is needed; \"rigsim topo --help\" says which");
  const ImportedRig imported = import(options, files);
  const std::string yaml = configs::to_yaml(imported);
  const auto output = options.text("output");
  if (output) write_text_file(*output, yaml);
  if (options.has("json")) return {.text = document(imported, yaml).dump(2) + '\n'};
  return {.text = output ? summary(imported, *output) : yaml};
}

}  // namespace rigsim::cli
