#include "configs/rig_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"
#include "configs/rig_name.h"

namespace rigsim::configs {
namespace {

using topology::LinkRate;
using topology::NetworkShape;
using topology::PciePlan;
using topology::Rig;

constexpr std::array<std::string_view, 8> kKeys = {
    "sockets", "chips", "socket_link", "root_complexes", "switches", "p2p", "machines", "network"};
constexpr int kMostSockets = 64;

/// "pcie5x16".
LinkRate pcie_link_named(std::string_view type) {
  int generation = 0;
  int lanes = 0;
  const char* const end = type.data() + type.size();
  constexpr std::string_view kStart = "pcie";
  if (type.starts_with(kStart)) {
    const auto [middle, error] = std::from_chars(type.data() + kStart.size(), end, generation);
    if (error == std::errc() && middle != end && *middle == 'x') {
      const auto [last, wrong] = std::from_chars(middle + 1, end, lanes);
      if (wrong == std::errc() && last == end) return topology::pcie_link(generation, lanes);
    }
  }
  throw std::invalid_argument(
      fmt::format("a PCIe link is written as pcie5x16, got {}", in_quotes(type)));
}

/// A link by its type's name, or with rates of its own.
template <class Named>
LinkRate read_link(const ValueReader& value, const Named& named) {
  if (value.is_scalar()) return value.checked([&] { return named(value.as<std::string>()); });
  ObjectReader map = value.object();
  const ValueReader type = map.value("type");
  LinkRate rate = type.checked([&] { return named(type.as<std::string>()); });
  rate.per_direction = map.value_or("bandwidth", rate.per_direction);
  rate.latency = map.value_or("latency", rate.latency, Zero::kAllowed);
  map.finish();
  return rate;
}

std::vector<std::uint32_t> read_device_names(const ValueReader& list, const Rig& rig) {
  std::vector<std::uint32_t> devices;
  for (const ValueReader& item : list.items()) {
    const auto name = item.as<std::string>();
    const auto found = std::ranges::find(rig.devices, name, &topology::InstalledDevice::name);
    if (found == rig.devices.end()) {
      std::vector<std::string> names;
      for (const auto& installed : rig.devices) names.push_back(installed.name);
      item.fail_choice(name, names);
    }
    devices.push_back(static_cast<std::uint32_t>(found - rig.devices.begin()));
  }
  return devices;
}

topology::RootComplexPlan read_root_complex(const ValueReader& item) {
  ObjectReader map = item.object();
  topology::RootComplexPlan plan;
  plan.name = map.required<std::string>("name");
  plan.socket = static_cast<std::uint32_t>(map.count_or("socket", 0, 0, kMostSockets - 1));
  plan.to_memory.per_direction = map.value_or("memory", plan.to_memory.per_direction);
  plan.to_memory.latency = map.value_or("latency", plan.to_memory.latency, Zero::kAllowed);
  map.finish();
  return plan;
}

/// The names at which a switch of `plan` may hang: hosts, root complexes and the switches before
/// it.
std::vector<std::string> upper_ends(const PciePlan& plan) {
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < plan.sockets; ++i) names.push_back(fmt::format("host{}", i));
  for (const auto& complex : plan.root_complexes) names.push_back(complex.name);
  for (const auto& before : plan.switches) names.push_back(before.name);
  return names;
}

topology::SwitchPlan read_switch(const ValueReader& item, const Rig& rig,
                                 const std::vector<std::string>& upper_ends) {
  ObjectReader map = item.object();
  topology::SwitchPlan plan;
  plan.name = map.required<std::string>("name");
  if (const auto devices = map.optional_value("devices")) {
    plan.devices = read_device_names(*devices, rig);
  }
  plan.uplink = read_link(map.value("uplink"), pcie_link_named);
  if (const auto at = map.optional_value("at")) {
    plan.at = at->as<std::string>();
    if (std::ranges::find(upper_ends, plan.at) == upper_ends.end())
      at->fail_choice(plan.at, upper_ends);
  }
  map.finish();
  return plan;
}

topology::ChipPlan read_chip(const ValueReader& item) {
  ObjectReader map = item.object();
  topology::ChipPlan plan;
  for (const ValueReader& part : map.value("switches").some_items()) {
    plan.switches.push_back(part.as<std::string>());
  }
  plan.inside = {"on-die", map.required<sim::Bandwidth>("bandwidth"),
                 map.value_or("latency", sim::Duration::zero(), Zero::kAllowed),
                 topology::CableKind::kOnDie};
  map.finish();
  return plan;
}

PciePlan read_pcie(ObjectReader& entry, const Rig& rig) {
  PciePlan plan;
  plan.sockets = static_cast<std::uint32_t>(entry.count_or("sockets", 1, 1, kMostSockets));
  if (const auto link = entry.optional_value("socket_link")) {
    plan.socket_link = read_link(*link, topology::socket_cable);
  }
  if (const auto list = entry.optional_value("root_complexes")) {
    for (const ValueReader& item : list->items()) {
      plan.root_complexes.push_back(read_root_complex(item));
    }
  }
  if (const auto list = entry.optional_value("switches")) {
    for (const ValueReader& item : list->items()) {
      plan.switches.push_back(read_switch(item, rig, upper_ends(plan)));
    }
  }
  if (const auto list = entry.optional_value("chips")) {
    for (const ValueReader& item : list->items()) plan.chips.push_back(read_chip(item));
  }
  return plan;
}

/// "400 Gbit/s" as NICs are sold, or bytes.
sim::Bandwidth read_nic_rate(const ValueReader& value) {
  const auto text = value.as<std::string>();
  for (const std::string_view unit : {"Gbit/s", "Gb/s", "Gbps"}) {
    if (!text.ends_with(unit)) continue;
    std::string_view number(text);
    number.remove_suffix(unit.size());
    number = number.substr(0, number.find_last_not_of(' ') + 1);
    constexpr double kBytesPerGbit = 1e9 / 8;
    const double gbit = value.checked([&] { return parse_number(number); });
    if (!(gbit > 0)) value.fail(fmt::format("must be > 0, got {}", in_quotes(text)));
    return sim::Bandwidth(gbit * kBytesPerGbit);
  }
  return value.as<sim::Bandwidth>();
}

topology::NetworkPlan read_network(const ValueReader& value, std::size_t devices) {
  ObjectReader map = value.object();
  topology::NetworkPlan plan;
  if (const auto shape = map.optional_value("topology")) {
    plan.shape = shape->choice<NetworkShape>(
        {{"fat-tree", NetworkShape::kFatTree}, {"rail-optimized", NetworkShape::kRailOptimized}});
  }
  if (const auto nic = map.optional_value("nic")) plan.nic = read_nic_rate(*nic);
  if (map.has("nics")) {
    plan.nics = static_cast<std::uint32_t>(map.count("nics", 1, static_cast<int>(devices)));
  }
  if (const auto latency = map.optional_value("latency")) {
    plan.latency = latency->as<sim::Duration>(Zero::kAllowed);
  }
  constexpr int kMostPorts = 4096;
  plan.radix = static_cast<std::uint32_t>(
      map.count_or("radix", static_cast<int>(plan.radix), 2, kMostPorts));
  if (const auto over = map.optional_value("oversubscription")) {
    plan.oversubscription = over->as<double>();
    if (!(plan.oversubscription >= 1) || plan.oversubscription > plan.radix - 1)
      over->fail(
          fmt::format("must be from 1 to {}, got {}", plan.radix - 1, plan.oversubscription));
  }
  map.finish();
  return plan;
}

std::optional<bool> read_peer_access(ObjectReader& entry) {
  enum class Choice { kDefault, kAll, kNone };
  const auto value = entry.optional_value("p2p");
  if (!value) return std::nullopt;
  const auto choice = value->choice<Choice>(
      {{"default", Choice::kDefault}, {"all", Choice::kAll}, {"none", Choice::kNone}});
  if (choice == Choice::kDefault) return std::nullopt;
  return choice == Choice::kAll;
}

}  // namespace

bool has_rig_plan(const ObjectReader& entry) {
  return std::ranges::any_of(kKeys, [&](std::string_view key) { return entry.has(key); });
}

RigPlan read_rig_plan(ObjectReader& entry, const Rig& rig) {
  RigPlan plan;
  plan.pcie = read_pcie(entry, rig);
  plan.peer_access = read_peer_access(entry);
  const int devices = static_cast<int>(rig.devices.size());
  plan.machines = static_cast<std::uint32_t>(
      entry.count_or("machines", 1, 1, std::max(1, kMostDevices / devices)));
  if (const auto network = entry.optional_value("network")) {
    if (plan.machines == 1) network->fail("a network joins machines; give machines: 2 or more");
    plan.network = read_network(*network, rig.devices.size());
  }
  return plan;
}

}  // namespace rigsim::configs
