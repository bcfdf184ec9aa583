#include "configs/topology_import/sketch_rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stdexcept>

#include "configs/catalog.h"
#include "configs/quantity_parser.h"
#include "configs/rig_name.h"
#include "configs/topology_import/device_match.h"
#include "configs/topology_import/link_speed.h"
#include "topology/rig_check.h"

namespace rigsim::configs {
namespace {

using topology::Device;
using topology::InstalledDevice;
using topology::LinkRate;
using topology::NodeId;
using topology::NodeKind;
using topology::PeerLinkKind;
using topology::Rig;

constexpr int kMostHosts = 64;
constexpr std::size_t kMostParts = 4096;

NodeKind node_kind(PartKind kind) {
  switch (kind) {
    case PartKind::kHost:
      return NodeKind::kHost;
    case PartKind::kRootComplex:
      return NodeKind::kRootComplex;
    case PartKind::kPcieSwitch:
      return NodeKind::kPcieSwitch;
    case PartKind::kNic:
      return NodeKind::kNic;
    case PartKind::kGpu:
      return NodeKind::kDevice;
  }
  return NodeKind::kDevice;
}

/// Wires the parts of a sketch.
class RigWriter {
 public:
  RigWriter(MachineSketch& sketch, const Catalog& catalog) : sketch_(sketch), catalog_(catalog) {}

  Rig rig(const std::string& name, const std::optional<std::string>& wanted) {
    rig_.name = name;
    find_parts();
    for (std::size_t i = 0; i < sketch_.gpus.size(); ++i) install(i, wanted);
    rig_.host = host();
    if (is_own_host()) {
      rig_.nodes.push_back({NodeKind::kDevice, rig_.devices[0].name, 0, 0});
    } else {
      wire();
    }
    topology::validate(rig_);
    return std::move(rig_);
  }

 private:
  [[nodiscard]] bool is_own_host() const {
    return rig_.devices.size() == 1 && rig_.devices[0].device.pcie_gen == 0;
  }

  void wire() {
    add_nodes();
    add_tree();
    add_sockets();
    add_bundles();
    allow_pcie_peers();
  }

  void find_parts() {
    part_of_gpu_.assign(sketch_.gpus.size(), 0);
    if (sketch_.parts.size() > kMostParts)
      throw std::invalid_argument(
          fmt::format("{} devices and switches; a machine with more than {} is not credible",
                      sketch_.parts.size(), kMostParts));
    int hosts = 0;
    for (std::size_t i = 0; i < sketch_.parts.size(); ++i) {
      if (sketch_.parts[i].kind == PartKind::kGpu) part_of_gpu_[sketch_.parts[i].gpu] = i;
      if (sketch_.parts[i].kind == PartKind::kHost) ++hosts;
    }
    if (hosts > kMostHosts)
      throw std::invalid_argument(fmt::format(
          "{} NUMA nodes; a machine with more than {} is not credible", hosts, kMostHosts));
  }

  /// Lanes and generation that PCIe has, of what a file says.
  [[nodiscard]] PcieFacts sound(PcieFacts link, const std::string& name) {
    constexpr int kNewest = 6;
    if (link.generation && *link.generation > kNewest) link.generation = kNewest;
    if (!link.lanes) return link;
    const int given = *link.lanes;
    for (const int lanes : {16, 8, 4, 2, 1})
      if (lanes <= given) {
        link.lanes = lanes;
        break;
      }
    if (*link.lanes != given)
      sketch_.notes.assume(
          fmt::format("{} has {} PCIe lanes; {} are taken", name, given, *link.lanes));
    return link;
  }

  void install(std::size_t i, const std::optional<std::string>& wanted) {
    const GpuFacts& facts = sketch_.gpus[i];
    const MachinePart& part = sketch_.parts[part_of_gpu_[i]];
    InstalledDevice installed;
    installed.name = part.name;
    installed.device = match_device(facts, wanted, catalog_, sketch_.notes);
    set_slot(installed.device, facts, part);
    set_power_limit(installed, facts);
    rig_.devices.push_back(std::move(installed));
  }

