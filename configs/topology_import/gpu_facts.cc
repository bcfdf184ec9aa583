#include "configs/topology_import/gpu_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "configs/config_error.h"
#include "configs/nearest_name.h"

namespace rigsim::configs {
namespace {

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

template <class T>
void take(std::optional<T>& known, const std::optional<T>& more) {
  if (!known) known = more;
}

/// How the GPUs of two lists find each other.
enum class Key { kBusAddress, kIndex, kOrder };

template <class Has>
bool all(const std::vector<GpuFacts>& gpus, Has&& has) {
  return std::all_of(gpus.begin(), gpus.end(), has);
}

Key key_of(const std::vector<GpuFacts>& gpus, const std::vector<GpuFacts>& more) {
  const auto has_bus = [](const GpuFacts& g) { return !g.bus_id.empty(); };
  if (all(gpus, has_bus) && all(more, has_bus)) return Key::kBusAddress;
  const auto has_index = [](const GpuFacts& g) { return g.index.has_value(); };
  return all(gpus, has_index) && all(more, has_index) ? Key::kIndex : Key::kOrder;
}

}  // namespace

std::string bus_address(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::vector<std::string> parts = split(lower, ':');
  if (parts.size() == 2) parts.insert(parts.begin(), "0000");
  if (parts.size() != 3) return {};
  if (parts[0].size() == 8 && parts[0].starts_with("0000")) parts[0].erase(0, 4);
  const std::vector<std::string> slot = split(parts[2], '.');
  const bool good = is_hex(parts[0]) && parts[0].size() <= 8 && is_hex(parts[1]) &&
                    parts[1].size() == 2 && slot.size() == 2 && is_hex(slot[0]) &&
                    slot[0].size() == 2 && is_hex(slot[1]) && slot[1].size() == 1;
  return good ? fmt::format("{:0>4}:{}:{}", parts[0], parts[1], parts[2]) : std::string();
}

void add_facts(GpuFacts& facts, const GpuFacts& more, const std::string& file) {
  const auto fail = [&](const std::string& message) {
    throw ConfigError({file, more.line, 0, {}}, message);
  };
  const bool other_product = !facts.product.empty() && !more.product.empty() &&
                             normalised(facts.product) != normalised(more.product);
  if (other_product)
    fail(fmt::format("this GPU is called {} here and {} elsewhere; give files of one machine",
                     in_quotes(more.product), in_quotes(facts.product)));
  if (facts.memory && more.memory) {
    const double ratio =
        static_cast<double>(facts.memory->count()) / static_cast<double>(more.memory->count());
    if (ratio < 0.9 || ratio > 1.1)
      fail(
          fmt::format("this GPU has {} bytes of memory here and {} elsewhere; give files of one "
                      "machine",
                      more.memory->count(), facts.memory->count()));
  }
  if (facts.product.empty()) facts.product = more.product;
  if (facts.bus_id.empty()) facts.bus_id = more.bus_id;
  if (facts.gfx.empty()) facts.gfx = more.gfx;
  take(facts.index, more.index);
  take(facts.pci_vendor, more.pci_vendor);
  take(facts.pci_device, more.pci_device);
  take(facts.memory, more.memory);
  take(facts.pcie_generation, more.pcie_generation);
  take(facts.pcie_lanes, more.pcie_lanes);
  take(facts.compute_capability, more.compute_capability);
  take(facts.units, more.units);
  take(facts.power_limit, more.power_limit);
  facts.unified_memory = facts.unified_memory || more.unified_memory;
}

void add_list(std::vector<GpuFacts>& gpus, const GpuList& list) {
  if (gpus.empty()) {
    gpus = list.gpus;
    return;
  }
  const auto fail = [&](const std::string& message) {
    throw ConfigError({list.file, list.line, 0, {}}, message);
  };
  if (list.gpus.size() != gpus.size())
    fail(fmt::format("{} lists {} GPUs, the rest of the input {}; give files of one machine",
                     list.what, list.gpus.size(), gpus.size()));
  const Key key = key_of(gpus, list.gpus);
  for (std::size_t i = 0; i < list.gpus.size(); ++i) {
    const GpuFacts& more = list.gpus[i];
    const auto found = std::find_if(gpus.begin(), gpus.end(), [&](const GpuFacts& known) {
      if (key == Key::kOrder) return &known == &gpus[i];
      return key == Key::kIndex ? known.index == more.index : known.bus_id == more.bus_id;
    });
    if (found == gpus.end())
      fail(
          fmt::format("{} lists GPU {}, which the rest of the input does not have; give files of "
                      "one machine",
                      list.what, key == Key::kIndex ? fmt::to_string(*more.index) : more.bus_id));
    add_facts(*found, more, list.file);
  }
}

}  // namespace rigsim::configs
