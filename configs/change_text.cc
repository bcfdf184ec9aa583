#include "configs/change_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>

#include "configs/config_error.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"

namespace rigsim::configs {
namespace {

using workloads::MachineChange;
using workloads::ResourceScale;

constexpr double kInfinite = 1e6;

/// A resource and the factors of a ResourceScale that it means.
struct Resource {
  std::string_view name;
  std::string_view title;
  double ResourceScale::* first;
  double ResourceScale::* second = nullptr;
};

constexpr std::array<Resource, 7> kResources = {{
    {"compute", "compute", &ResourceScale::compute},
    {"memory", "memory bandwidth", &ResourceScale::memory},
    {"launch", "kernel launches", &ResourceScale::launch},
    {"host", "host", &ResourceScale::host},
    {"link", "links", &ResourceScale::link_bandwidth, &ResourceScale::link_latency},
    {"link-bandwidth", "link bandwidth", &ResourceScale::link_bandwidth},
    {"link-latency", "link latency", &ResourceScale::link_latency},
}};

std::string allowed_names() {
  std::string names = "nvlink, p2p=on|off, pcie=1..6, lanes=1|2|4|8|16";
  for (const Resource& resource : kResources) names += fmt::format(", {}=xF", resource.name);
  return names;
}

[[noreturn]] void refuse_value(std::string_view name, std::string_view value,
                               std::string_view allowed) {
  throw std::invalid_argument(
      fmt::format("{} must be {}, got {}", name, allowed, in_quotes(std::string(value))));
}

/// "x2", "2x", "2", "inf".
double factor(std::string_view name, std::string_view value) {
  constexpr std::string_view kAllowed = "a factor > 0 such as x2 or x0.5, or inf";
  if (value == "inf") return kInfinite;
  std::string_view number = value;
  if (number.starts_with('x')) {
    number.remove_prefix(1);
  } else if (number.ends_with('x')) {
    number.remove_suffix(1);
  }
  double result = 0;
  const auto read = std::from_chars(number.data(), number.data() + number.size(), result,
                                    std::chars_format::fixed);
  const bool whole = read.ec == std::errc{} && read.ptr == number.data() + number.size();
  if (!whole || !std::isfinite(result) || result < 1 / kInfinite || result > kInfinite)
    refuse_value(name, value, kAllowed);
  return result;
}

MachineChange scaled(const Resource& resource, std::string_view text, std::string_view value) {
  ResourceScale scale;
  const double by = factor(resource.name, value);
  scale.*resource.first = by;
  if (resource.second != nullptr) scale.*resource.second = by;
  const std::string how = value == "inf" ? "infinitely fast" : fmt::format("x{:.6g}", by);
  return {std::string(text), fmt::format("{} {}", resource.title, how), scale};
}

int whole(std::string_view name, std::string_view value, std::string_view allowed) {
  try {
    const std::int64_t count = parse_count(std::string(value));
    if (count >= 1 && count <= 16) return static_cast<int>(count);
  } catch (const std::invalid_argument&) {
  }
  refuse_value(name, value, allowed);
}

MachineChange peer_access(std::string_view text, std::string_view value) {
  if (value != "on" && value != "off") refuse_value("p2p", value, "on or off");
  const bool on = value == "on";
  return {std::string(text), on ? "P2P over PCIe on" : "P2P over PCIe off",
          workloads::PciePeerAccess{on}};
}

MachineChange pcie(std::string_view text, std::string_view value) {
  const int generation = whole("pcie", value, "a generation, 1 to 6");
  if (generation > 6) refuse_value("pcie", value, "a generation, 1 to 6");
  return {std::string(text), fmt::format("PCIe {}", generation),
          workloads::PcieChange{generation, {}}};
}

MachineChange lanes(std::string_view text, std::string_view value) {
  constexpr std::string_view kAllowed = "1, 2, 4, 8 or 16";
  const int count = whole("lanes", value, kAllowed);
  if ((count & (count - 1)) != 0) refuse_value("lanes", value, kAllowed);
  return {std::string(text), fmt::format("slots of x{}", count), workloads::PcieChange{{}, count}};
}

[[noreturn]] void refuse_name(std::string_view name) {
  std::vector<std::string> known{"nvlink", "p2p", "pcie", "lanes"};
  for (const Resource& resource : kResources) known.emplace_back(resource.name);
  throw std::invalid_argument(fmt::format("unknown change {}{} allowed: {}",
                                          in_quotes(std::string(name)),
                                          did_you_mean(std::string(name), known), allowed_names()));
}

}  // namespace

MachineChange parse_change(std::string_view text) {
  const std::size_t mark = text.find('=');
  const std::string_view name = text.substr(0, mark);
  const std::string_view value =
      mark == std::string_view::npos ? std::string_view{} : text.substr(mark + 1);
  if (name == "nvlink") {
    if (mark != std::string_view::npos) refuse_value("nvlink", value, "said without a value");
    return {"nvlink", "NVLink bridges", workloads::NvlinkBridges{}};
  }
  if (name == "p2p") return peer_access(text, value);
  if (name == "pcie") return pcie(text, value);
  if (name == "lanes") return lanes(text, value);
  const auto found = std::find_if(kResources.begin(), kResources.end(),
                                  [&](const Resource& r) { return r.name == name; });
  if (found == kResources.end()) refuse_name(name);
  return scaled(*found, text, value);
}

std::vector<MachineChange> usual_changes() {
  std::vector<MachineChange> changes;
  for (const char* text :
       {"nvlink", "p2p=on", "pcie=5", "lanes=8", "link=inf", "link=x2", "memory=x2", "compute=x2"})
    changes.push_back(parse_change(text));
  return changes;
}

}  // namespace rigsim::configs