  /// The link that the card runs at: what the tree says, then what was asked of the card, then the
  /// card's own.
  void set_slot(Device& device, const GpuFacts& facts, const MachinePart& part) {
    PcieFacts link = part.link;
    if (!link.generation) link.generation = facts.pcie_generation;
    if (!link.lanes) link.lanes = facts.pcie_lanes;
    link = sound(link, part.name);
    if (device.pcie_gen == 0 && !link.generation && sketch_.gpus.size() == 1) return;
    if (!link.generation || !link.lanes)
      sketch_.notes.assume(fmt::format("PCIe {}{}: not in the files, the card's own is taken",
                                       link.generation ? "" : "generation",
                                       link.lanes        ? ""
                                       : link.generation ? "lanes"
                                                         : " and lanes"));
    if (link.generation) device.pcie_gen = std::min(*link.generation, own_or(device.pcie_gen, 6));
    if (link.lanes) device.pcie_lanes = std::min(*link.lanes, own_or(device.pcie_lanes, 16));
    if (device.pcie_gen == 0) device.pcie_gen = 4;
    if (device.pcie_lanes == 0) device.pcie_lanes = 16;
  }

  static int own_or(int own, int otherwise) { return own > 0 ? own : otherwise; }

  void set_power_limit(InstalledDevice& installed, const GpuFacts& facts) {
    if (!facts.power_limit) return;
    const double ratio = facts.power_limit->count() / installed.device.tdp.count();
    constexpr double kSame = 0.01;
    if (ratio > 1 - kSame && ratio < 1 + kSame) return;
    try {
      check_power_limit(installed.device, *facts.power_limit);
      installed.power_limit = facts.power_limit;
    } catch (const std::invalid_argument& error) {
      sketch_.notes.warn(fmt::format("{}: {}; it is left out", installed.name, error.what()));
    }
  }

  [[nodiscard]] topology::Host host() {
    topology::Host host = catalog_.default_host(rig_.devices);
    const HostFacts& facts = sketch_.host;
    if (is_own_host()) return host;
    host.cpu_vendor = vendor_of(facts.cpu_vendor);
    if (facts.cpu.empty() && facts.memory.count() == 0) {
      sketch_.notes.assume(fmt::format(
          "the host's {} and memory are not in the files: the catalogue's \"{}\" is taken{}",
          host.cpu_vendor.empty() ? "CPU" : "model of CPU", host.name,
          host.cpu && cpu_vendor(host) != host.cpu->vendor
              ? fmt::format(", but its CPU is {}'s", host.cpu_vendor)
              : ""));
      return host;
    }
    if (facts.memory.count() > 0) host.memory = facts.memory;
    if (facts.cores > 0) host.cores = facts.cores;
    const auto* cpu = catalog_.find_device(facts.cpu);
    host.cpu.reset();
    if (cpu != nullptr && cpu->value.kind == topology::DeviceKind::kCpu) host.cpu = cpu->value;
    sketch_.notes.assume(
        fmt::format("the host's memory bandwidth is not in the files: that of the "
                    "catalogue's \"{}\" is taken",
                    host.name));
    if (!facts.cpu.empty()) host.name = facts.cpu;
    return host;
  }

  /// As devices name it: "Intel" of "GenuineIntel".
  static std::string vendor_of(std::string_view cpuid) {
    if (cpuid == "GenuineIntel") return "Intel";
    return cpuid == "AuthenticAMD" ? "AMD" : std::string(cpuid);
  }

  NodeId add_node(topology::Node node) {
    rig_.nodes.push_back(std::move(node));
    return NodeId{static_cast<std::uint32_t>(rig_.nodes.size() - 1)};
  }

  void add_nodes() {
    for (std::uint32_t i = 0; i < rig_.devices.size(); ++i)
      node_of_part_[part_of_gpu_[i]] = add_node({NodeKind::kDevice, rig_.devices[i].name, i, 0});
    for (std::size_t i = 0; i < sketch_.parts.size(); ++i) {
      const MachinePart& part = sketch_.parts[i];
      if (part.kind != PartKind::kGpu)
        node_of_part_[i] = add_node({node_kind(part.kind), part.name, {}, 0});
    }
  }

  void add_cable(NodeId a, NodeId b, const LinkRate& rate) {
    rig_.cables.push_back({a, b, rate.type, rate.per_direction, rate.latency, rate.kind});
  }

