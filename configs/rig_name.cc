#include "configs/rig_name.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "configs/catalog.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"
#include "topology/rig_builder.h"

namespace rigsim::configs {
namespace {

using topology::LinkChoice;

constexpr int kMostDevices = 1024;
constexpr double kMostOverTdp = 1.5;  ///< the highest limits that boards with raised ones accept

struct Parsed {
  int count = 1;
  const topology::Device* device = nullptr;
  LinkChoice link = LinkChoice::kDefault;
};

constexpr std::array<std::pair<std::string_view, LinkChoice>, 3> kLinks = {
    {{"nvlink", LinkChoice::kNvlink},
     {"nvlinkbridge", LinkChoice::kNvlink},
     {"pcie", LinkChoice::kPcie}}};

/// `device[-link]`, normalised. A device whose own name ends like a link comes first.
std::optional<Parsed> device_and_link(std::string_view text, const Catalog& catalog) {
  if (const auto* entry = catalog.find_device(text)) {
    return Parsed{1, &entry->value, LinkChoice::kDefault};
  }
  for (const auto& [ending, link] : kLinks) {
    if (!text.ends_with(ending)) continue;
    const auto* entry = catalog.find_device(text.substr(0, text.size() - ending.size()));
    if (entry != nullptr) return Parsed{1, &entry->value, link};
  }
  return std::nullopt;
}

struct Counted {
  std::string_view digits;
  std::string_view rest;
};

/// Splits "8xh100sxm" after the x; none: no count stands there.
std::optional<Counted> counted(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789");
  if (end == 0 || end == std::string_view::npos || text[end] != 'x') return std::nullopt;
  return Counted{text.substr(0, end), text.substr(end + 1)};
}

int device_count(std::string_view digits, std::string_view name) {
  int count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc() || count < 1 || count > kMostDevices) {
    throw std::invalid_argument(
        fmt::format("rig {}: the number of devices must be from 1 to {}, got {}", in_quotes(name),
                    kMostDevices, in_quotes(digits)));
  }
  return count;
}

Parsed parse(std::string_view name, const Catalog& catalog) {
  const std::string text = normalised(name);
  if (auto whole = device_and_link(text, catalog)) return *whole;
  const auto parts = counted(text);
  if (parts) {
    auto found = device_and_link(parts->rest, catalog);
    if (!found) {
      throw std::invalid_argument(
          fmt::format("rig {}: {}", in_quotes(name), catalog.unknown_device(parts->rest)));
    }
    found->count = device_count(parts->digits, name);
    return *found;
  }
  throw std::invalid_argument(
      fmt::format("rig {}: {}; a rig is [N x]device[-nvlink|-pcie][@WATTS], such as 2x4090 or "
                  "4x3090-nvlink@230W",
                  in_quotes(name), catalog.unknown_device(name)));
}

topology::Rig build(const Parsed& parsed, std::string_view name, const Catalog& catalog) {
  topology::RigRequest request;
  request.name = std::string(name);
  request.devices.resize(static_cast<std::size_t>(parsed.count));
  for (topology::InstalledDevice& installed : request.devices) installed.device = *parsed.device;
  request.link = parsed.link;
  request.host = catalog.default_host(request.devices);
  return topology::build_rig(request);
}

}  // namespace

void check_power_limit(const topology::Device& device, sim::Watts limit) {
  const sim::Watts most = device.tdp * kMostOverTdp;
  if (limit <= most) return;
  throw std::invalid_argument(fmt::format("a power limit of {} is above 1.5 times the {} of {}",
                                          to_text(limit), to_text(device.tdp), device.name));
}

topology::Rig named_rig(std::string_view name, const Catalog& catalog) {
  const std::size_t at = name.find('@');
  const std::string_view machine = name.substr(0, at);
  std::optional<sim::Watts> limit;
  if (at != std::string_view::npos) limit = parse_quantity<sim::Watts>(name.substr(at + 1));
  const Entry<topology::Rig>* ready = catalog.find_rig(machine);
  topology::Rig rig =
      ready != nullptr ? ready->value : build(parse(machine, catalog), machine, catalog);
  rig.name = std::string(name);
  for (topology::InstalledDevice& installed : rig.devices) {
    if (!limit) continue;
    check_power_limit(installed.device, *limit);
    installed.power_limit = limit;
  }
  return rig;
}

}  // namespace rigsim::configs
