#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/topology_import/import_text.h"
#include "sim/units.h"

namespace rigsim::configs {

/// What input files say of one GPU. Everything may be unknown: empty or none.
struct GpuFacts {
  std::optional<int> index;                 ///< as its tool counts
  std::string product;                      ///< "NVIDIA GeForce RTX 3090"
  std::string bus_id;                       ///< "0000:06:00.0"
  std::optional<std::uint32_t> pci_vendor;  ///< 0x10de
  std::optional<std::uint32_t> pci_device;  ///< 0x2204
  std::optional<sim::Bytes> memory;         ///< as the driver reports
  std::optional<int> pcie_generation;       ///< the most its slot and itself can do
  std::optional<int> pcie_lanes;            ///< in use
  std::optional<int> compute_capability;    ///< NVIDIA: 86 is 8.6
  std::optional<int> units;                 ///< AMD: compute units
  std::string gfx;                          ///< AMD: "gfx942"
  std::optional<sim::Watts> power_limit;    ///< in force
  bool unified_memory = false;              ///< shares the host's memory
  int line = 0;                             ///< where it stands in its file
};

/// A list of GPUs from one place of one file.
struct GpuList {
  std::string file;
  int line = 0;
  std::string what;  ///< "the CSV of --query-gpu"
  std::vector<GpuFacts> gpus;
};

/// "00000000:06:00.0", "06:00.0" and "0000:06:00.0" as "0000:06:00.0"; empty: not an address.
[[nodiscard]] std::string bus_address(std::string_view text);

/// Adds to `facts` what `more` says of the same GPU. Throws ConfigError at `file` where both name
/// another product, or memory sizes more than a tenth apart.
void add_facts(GpuFacts& facts, const GpuFacts& more, const std::string& file);

/// Adds the GPUs of `list` to `gpus`: by bus address where both have all of them, else by index,
/// else in order. Throws ConfigError where they are not the same GPUs.
void add_list(std::vector<GpuFacts>& gpus, const GpuList& list);

}  // namespace rigsim::configs