  void add_tree() {
    for (const std::size_t part : part_of_gpu_) add_upwards(part);
    for (std::size_t i = 0; i < sketch_.parts.size(); ++i)
      if (sketch_.parts[i].kind != PartKind::kGpu) add_upwards(i);
  }

  void add_upwards(std::size_t i) {
    const MachinePart& part = sketch_.parts[i];
    if (!part.parent) return;
    if (part.kind == PartKind::kRootComplex) {
      const LinkRate rate = topology::root_complex_to_memory();
      sketch_.notes.assume(
          fmt::format("between a group of root ports and its socket's memory {}, as "
                      "measured on one CPU",
                      to_text(rate.per_direction)));
      add_cable(node_of_part_.at(i), node_of_part_.at(*part.parent), rate);
      return;
    }
    const auto [generation, lanes] = pcie_of(part, i);
    add_cable(node_of_part_.at(i), node_of_part_.at(*part.parent),
              topology::pcie_link(generation, lanes));
  }

  [[nodiscard]] std::pair<int, int> pcie_of(const MachinePart& part, std::size_t i) {
    if (part.kind == PartKind::kGpu) {
      const Device& device = rig_.devices[part.gpu].device;
      return {device.pcie_gen, device.pcie_lanes};
    }
    const PcieFacts link = sound(part.link, part.name);
    if ((!link.generation || !link.lanes) && part.kind == PartKind::kPcieSwitch)
      sketch_.notes.assume(
          "uplinks of PCIe switches: 16 lanes of the generation of the fastest card "
          "below");
    return {link.generation.value_or(newest_below(i)), link.lanes.value_or(16)};
  }

  [[nodiscard]] bool is_below(std::size_t part, std::size_t above) const {
    for (std::optional<std::size_t> at = part; at; at = sketch_.parts[*at].parent)
      if (*at == above) return true;
    return false;
  }

  /// The newest generation of the cards below a part, or of all where none is.
  [[nodiscard]] int newest_below(std::size_t i) const {
    int below = 0;
    int anywhere = 1;
    for (std::size_t gpu = 0; gpu < rig_.devices.size(); ++gpu) {
      const int generation = rig_.devices[gpu].device.pcie_gen;
      anywhere = std::max(anywhere, generation);
      if (is_below(part_of_gpu_[gpu], i)) below = std::max(below, generation);
    }
    return below > 0 ? below : anywhere;
  }

  void add_sockets() {
    std::vector<NodeId> hosts;
    for (std::size_t i = 0; i < sketch_.parts.size(); ++i)
      if (sketch_.parts[i].kind == PartKind::kHost) hosts.push_back(node_of_part_.at(i));
    const HostFacts& cpu = sketch_.host;
    const std::string cpus = socket_cpus(cpu.cpu_vendor, cpu.cpu_family, cpu.cpu_model);
    const LinkRate rate = topology::socket_cable(cpus);
    for (std::size_t a = 0; a < hosts.size(); ++a)
      for (std::size_t b = a + 1; b < hosts.size(); ++b) add_cable(hosts[a], hosts[b], rate);
    if (hosts.size() > 1)
      sketch_.notes.assume(
          fmt::format("{} NUMA nodes, each pair joined by a link of {}, as between "
                      "sockets of {}{}",
                      hosts.size(), to_text(rate.per_direction), cpus,
                      cpu.cpu_vendor.empty() ? " (no file names the CPU)" : ""));
  }

  /// What comes with the board where no file says a word of it: an NVSwitch, an xGMI mesh.
  void assume_bundles() {
    if (sketch_.tells_bundles) return;
    for (const auto kind : {PeerLinkKind::kNvlinkSwitch, PeerLinkKind::kXgmi}) {
      std::vector<std::size_t> members;
      for (std::size_t i = 0; i < rig_.devices.size(); ++i)
        if (rig_.devices[i].device.peer_link.kind == kind) members.push_back(i);
      if (members.size() < 2) continue;
      if (kind == PeerLinkKind::kXgmi) {
        assume_mesh(members);
      } else {
        for (const std::size_t gpu : members) assume_switch(gpu);
      }
      sketch_.notes.assume(
          "the links between the GPUs are not in the files: those that come with "
          "the board (NVSwitch, xGMI to every peer) are taken");
    }
  }

