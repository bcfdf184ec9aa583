#include "topology/pcie_plan.h"

#include <fmt/format.h>

#include <map>
#include <stdexcept>
#include <utility>

namespace rigsim::topology {
namespace {

template <class... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) {
  throw std::invalid_argument(fmt::format(text, std::forward<Args>(args)...));
}

/// Wires one machine from its memory down to the devices.
class PcieWiring {
 public:
  PcieWiring(Rig& rig, const PciePlan& plan) : rig_(rig), plan_(plan) {}

  void wire() {
    add_hosts();
    add_root_complexes();
    const std::vector<NodeId>& roots = complexes_.empty() ? hosts_ : complexes_;
    add_switches(roots);
    add_chips();
    const auto devices = static_cast<std::uint32_t>(rig_.devices.size());
    for (std::uint32_t i = 0; i < devices; ++i) {
      const auto on_switch = switch_of_.find(i);
      add_cable(NodeId{i},
                on_switch != switch_of_.end() ? on_switch->second : share(roots, i, devices),
                host_cable(rig_.devices[i].device));
    }
  }

 private:
  /// The `i`-th of `count` gets its share of `ends`, the first ones the first.
  static NodeId share(const std::vector<NodeId>& ends, std::size_t i, std::size_t count) {
    return ends[i * ends.size() / count];
  }

  NodeId add_node(NodeKind kind, const std::string& name) {
    const NodeId id{static_cast<std::uint32_t>(rig_.nodes.size())};
    if (!named_.try_emplace(name, id).second) refuse("two parts are named \"{}\"", name);
    rig_.nodes.push_back({kind, name, {}});
    return id;
  }

  void add_cable(NodeId a, NodeId b, const LinkRate& rate) {
    rig_.cables.push_back({a, b, rate.type, rate.per_direction, rate.latency, rate.kind});
  }

  void add_hosts() {
    if (plan_.sockets == 0) refuse("a machine needs a socket");
    for (std::uint32_t i = 0; i < plan_.sockets; ++i)
      hosts_.push_back(add_node(NodeKind::kHost, fmt::format("host{}", i)));
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      for (std::size_t j = i + 1; j < hosts_.size(); ++j)
        add_cable(hosts_[i], hosts_[j], plan_.socket_link);
  }

  void add_root_complexes() {
    for (const RootComplexPlan& complex : plan_.root_complexes) {
      if (complex.socket >= hosts_.size())
        refuse("root complex {}: socket {} is unknown, there are {}", complex.name, complex.socket,
               hosts_.size());
      complexes_.push_back(add_node(NodeKind::kRootComplex, complex.name));
      add_cable(complexes_.back(), hosts_[complex.socket], complex.to_memory);
    }
  }

  void add_switches(const std::vector<NodeId>& roots) {
    for (std::size_t i = 0; i < plan_.switches.size(); ++i) {
      const SwitchPlan& plan = plan_.switches[i];
      const NodeId above =
          plan.at.empty() ? share(roots, i, plan_.switches.size()) : upper_end(plan);
      const NodeId hub = add_node(NodeKind::kPcieSwitch, plan.name);
      add_cable(hub, above, plan.uplink);
      for (const std::uint32_t device : plan.devices) plug(device, hub, plan.name);
    }
  }

  [[nodiscard]] NodeId upper_end(const SwitchPlan& plan) const {
    const auto above = named_.find(plan.at);
    if (above == named_.end())
      refuse(
          "switch {}: it hangs at \"{}\", which is no host, root complex or switch listed before",
          plan.name, plan.at);
    return above->second;
  }

  void add_chips() {
    for (const ChipPlan& chip : plan_.chips) {
      std::vector<NodeId> parts;
      for (const std::string& name : chip.switches) {
        const auto part = named_.find(name);
        if (part == named_.end() || kind_of(part->second) != NodeKind::kPcieSwitch)
          refuse("a chip's part \"{}\" is no switch of this machine", name);
        for (const NodeId other : parts) add_cable(other, part->second, chip.inside);
        parts.push_back(part->second);
      }
    }
  }

  [[nodiscard]] NodeKind kind_of(NodeId id) const {
    return rig_.nodes[static_cast<std::size_t>(id)].kind;
  }

  void plug(std::uint32_t device, NodeId hub, const std::string& name) {
    if (device >= rig_.devices.size())
      refuse("switch {}: device {} is unknown, there are {}", name, device, rig_.devices.size());
    if (!switch_of_.try_emplace(device, hub).second)
      refuse("switch {}: {} is plugged into another switch already", name,
             rig_.devices[device].name);
  }

  Rig& rig_;
  const PciePlan& plan_;
  std::vector<NodeId> hosts_;
  std::vector<NodeId> complexes_;
  std::map<std::string, NodeId> named_;        ///< hosts, root complexes and switches
  std::map<std::uint32_t, NodeId> switch_of_;  ///< by device
};

}  // namespace

void wire_pcie(Rig& rig, const PciePlan& plan) { PcieWiring(rig, plan).wire(); }

}  // namespace rigsim::topology
