#include "configs/topology_import/device_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "configs/catalog.h"
#include "configs/csv_table.h"
#include "configs/embedded_files.h"
#include "configs/nearest_name.h"

namespace rigsim::configs {
namespace {

using topology::Device;
using topology::DeviceKind;

constexpr double kMemoryTolerance = 0.12;  ///< ECC and the driver keep some, marketing rounds

std::string_view vendor_name(std::uint32_t id) {
  return id == 0x10de ? "NVIDIA" : id == 0x1002 ? "AMD" : id == 0x8086 ? "Intel" : "";
}

CsvTable table_named(std::string_view path) {
  for (const EmbeddedFile& file : embedded_files())
    if (file.path == path) return parse_csv(file.text, std::string(path));
  throw std::logic_error(fmt::format("{} is not built in", path));
}

/// What the list of PCI ids says: a product, its name in the catalogue or "", and where it has none
/// perhaps that of a relative.
struct PciEntry {
  std::string product;
  std::string device;
  std::string relative;
};

std::optional<PciEntry> pci_entry(const GpuFacts& facts) {
  if (!facts.pci_vendor || !facts.pci_device) return std::nullopt;
  const std::string vendor = fmt::format("{:04x}", *facts.pci_vendor);
  const std::string device = fmt::format("{:04x}", *facts.pci_device);
  for (const CsvRecord& record : table_named("catalog/topology/pci_ids.csv").records)
    if (record.fields[0] == vendor && record.fields[1] == device)
      return PciEntry{record.fields[2], record.fields[3], record.fields[4]};
  return std::nullopt;
}

/// By a product name as drivers print it, without what only says the form of the card.
const Device* by_product(const std::string& product, const Catalog& catalog) {
  if (product.empty()) return nullptr;
  std::string name = normalised(product);
  constexpr std::array<std::string_view, 8> kEndings = {"maxqworkstationedition",
                                                        "serveredition",
                                                        "workstationedition",
                                                        "generation",
                                                        "oam",
                                                        "vf",
                                                        "gpu",
                                                        "edition"};
  for (bool again = true; again;) {
    if (const auto* entry = catalog.find_device(name)) {
      const bool gpu = entry->value.kind == DeviceKind::kGpu;
      return gpu ? &entry->value : nullptr;
    }
    again = false;
    for (const std::string_view ending : kEndings) {
      if (!name.ends_with(ending) || name.size() == ending.size()) continue;
      name.erase(name.size() - ending.size());
      again = true;
      break;
    }
  }
  return nullptr;
}

/// Distance of two amounts of memory, the same for half and for double.
double memory_distance(const Device& device, sim::Bytes memory) {
  const double known = static_cast<double>(device.memory_reported.value_or(device.memory).count());
  return std::abs(std::log(static_cast<double>(memory.count()) / known));
}

sim::Bytes whole_gib(sim::Bytes reported) {
  constexpr double kGib = 1073741824.0;
  const double gib = std::ceil(static_cast<double>(reported.count()) / kGib - 0.05);
  return sim::Bytes(static_cast<std::int64_t>(std::max(gib, 1.0) * kGib));
}

std::string gib_text(sim::Bytes memory) { return fmt::format("{} GiB", memory.count() >> 30); }

/// A name for the catalogue: "Tesla V100-SXM3-32GB-H" is "tesla-v100-sxm3-32gb-h".
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool kept = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (kept) {
      out += lower;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "gpu" : out;
}

/// Memory as a product's name has it: "Tesla V100-SXM3-32GB-H".
std::optional<sim::Bytes> memory_in_name(std::string_view product) {
  const std::vector<std::string> words = split(slug(product), '-');
  for (const std::string& word : words) {
    if (!word.ends_with("gb")) continue;
    const int gib = small_number(std::string_view(word).substr(0, word.size() - 2), 4096);
    if (gib > 0) return sim::Bytes(std::int64_t{gib} << 30);
  }
  return std::nullopt;
}

void set_memory(Device& device, sim::Bytes reported) {
  device.memory = whole_gib(reported);
  device.memory_reported = reported;
}

/// A device of the catalogue, with the memory that the files state where it is another amount.
Device with_stated_memory(Device device, const GpuFacts& facts, ImportNotes& notes) {
  if (!facts.memory || memory_distance(device, *facts.memory) <= kMemoryTolerance) return device;
  const std::string before = device.name;
  set_memory(device, *facts.memory);
  device.name += fmt::format("-{}gb", device.memory.count() >> 30);
  device.title += fmt::format(" {}", gib_text(device.memory));
  notes.assume(
      fmt::format("{} has {} here: it is the catalogue's {} but for that; check its other "
                  "figures",
                  facts.product.empty() ? before : facts.product, gib_text(device.memory), before));
  return device;
}

/// The compute capability or gfx name that the catalogue gives for an entry, "8.6" as 86.
std::string generation_of(const Entry<Device>& entry) {
  for (const auto& [key, value] : entry.about.facts)
    if (key == "compute_capability") return normalised(value);
  return {};
}

std::string generation_of(const GpuFacts& facts) {
  if (facts.compute_capability) return fmt::to_string(*facts.compute_capability);
  return normalised(facts.gfx);
}

/// Words of a name that mark a model: "v100" of "Tesla V100-SXM3-32GB", "2070" of "RTX 2070".
std::vector<std::string> model_words(std::string_view name) {
  std::string text = slug(name);
  std::vector<std::string> words = split(text, '-');
  std::erase_if(words, [](const std::string& word) {
    const bool number = word.find_first_of("0123456789") != std::string::npos;
    return word.size() < 3 || !number || word.ends_with("gb") || word.starts_with("sxm");
  });
  return words;
}

bool share_a_word(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
}

/// The device of the catalogue that is most like an unknown one: of the same model, else of the
/// same generation, else by memory alone. Null: nothing to go by.
const Device* relative(const GpuFacts& facts, std::string_view vendor, const Catalog& catalog) {
  const std::string generation = generation_of(facts);
  const std::vector<std::string> words = model_words(facts.product);
  const Device* best = nullptr;
  double best_distance = 0;
  for (const Entry<Device>& entry : catalog.devices()) {
    if (entry.value.kind != DeviceKind::kGpu || entry.value.vendor != vendor) continue;
    const bool model = share_a_word(words, model_words(entry.value.name));
    const bool kin = !generation.empty() && generation_of(entry) == generation;
    if (!model && !kin && !facts.memory) continue;
    const double distance = (model ? 0.0
                             : kin ? 100.0
                                   : 200.0) +
                            (facts.memory ? memory_distance(entry.value, *facts.memory) : 0.0);
    if (best == nullptr || distance < best_distance) {
      best = &entry.value;
      best_distance = distance;
    }
  }
  return best;
}

std::string vendor_of(const GpuFacts& facts) {
  if (facts.pci_vendor) return std::string(vendor_name(*facts.pci_vendor));
  const std::string product = normalised(facts.product);
  const bool amd = product.find("amd") != std::string::npos ||
                   product.find("radeon") != std::string::npos ||
                   product.find("instinct") != std::string::npos || !facts.gfx.empty();
  const bool intel = product.starts_with("intel") || product.find("arc") == 0;
  return amd ? "AMD" : intel ? "Intel" : "NVIDIA";
}

std::string title_of(const GpuFacts& facts, std::string_view vendor) {
  if (!facts.product.empty()) return facts.product;
  std::string title = fmt::format("{} GPU", vendor);
  if (facts.compute_capability) title += fmt::format(" sm {}", *facts.compute_capability);
  if (!facts.gfx.empty()) title += " " + facts.gfx;
  if (facts.units) title += fmt::format(" {} units", *facts.units);
  if (facts.pci_device) title += fmt::format(" {:04x}", *facts.pci_device);
  return title;
}

/// Definition of a GPU that the catalogue does not have.
Device defined_after(const Device& kin, const std::string& title, const GpuFacts& facts,
                     ImportNotes& notes) {
  Device device = kin;
  device.title = title;
  device.name = slug(title);
  device.launch_year.reset();
  device.launch_price_usd.reset();
  device.street_price_low_usd.reset();
  device.street_price_high_usd.reset();
  std::string known = "its name";
  if (facts.memory) {
    set_memory(device, *facts.memory);
    known += ", its memory";
  }
  if (facts.units) {
    device.sm_count = *facts.units;
    known += ", its compute units";
  }
  notes.assume(
      fmt::format("{} is not in the catalogue: {} and its links are from the files, every "
                  "other figure is that of {}; correct its definition below by its "
                  "datasheet",
                  title, known, kin.name));
  return device;
}

Device wanted_device(const std::string& name, const GpuFacts& facts, const Catalog& catalog,
                     ImportNotes& notes) {
  const Device& device = catalog.device(name);
  if (device.kind == DeviceKind::kCpu)
    throw std::invalid_argument(fmt::format("{} is a CPU; a GPU is needed", device.name));
  const Device* said = by_product(facts.product, catalog);
  if (said != nullptr && said->name != device.name)
    notes.warn(fmt::format("the files call the GPU {}; --device {} overrules them", facts.product,
                           device.name));
  return device;
}

}  // namespace

Device match_device(const GpuFacts& facts, const std::optional<std::string>& wanted,
                    const Catalog& catalog, ImportNotes& notes) {
  if (wanted) return wanted_device(*wanted, facts, catalog, notes);
  if (const Device* device = by_product(facts.product, catalog))
    return with_stated_memory(*device, facts, notes);
  const std::optional<PciEntry> listed = pci_entry(facts);
  if (listed && !listed->device.empty())
    return with_stated_memory(catalog.device(listed->device), facts, notes);
  GpuFacts known = facts;
  if (known.product.empty() && listed) known.product = listed->product;
  if (!known.memory) known.memory = memory_in_name(known.product);
  const std::string vendor = vendor_of(known);
  const std::string title = title_of(known, vendor);
  const Device* kin = listed && !listed->relative.empty() ? &catalog.device(listed->relative)
                                                          : relative(known, vendor, catalog);
  if (kin == nullptr)
    throw std::invalid_argument(
        known.product.empty()
            ? std::string("the files do not say which GPU this is")
            : fmt::format("{} is not in the catalogue, and the files say too little to define it",
                          title));
  return defined_after(*kin, title, known, notes);
}

std::optional<std::string> gpu_of_machine(const std::string& machine) {
  if (machine.empty()) return std::nullopt;
  for (const CsvRecord& record : table_named("catalog/topology/machines.csv").records)
    if (normalised(record.fields[0]) == normalised(machine)) return record.fields[1];
  return std::nullopt;
}

}  // namespace rigsim::configs
