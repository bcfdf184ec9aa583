#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/input_file.h"
#include "configs/rig_yaml.h"
#include "configs/topology_import/topology_import.h"
#include "tests/configs/temporary_directory.h"
#include "topology/path_class.h"

namespace rigsim::configs::test {

inline const Catalog& catalog() {
  static const Catalog loaded = Catalog::load();
  return loaded;
}

/// The folder of recorded topologies, or none where this checkout has no shared data.
inline std::optional<std::filesystem::path> samples() {
  const char* shared = std::getenv("RIGSIM_SHARED");
  const std::filesystem::path root =
      shared != nullptr ? shared : std::filesystem::path(RIGSIM_SOURCE_DIR) / ".." / "shared";
  const std::filesystem::path folder = root / "data" / "topo_samples";
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

inline ImportFile sample(const std::string& name) {
  return {name, read_whole_file(*samples() / name, kMostImportBytes)};
}

inline ImportedRig import(const std::vector<ImportFile>& files,
                          const std::optional<std::string>& device = std::nullopt) {
  return import_topology(files, {"my-rig", device}, catalog());
}

inline ImportedRig import_text(const std::string& text,
                               const std::optional<std::string>& device = std::nullopt) {
  return import({{"topo.txt", text}}, device);
}

/// What is thrown: "3: message" for unreadable files, "2: message" for wrong ones.
inline std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const UnreadableInput& error) {
    return std::string("3: ") + error.what();
  } catch (const ConfigError& error) {
    return std::string("2: ") + error.what();
  } catch (const std::exception& error) {
    return std::string("1: ") + error.what();
  }
  return "accepted";
}

inline std::string refusal_of(const std::string& text) {
  return refusal([&] { (void)import_text(text, "rtx-3090"); });
}

/// How two nodes are joined, as `nvidia-smi topo -m` says it: "PIX", "NV4".
inline std::string path(const topology::Rig& rig, const std::string& from, const std::string& to) {
  std::optional<std::uint32_t> a;
  std::optional<std::uint32_t> b;
  for (std::uint32_t i = 0; i < rig.nodes.size(); ++i) {
    if (rig.nodes[i].name == from) a = i;
    if (rig.nodes[i].name == to) b = i;
  }
  if (!a || !b) return "no such node";
  return topology::to_string(topology::paths_from(rig, topology::NodeId{*a})[*b]);
}

/// The cable between two nodes of a type that begins with `type`; null: none.
inline const topology::Cable* cable(const topology::Rig& rig, const std::string& from,
                                    const std::string& to, const std::string& type) {
  const auto name = [&](topology::NodeId id) {
    return rig.nodes[static_cast<std::size_t>(id)].name;
  };
  for (const topology::Cable& each : rig.cables) {
    const bool ends = (name(each.a) == from && name(each.b) == to) ||
                      (name(each.a) == to && name(each.b) == from);
    if (ends && each.type.starts_with(type)) return &each;
  }
  return nullptr;
}

inline std::size_t count(const topology::Rig& rig, topology::NodeKind kind) {
  std::size_t found = 0;
  for (const topology::Node& node : rig.nodes) found += node.kind == kind ? 1 : 0;
  return found;
}

inline bool says(const ImportedRig& imported, NoteKind kind, const std::string& part) {
  for (const ImportNote& note : imported.notes)
    if (note.kind == kind && note.text.find(part) != std::string::npos) return true;
  return false;
}

/// The rig after its YAML was written and read again, as YAML.
inline std::string written_and_read(const ImportedRig& imported) {
  const TemporaryDirectory directory;
  return to_yaml(read_rig_file(directory.write("my-rig.yaml", to_yaml(imported)), catalog()));
}

}  // namespace rigsim::configs::test
