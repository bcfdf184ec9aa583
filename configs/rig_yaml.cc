#include "configs/rig_yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "configs/catalog.h"
#include "configs/device_reference.h"
#include "configs/device_yaml.h"
#include "configs/rig_name.h"
#include "configs/rig_plan.h"
#include "configs/rig_wiring.h"
#include "topology/cluster.h"
#include "topology/rig_builder.h"
#include "topology/rig_change.h"
#include "topology/rig_check.h"

namespace rigsim::configs {
namespace {

using topology::Host;
using topology::InstalledDevice;
using topology::LinkChoice;
using topology::Rig;

/// The lanes of a device's slot, where they are fewer than its own.
void read_lanes(const ValueReader& value, topology::Device& device) {
  const int lanes = value.as<int>();
  if (lanes > device.pcie_lanes) {
    value.fail(fmt::format("{} has {} PCIe lanes, got {}", device.name, device.pcie_lanes, lanes));
  }
  value.checked([&] { (void)topology::pcie_link(device.pcie_gen, lanes); });
  device.pcie_lanes = lanes;
}

void read_devices_of(const ValueReader& item, const Catalog& catalog, Rig& rig) {
  ObjectReader map = item.object();
  InstalledDevice installed;
  installed.device = read_device_reference(map.value("device"), catalog);
  const int count = map.count_or("count", 1, 1, kMostInAMachine);
  if (const auto name = map.optional_value("name")) {
    installed.name = name->as<std::string>();
    if (count > 1) name->fail("a name is for one device; leave it out where count is above 1");
  }
  if (const auto limit = map.optional_value("power_limit")) {
    installed.power_limit = limit->as<sim::Watts>();
    limit->checked([&] { check_power_limit(installed.device, *installed.power_limit); });
  }
  if (const auto lanes = map.optional_value("lanes")) read_lanes(*lanes, installed.device);
  map.finish();
  for (int i = 0; i < count; ++i) {
    rig.devices.push_back(installed);
    std::string& name = rig.devices.back().name;
    const bool cpu = installed.device.kind == topology::DeviceKind::kCpu;
    if (name.empty()) name = fmt::format("{}{}", cpu ? "cpu" : "gpu", rig.devices.size() - 1);
  }
}

Rig read_devices(const ValueReader& list, const Catalog& catalog) {
  Rig rig;
  std::set<std::string> names;
  for (const ValueReader& item : list.some_items()) {
    const std::size_t before = rig.devices.size();
    read_devices_of(item, catalog, rig);
    if (rig.devices.size() > kMostDevices) {
      item.fail(fmt::format("more than {} devices in one rig", kMostDevices));
    }
    for (std::size_t i = before; i < rig.devices.size(); ++i) {
      if (!names.insert(rig.devices[i].name).second) {
        item.fail(fmt::format("two devices are named {}", in_quotes(rig.devices[i].name)));
      }
    }
  }
  return rig;
}

Host read_host_of(ObjectReader& entry, const Rig& rig, const Catalog& catalog) {
  const auto value = entry.optional_value("host");
  if (!value) return catalog.default_host(rig.devices);
  if (value->is_scalar()) {
    return value->checked([&] { return catalog.host(value->as<std::string>()); });
  }
  ObjectReader map = value->object();
  (void)map.required<std::string>("name");
  Host host = read_host(map, catalog);
  map.finish();
  return host;
}

LinkChoice read_link(const ValueReader& value) {
  return value.choice<LinkChoice>({{"default", LinkChoice::kDefault},
                                   {"pcie", LinkChoice::kPcie},
                                   {"nvlink", LinkChoice::kNvlink}});
}

bool is_wired_by_hand(const ObjectReader& entry) {
  return entry.has("cables") || entry.has("nodes") || entry.has("peer_access");
}

/// Wires what the short form says. `rig` has its name, devices and host.
Rig planned(ObjectReader& entry, const std::optional<ValueReader>& link, Rig rig) {
  const RigPlan plan = read_rig_plan(entry, rig);
  const LinkChoice choice = link ? read_link(*link) : LinkChoice::kDefault;
  const ValueReader place = link ? *link : entry.value("devices");
  Rig machine = place.checked([&] {
    Rig built = topology::build_rig({rig.name, rig.devices, choice, rig.host, plan.pcie});
    if (plan.peer_access) {
      built = topology::with_pcie_peer_access(std::move(built), *plan.peer_access);
    }
    return built;
  });
  if (plan.machines == 1) return machine;
  return entry.value("machines").checked([&] {
    return topology::build_cluster(machine, plan.machines, plan.network);
  });
}

void write_host(YamlWriter& out, const Host& host) {
  out.begin_map("host");
  out.value("name", host.name);
  out.value("memory", to_text(host.memory));
  out.value("memory_bandwidth", to_text(host.memory_bandwidth));
  out.value("cores", host.cores);
  if (!host.cpu_vendor.empty()) out.value("cpu_vendor", host.cpu_vendor);
  if (host.cpu) {
    out.begin_map("cpu");
    write_device(out, *host.cpu);
    out.end();
  }
  out.end();
}

std::string definition(const topology::Device& device) {
  YamlWriter out;
  write_device(out, device);
  return out.text();
}

/// Devices one by one; one defined before is repeated by its anchor.
void write_devices(YamlWriter& out, const Rig& rig) {
  std::vector<std::string> defined;
  out.begin_list("devices");
  for (const InstalledDevice& installed : rig.devices) {
    out.begin_item();
    const std::string text = definition(installed.device);
    const auto before = std::find(defined.begin(), defined.end(), text);
    const std::string anchor = fmt::format("device_{}", before - defined.begin());
    if (before != defined.end()) {
      out.alias("device", anchor);
    } else {
      defined.push_back(text);
      out.begin_map("device", anchor);
      write_device(out, installed.device);
      out.end();
    }
    out.value("name", installed.name);
    if (installed.power_limit) out.value("power_limit", to_text(*installed.power_limit));
    out.end();
  }
  out.end();
}

Rig read_document(const YamlDocument& document, const std::string& otherwise_named,
                  const Catalog& catalog) {
  YamlNode root = document.root;
  if (root.kind == YamlKind::kMap && root.find("name") == nullptr) {
    root.keys.push_back({"name", root.line, root.column});
    root.children.push_back(
        {YamlKind::kScalar, root.line, root.column, otherwise_named, true, {}, {}});
  }
  ObjectReader entry = ValueReader(root, document.file, {}).object();
  Rig rig = read_rig(entry, catalog);
  (void)entry.optional_value("title");
  (void)entry.optional_value("notes");
  entry.finish();
  return rig;
}

}  // namespace

Host read_host(ObjectReader& entry, const Catalog& catalog) {
  Host host;
  host.name = entry.value_or<std::string>("title", entry.required<std::string>("name"));
  host.memory = entry.required<sim::Bytes>("memory", Zero::kAllowed);
  host.memory_bandwidth = entry.required<sim::Bandwidth>("memory_bandwidth", Zero::kAllowed);
  host.cores = entry.count("cores", 0, 65536);
  host.cpu_vendor = entry.value_or<std::string>("cpu_vendor", {});
  if (const auto cpu = entry.optional_value("cpu")) {
    host.cpu = read_device_reference(*cpu, catalog);
    if (host.cpu->kind != topology::DeviceKind::kCpu) {
      cpu->fail(fmt::format("{} is no CPU", in_quotes(host.cpu->name)));
    }
  }
  return host;
}

Rig read_rig(ObjectReader& entry, const Catalog& catalog) {
  const auto name = entry.required<std::string>("name");
  Rig rig = read_devices(entry.value("devices"), catalog);
  rig.name = name;
  rig.host = read_host_of(entry, rig, catalog);
  const auto link = entry.optional_value("link");
  if (!is_wired_by_hand(entry)) return planned(entry, link, std::move(rig));
  if (link) link->fail("give either a link, or nodes, cables and peer_access");
  if (has_rig_plan(entry)) {
    entry.whole().fail(
        "give either nodes, cables and peer_access, or sockets, switches, machines and the like");
  }
  read_wiring(entry, rig);
  entry.whole().checked([&] { topology::validate(rig); });
  return rig;
}

Rig read_rig_file(const std::filesystem::path& path, const Catalog& catalog) {
  return read_document(read_yaml(path), path.stem().string(), catalog);
}

void write_rig(YamlWriter& out, const Rig& rig) {
  out.value("name", rig.name);
  write_devices(out, rig);
  write_host(out, rig.host);
  write_wiring(out, rig);
}

std::string to_yaml(const Rig& rig) {
  YamlWriter out;
  write_rig(out, rig);
  return out.text();
}

}  // namespace rigsim::configs
