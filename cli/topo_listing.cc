#include "cli/topo_listing.h"

#include <fmt/format.h>

#include <functional>

#include "cli/table.h"

namespace rigsim::cli {
namespace {

using analysis::PairView;
using analysis::RigView;
using topology::Rig;

std::size_t index(topology::NodeId id) { return static_cast<std::size_t>(id); }

std::string gb_per_s(sim::Bandwidth rate) { return fmt::format("{:.4g}", rate.count() * 1e-9); }
std::string microseconds(sim::Duration time) {
  return fmt::format("{:.3g}", sim::to_seconds(time) * 1e6);
}

std::string what_stands_at(const Rig& rig, const topology::Node& node) {
  if (node.device) return rig.devices[*node.device].device.title;
  return std::string(topology::to_string(node.kind));
}

std::string tree_text(const Rig& rig, const RigView& view, const Console& console) {
  Table table{{{"node"}, {"what"}, {"link"}, {"GB/s", Align::kRight}, {"us", Align::kRight}}, {}};
  for (const analysis::TreeLine& line : view.tree) {
    const topology::Node& node = rig.nodes[index(line.node)];
    const std::string indent(static_cast<std::size_t>(2 * line.depth), ' ');
    std::vector<std::string> row{indent + node.name, what_stands_at(rig, node)};
    if (line.cable) {
      const topology::Cable& cable = rig.cables[*line.cable];
      row.insert(row.end(),
                 {cable.type, gb_per_s(cable.per_direction), microseconds(cable.latency)});
    }
    table.rows.push_back(std::move(row));
  }
  return to_text(table, console);
}

std::string side_text(const Rig& rig, const RigView& view, const Console& console) {
  if (view.side_cables.empty()) return {};
  Table table{{{"between"}, {"kind"}, {"link"}, {"GB/s", Align::kRight}, {"us", Align::kRight}},
              {}};
  for (const std::uint32_t c : view.side_cables) {
    const topology::Cable& cable = rig.cables[c];
    table.rows.push_back(
        {fmt::format("{} - {}", rig.nodes[index(cable.a)].name, rig.nodes[index(cable.b)].name),
         std::string(topology::to_string(cable.kind)), cable.type, gb_per_s(cable.per_direction),
         microseconds(cable.latency)});
  }
  return '\n' + to_text(table, console);
}

using Cell = std::function<std::string(const PairView&)>;

std::string matrix(const Rig& rig, const RigView& view, const std::string& corner, const Cell& cell,
                   const Console& console) {
  Table table{{{corner}}, {}};
  for (const std::uint32_t device : view.devices)
    table.columns.push_back({rig.devices[device].name, Align::kRight});
  for (std::size_t i = 0; i < view.devices.size(); ++i) {
    std::vector<std::string> row{rig.devices[view.devices[i]].name};
    for (std::size_t j = 0; j < view.devices.size(); ++j) {
      const auto& pair = view.pair(i, j);
      row.push_back(i == j ? "X" : pair ? cell(*pair) : "-");
    }
    table.rows.push_back(std::move(row));
  }
  return '\n' + to_text(table, console);
}

std::string starred(std::string number, const PairView& pair) {
  return std::move(number) + (pair.staged ? "*" : "");
}

std::string matrices(const Rig& rig, const RigView& view, const Console& console) {
  if (view.devices.size() < 2) return {};
  return matrix(
             rig, view, "path", [](const PairView& p) { return topology::to_string(p.path); },
             console) +
         matrix(
             rig, view, "GB/s", [](const PairView& p) { return starred(gb_per_s(p.bandwidth), p); },
             console) +
         matrix(
             rig, view, "us", [](const PairView& p) { return starred(microseconds(p.latency), p); },
             console);
}

std::string legend(const RigView& view) {
  if (view.devices.size() < 2) return {};
  std::string text =
      "\nNV#: NVLink of # bonded links; PIX: one PCIe switch, PXB: several; PHB: through a host; "
      "NODE: between root complexes of a host; SYS: between sockets; NET: between machines.\n";
  for (const auto& pair : view.pairs)
    if (pair && pair->staged) return text + "*: staged through host memory, no peer access.\n";
  return text;
}

}  // namespace

std::string topo_text(const Rig& rig, const RigView& view, const Console& console) {
  std::string text = rig.name + '\n';
  if (!view.complete)
    text += fmt::format("{} of {} devices shown; --devices N shows more\n", view.devices.size(),
                        rig.devices.size());
  text += '\n' + tree_text(rig, view, console) + side_text(rig, view, console);
  return text + matrices(rig, view, console) + legend(view);
}

}  // namespace rigsim::cli
