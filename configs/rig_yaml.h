#pragma once

#include <filesystem>
#include <string>

#include "configs/yaml_reader.h"
#include "configs/yaml_writer.h"
#include "topology/rig.h"

namespace rigsim::configs {

class Catalog;

/// Reads a rig: `name`, `devices` (each a catalogue name or a definition, with `count`, `name`,
/// `power_limit`, and `lanes` of its slot), `host` (a name or a definition), and either `link`
/// (pcie, nvlink, default) with the keys of rig_plan.h, or the wiring itself: `nodes`, `cables`,
/// `peer_access`. A definition `{like: rtx-4090, memory: 48
/// GiB}` takes what it does not say from the catalogue. The caller calls finish(). Throws
/// ConfigError with the place: unknown names, a cable to nowhere or to itself, two alike, a cycle
/// of PCIe cables, a device that reaches no host, a link that a device does not have.
[[nodiscard]] topology::Rig read_rig(ObjectReader& entry, const Catalog& catalog);

/// Reads a host: `name`, `memory`, `memory_bandwidth`, `cores`, `cpu`, a device by name or
/// definition, for layers left in host memory, and `cpu_vendor` where that is not the CPU that
/// stands there ("Intel": NCCL then keeps two cards from each other). The caller calls finish().
/// Throws ConfigError.
[[nodiscard]] topology::Host read_host(ObjectReader& entry, const Catalog& catalog);

/// Reads a rig file; without a `name` it is called as the file. Throws as read_rig, and
/// UnreadableInput.
[[nodiscard]] topology::Rig read_rig_file(const std::filesystem::path& path,
                                          const Catalog& catalog);

/// Writes a rig with every device defined and every cable, so that read_rig gives the same rig
/// without the catalogue.
void write_rig(YamlWriter& out, const topology::Rig& rig);
[[nodiscard]] std::string to_yaml(const topology::Rig& rig);

}  // namespace rigsim::configs
