#include "configs/rig_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "configs/catalog.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"
#include "topology/cluster.h"
#include "topology/rig_builder.h"
#include "topology/rig_change.h"

namespace rigsim::configs {
namespace {

using topology::LinkChoice;

constexpr double kMostOverTdp = 1.5;  ///< the highest limits that boards with raised ones accept

/// What a name says.
struct Parsed {
  int machines = 1;
  int count = 1;
  const topology::Device* device = nullptr;
  LinkChoice link = LinkChoice::kDefault;
  std::optional<bool> peer_access;
  std::optional<int> lanes;
};

/// One of the endings of a name, and what it says.
struct Ending {
  std::string_view text;
  std::optional<LinkChoice> link;
  std::optional<bool> peer_access;
  std::optional<int> lanes;
};

/// An ending that ends another comes after it.
constexpr std::array<Ending, 10> kEndings = {{{"nvlink", LinkChoice::kNvlink, {}, {}},
                                              {"nvlinkbridge", LinkChoice::kNvlink, {}, {}},
                                              {"pcie", LinkChoice::kPcie, {}, {}},
                                              {"nop2p", {}, false, {}},
                                              {"p2p", {}, true, {}},
                                              {"x16", {}, {}, 16},
                                              {"x8", {}, {}, 8},
                                              {"x4", {}, {}, 4},
                                              {"x2", {}, {}, 2},
                                              {"x1", {}, {}, 1}}};

/// Whether `parsed` has not said yet what `ending` says.
bool is_open(const Parsed& parsed, const Ending& ending) {
  return (!ending.link || parsed.link == LinkChoice::kDefault) &&
         (!ending.peer_access || !parsed.peer_access) && (!ending.lanes || !parsed.lanes);
}

/// `device[-ending]...`, normalised. A device whose own name ends like a link comes first.
std::optional<Parsed> device_and_endings(std::string_view text, const Catalog& catalog) {
  Parsed parsed;
  while (true) {
    if (const auto* entry = catalog.find_device(text)) {
      parsed.device = &entry->value;
      return parsed;
    }
    const auto* const ending = std::ranges::find_if(kEndings, [&](const Ending& candidate) {
      return text.ends_with(candidate.text) && is_open(parsed, candidate);
    });
    if (ending == kEndings.end()) return std::nullopt;
    if (ending->link) parsed.link = *ending->link;
    if (ending->peer_access) parsed.peer_access = ending->peer_access;
    if (ending->lanes) parsed.lanes = ending->lanes;
    text.remove_suffix(ending->text.size());
  }
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

int number(std::string_view digits, std::string_view name, std::string_view what, int most) {
  int count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc() || count < 1 || count > most) {
    throw std::invalid_argument(fmt::format("rig {}: the number of {} must be from 1 to {}, got {}",
                                            in_quotes(name), what, most, in_quotes(digits)));
  }
  return count;
}

/// `N x device`, or `M x N x device`, normalised; none: it does not begin so, or no such device.
std::optional<Parsed> counts_and_device(std::string_view name, std::string_view text,
                                        const Catalog& catalog) {
  const auto outer = counted(text);
  if (!outer) return std::nullopt;
  if (auto found = device_and_endings(outer->rest, catalog)) {
    found->count = number(outer->digits, name, "devices", kMostDevices);
    return found;
  }
  const auto inner = counted(outer->rest);
  if (!inner) return std::nullopt;
  auto found = device_and_endings(inner->rest, catalog);
  if (!found) return std::nullopt;
  found->count = number(inner->digits, name, "devices", kMostInAMachine);
  found->machines = number(outer->digits, name, "machines", kMostDevices / found->count);
  return found;
}

/// Boards of eight: sixteen of them are two machines.
Parsed in_machines(Parsed parsed, std::string_view name) {
  constexpr int kOnABoard = 8;
  const bool boards =
      topology::is_on_board(parsed.device->peer_link.kind) && parsed.link != LinkChoice::kPcie;
  if (boards && parsed.machines == 1 && parsed.count > kOnABoard) {
    if (parsed.count % kOnABoard != 0) {
      throw std::invalid_argument(fmt::format(
          "rig {}: {} stand on boards of {}; {} of them are no whole number of machines; say how "
          "many machines of how many, such as 2x{}x{}",
          in_quotes(name), parsed.device->name, kOnABoard, parsed.count, kOnABoard,
          parsed.device->name));
    }
    parsed.machines = parsed.count / kOnABoard;
    parsed.count = kOnABoard;
  }
  if (parsed.count > kMostInAMachine) {
    throw std::invalid_argument(
        fmt::format("rig {}: the number of devices of one machine must be from 1 to {}, got {}; "
                    "MxNxdevice is a cluster of M machines",
                    in_quotes(name), kMostInAMachine, parsed.count));
  }
  return parsed;
}

Parsed parse(std::string_view name, const Catalog& catalog) {
  const std::string text = normalised(name);
  if (const auto whole = device_and_endings(text, catalog)) return *whole;
  if (const auto several = counts_and_device(name, text, catalog)) {
    return in_machines(*several, name);
  }
  auto rest = std::string_view(text);
  while (const auto parts = counted(rest)) rest = parts->rest;
  if (rest.size() < text.size()) {
    throw std::invalid_argument(
        fmt::format("rig {}: {}", in_quotes(name), catalog.unknown_device(rest)));
  }
  throw std::invalid_argument(
      fmt::format("rig {}: {}; a rig is "
                  "[M x][N x]device[-nvlink|-pcie][-p2p|-nop2p][-x16|-x8|-x4][@WATTS], such as "
                  "2x4090-p2p, 4x3090-nvlink@230W or 64x8xh100-sxm",
                  in_quotes(name), catalog.unknown_device(name)));
}

topology::Rig build(const Parsed& parsed, std::string_view name, const Catalog& catalog) {
  topology::RigRequest request;
  request.name = std::string(name);
  request.devices.resize(static_cast<std::size_t>(parsed.count));
  for (topology::InstalledDevice& installed : request.devices) installed.device = *parsed.device;
  request.link = parsed.link;
  request.host = catalog.default_host(request.devices);
  if (parsed.lanes && *parsed.lanes > parsed.device->pcie_lanes) {
    throw std::invalid_argument(fmt::format("rig {}: {} has {} PCIe lanes, not {}", in_quotes(name),
                                            parsed.device->name, parsed.device->pcie_lanes,
                                            *parsed.lanes));
  }
  topology::Rig rig = topology::build_rig(request);
  if (parsed.lanes) rig = topology::with_pcie(std::move(rig), std::nullopt, parsed.lanes);
  if (parsed.peer_access) {
    rig = topology::with_pcie_peer_access(std::move(rig), *parsed.peer_access);
  }
  if (parsed.machines == 1) return rig;
  return topology::build_cluster(rig, static_cast<std::uint32_t>(parsed.machines));
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