  void assume_switch(std::size_t gpu) {
    PeerBundle bundle;
    bundle.gpu = gpu;
    bundle.nvswitch = 0;
    bundle.line_rate = rig_.devices[gpu].device.peer_link.per_direction;
    sketch_.bundles.push_back(bundle);
  }

  void assume_mesh(const std::vector<std::size_t>& members) {
    for (const std::size_t a : members)
      for (const std::size_t b : members) {
        if (a >= b) continue;
        PeerBundle bundle;
        bundle.kind = PeerKind::kXgmi;
        bundle.gpu = a;
        bundle.other_gpu = b;
        sketch_.bundles.push_back(bundle);
      }
  }

  void add_bundles() {
    assume_bundles();
    std::map<std::size_t, NodeId> switches;
    for (const PeerBundle& bundle : sketch_.bundles) {
      if (!bundle.nvswitch || switches.contains(*bundle.nvswitch)) continue;
      const std::string name = fmt::format("nvswitch{}", *bundle.nvswitch);
      switches[*bundle.nvswitch] = add_node({NodeKind::kNvSwitch, name, {}, 0});
    }
    for (const PeerBundle& bundle : sketch_.bundles) {
      const NodeId gpu = node_of_part_.at(part_of_gpu_[bundle.gpu]);
      const NodeId other = bundle.nvswitch    ? switches.at(*bundle.nvswitch)
                           : bundle.other_gpu ? node_of_part_.at(part_of_gpu_[*bundle.other_gpu])
                                              : node_of_part_.at(*bundle.host);
      add_cable(gpu, other, bundle_rate(rig_.devices[bundle.gpu].device, bundle));
    }
    allow_bundled_peers();
    if (!sketch_.bundles.empty())
      sketch_.notes.assume(
          "NVLink, xGMI and C2C: the share of the line rate that links of their "
          "kind were measured at");
  }

  void allow(std::size_t from, std::size_t to) {
    if (allowed_.insert({from, to}).second)
      rig_.peer_access.push_back(
          {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)});
  }

  void allow_bundled_peers() {
    std::map<std::size_t, std::vector<std::size_t>> members;  // of NVSwitches
    for (const PeerBundle& bundle : sketch_.bundles) {
      if (bundle.nvswitch) members[*bundle.nvswitch].push_back(bundle.gpu);
      if (!bundle.other_gpu) continue;
      allow(bundle.gpu, *bundle.other_gpu);
      allow(*bundle.other_gpu, bundle.gpu);
    }
    for (const auto& [nvswitch, gpus] : members)
      for (const std::size_t a : gpus)
        for (const std::size_t b : gpus)
          if (a != b) allow(a, b);
  }

  void allow_pcie_peers() {
    if (sketch_.peer_access) {
      for (const GpuPair& pair : *sketch_.peer_access) allow(pair.from, pair.to);
      return;
    }
    bool some = false;
    for (std::size_t a = 0; a < rig_.devices.size(); ++a)
      for (std::size_t b = 0; b < rig_.devices.size(); ++b) {
        const Device& from = rig_.devices[a].device;
        const Device& to = rig_.devices[b].device;
        if (a == b || allowed_.contains({a, b})) continue;
        some = true;
        if (from.pcie_p2p && to.pcie_p2p && from.vendor == to.vendor) allow(a, b);
      }
    if (!some) return;
    sketch_.notes.assume(
        fmt::format("peer access over PCIe is not in the files: {} as the stock "
                    "driver does for this card (nvidia-smi topo -p2p r tells)",
                    rig_.devices[0].device.pcie_p2p ? "permitted" : "refused"));
  }

  MachineSketch& sketch_;
  const Catalog& catalog_;
  Rig rig_;
  std::vector<std::size_t> part_of_gpu_;
  std::map<std::size_t, NodeId> node_of_part_;
  std::set<std::pair<std::size_t, std::size_t>> allowed_;
};

}  // namespace

Rig rig_of(MachineSketch& sketch, const std::string& name, const std::optional<std::string>& device,
           const Catalog& catalog) {
  return RigWriter(sketch, catalog).rig(name, device);
}

}  // namespace rigsim::configs
