#include "configs/topology_import/hwloc_objects.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace rigsim::configs {
namespace {

/// `pci_type`: "0302 [10de:1db8] [10de:131d] a1 00".
struct PciType {
  std::uint32_t kind = 0;
  std::uint32_t vendor = 0;
  std::uint32_t device = 0;
};

std::uint32_t hexadecimal(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

PciType pci_type(const XmlElement& pci) {
  const std::string_view text = pci.attribute("pci_type");
  const std::size_t open = text.find('[');
  if (open == std::string_view::npos || text.size() < open + 10) return {};
  return {hexadecimal(text.substr(0, 4)), hexadecimal(text.substr(open + 1, 4)),
          hexadecimal(text.substr(open + 6, 4))};
}

bool has_driver(const XmlElement& pci) {
  constexpr std::array<std::string_view, 5> kNames = {"nvml", "cuda", "rsmi", "opencl", "ze"};
  return std::any_of(pci.children.begin(), pci.children.end(), [&](const XmlElement& child) {
    const std::string_view name = child.attribute("name");
    return is_object(child, "OSDev") &&
           std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view start) { return name.starts_with(start); });
  });
}

/// "NVIDIA Corporation GA102 [GeForce RTX 3090]" by what stands in brackets.
std::string bracketed(std::string_view text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']', std::min(open, text.size()));
  if (open == std::string_view::npos || close == std::string_view::npos) return {};
  return std::string(text.substr(open + 1, close - open - 1).substr(0, 100));
}

std::optional<sim::Bytes> memory_of(const XmlElement& os_device) {
  std::int64_t kilobytes = 0;
  const std::string_view text = hwloc_info(os_device, "CUDAGlobalMemorySize");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), kilobytes);
  const bool good = error == std::errc() && kilobytes > 0 && kilobytes < (std::int64_t{1} << 40);
  return good ? std::optional(sim::Bytes(kilobytes << 10)) : std::nullopt;
}

}  // namespace

bool is_object(const XmlElement& element, std::string_view type) {
  return element.name == "object" && element.attribute("type") == type;
}

std::string_view hwloc_info(const XmlElement& object, std::string_view name) {
  for (const XmlElement& child : object.children)
    if (child.name == "info" && child.attribute("name") == name) return child.attribute("value");
  return {};
}

bool is_hwloc_gpu(const XmlElement& pci) {
  if (!is_object(pci, "PCIDev")) return false;
  const PciType type = pci_type(pci);
  const bool display = type.kind >> 8 == 0x03;
  if (type.vendor == 0x10de) return display;
  if (type.vendor == 0x1002)
    return type.kind == 0x0380 || type.kind == 0x1200 || (display && has_driver(pci));
  return type.vendor == 0x8086 && display && has_driver(pci);
}

bool is_hwloc_nic(const XmlElement& pci) {
  if (!is_object(pci, "PCIDev")) return false;
  const std::uint32_t kind = pci_type(pci).kind;
  if (kind == 0x0207) return true;
  if (kind >> 8 != 0x02) return false;
  constexpr std::array<std::string_view, 6> kNames = {"mlx", "bnxt_re", "hfi",
                                                      "efa", "rdmap",   "irdma"};
  return std::any_of(pci.children.begin(), pci.children.end(), [&](const XmlElement& child) {
    const std::string_view name = child.attribute("name");
    return std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view start) { return name.starts_with(start); });
  });
}

bool is_nvswitch(const XmlElement& pci) {
  if (!is_object(pci, "PCIDev")) return false;
  const PciType type = pci_type(pci);
  return pci.attribute("subtype") == "NVSwitch" || (type.vendor == 0x10de && type.kind == 0x0680);
}

GpuFacts hwloc_gpu(const XmlElement& pci) {
  GpuFacts facts;
  const PciType type = pci_type(pci);
  facts.line = pci.line;
  facts.bus_id = bus_address(pci.attribute("pci_busid"));
  facts.pci_vendor = type.vendor;
  facts.pci_device = type.device;
  for (const XmlElement& child : pci.children) {
    if (!is_object(child, "OSDev")) continue;
    const std::string_view model = hwloc_info(child, "GPUModel");
    if (facts.product.empty()) facts.product = std::string(model.substr(0, 100));
    if (!facts.memory) facts.memory = memory_of(child);
  }
  if (facts.product.empty()) facts.product = bracketed(hwloc_info(pci, "PCIDevice"));
  return facts;
}

std::string hwloc_nic_name(const XmlElement& pci) {
  std::string name;
  for (const XmlElement& child : pci.children) {
    if (!is_object(child, "OSDev")) continue;
    const std::string_view found = child.attribute("name").substr(0, 40);
    if (name.empty() || found.starts_with("mlx")) name = std::string(found);
  }
  return name;
}

PcieFacts hwloc_link(const XmlElement& object) {
  const std::string_view text = object.attribute("pci_link_speed");
  double speed = 0;
  std::from_chars(text.data(), text.data() + text.size(), speed);
  // GB/s of a lane: 8, 16, 32 GT/s at 128 of 130 bits (PCIe 3 to 5); 64 GT/s in flits (6).
  constexpr std::array<double, 4> kLane = {8.0 / 8 * 128 / 130, 16.0 / 8 * 128 / 130,
                                           32.0 / 8 * 128 / 130, 64.0 / 8 * 242 / 256};
  for (const int lanes : {16, 8, 4, 2, 1})
    for (std::size_t i = 0; i < kLane.size(); ++i) {
      const double ratio = speed / (kLane[i] * lanes);
      if (ratio > 0.97 && ratio < 1.03) return {static_cast<int>(i) + 3, lanes};
    }
  return {};
}

}  // namespace rigsim::configs
