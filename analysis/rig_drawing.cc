#include "analysis/rig_drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string_view>

namespace rigsim::analysis {
namespace {

using topology::Cable;
using topology::CableKind;
using topology::NodeId;
using topology::NodeKind;
using topology::Rig;

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

std::string rate_text(const Cable& cable) {
  return fmt::format("{} {:.3g} GB/s {:.3g} us", cable.type, cable.per_direction.count() * 1e-9,
                     sim::to_seconds(cable.latency) * 1e6);
}

/// What a node is called: its name, and below it what stands there.
std::string subtitle(const Rig& rig, const topology::Node& node) {
  return node.device ? rig.devices[*node.device].device.name
                     : std::string(topology::to_string(node.kind));
}

std::string dot_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // XML 1.0 knows no other control characters.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' ? ' ' : c;
    }
  }
  return out;
}

std::vector<std::uint32_t> shown_cables(const RigView& view) {
  std::vector<std::uint32_t> cables = view.side_cables;
  for (const TreeLine& line : view.tree)
    if (line.cable) cables.push_back(*line.cable);
  std::sort(cables.begin(), cables.end());
  return cables;
}

struct Point {
  double x = 0;
  double y = 0;
};

constexpr double kColumn = 120;  // px between leaves
constexpr double kRow = 90;
constexpr double kBoxWidth = 104;
constexpr double kBoxHeight = 40;
constexpr double kMargin = 20;

/// Where each shown node stands: leaves side by side, parents above the middle of their children.
class Layout {
 public:
  Layout(const Rig& rig, const RigView& view) : rig_(rig), view_(view) {
    for (const TreeLine& line : view.tree) deepest_ = std::max(deepest_, line.depth);
    for (std::size_t i = 0; i < view.tree.size();) i = place(i);
    below();
    above();
  }

  [[nodiscard]] const std::map<NodeId, Point>& points() const { return points_; }
  [[nodiscard]] double width() const { return 2 * kMargin + std::max(1.0, leaves_) * kColumn; }
  [[nodiscard]] double height() const { return 2 * kMargin + (lowest_ + 1) * kRow; }

 private:
  [[nodiscard]] NodeKind kind(NodeId node) const { return rig_.nodes[index(node)].kind; }

  /// Places the subtree at line `i`; returns the line behind it.
  std::size_t place(std::size_t i) {
    const TreeLine& line = view_.tree[i];
    const NodeKind what = kind(line.node);
    if (what == NodeKind::kNvSwitch || what == NodeKind::kNetworkSwitch) return i + 1;
    std::size_t next = i + 1;
    double sum = 0;
    double children = 0;
    while (next < view_.tree.size() && view_.tree[next].depth > line.depth) {
      const NodeId child = view_.tree[next].node;
      next = place(next);
      sum += points_.at(child).x;
      children += 1;
    }
    const bool device = what == NodeKind::kDevice;
    const double row = 1 + (device ? std::max(deepest_, line.depth) : line.depth);
    const double x = children > 0 ? sum / children : kMargin + (leaves_++ + 0.5) * kColumn;
    points_[line.node] = {x, kMargin + row * kRow + kBoxHeight / 2};
    lowest_ = std::max(lowest_, row);
    return next;
  }

  /// The middle of what is plugged into `hub`; none: of everything.
  [[nodiscard]] double middle_of(NodeId hub) const {
    double sum = 0;
    double count = 0;
    for (const std::uint32_t c : view_.side_cables) {
      const Cable& cable = rig_.cables[c];
      if (cable.a != hub && cable.b != hub) continue;
      const auto other = points_.find(cable.a == hub ? cable.b : cable.a);
      if (other == points_.end()) continue;
      sum += other->second.x;
      count += 1;
    }
    return count > 0 ? sum / count : width() / 2;
  }

  void row_of(NodeKind what, double row) {
    std::vector<std::pair<double, NodeId>> hubs;
    for (const NodeId node : view_.nodes)
      if (kind(node) == what) hubs.emplace_back(middle_of(node), node);
    std::sort(hubs.begin(), hubs.end());
    double free_from = kMargin + kColumn / 2;
    for (const auto& [middle, node] : hubs) {
      const double x = std::max(middle, free_from);
      points_[node] = {x, kMargin + row * kRow + kBoxHeight / 2};
      free_from = x + kColumn;
      leaves_ = std::max(leaves_, (x - kMargin) / kColumn + 0.5);
    }
    if (!hubs.empty()) lowest_ = std::max(lowest_, row);
  }

  void below() { row_of(NodeKind::kNvSwitch, lowest_ + 1.2); }
  void above() { row_of(NodeKind::kNetworkSwitch, 0); }

  const Rig& rig_;
  const RigView& view_;
  std::map<NodeId, Point> points_;
  int deepest_ = 0;
  double leaves_ = 0;
  double lowest_ = 0;
};

std::string_view css_class(CableKind kind) {
  switch (kind) {
    case CableKind::kPcie:
    case CableKind::kOnDie:
      return "pcie";
    case CableKind::kNvlink:
    case CableKind::kXgmi:
    case CableKind::kC2c:
      return "peer";
    case CableKind::kSocket:
    case CableKind::kNetwork:
      return "far";
  }
  return "pcie";
}

/// A straight line between rows, an arc below (peers) or above within one.
std::string path_of(Point a, Point b) {
  if (std::abs(a.y - b.y) > 1) {
    const double down = a.y < b.y ? kBoxHeight / 2 : -kBoxHeight / 2;
    return fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", a.x, a.y + down, b.x, b.y - down);
  }
  const double depth = kBoxHeight / 2 + 14 + std::abs(a.x - b.x) * 0.12;
  return fmt::format("M{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}", a.x, a.y + kBoxHeight / 2,
                     (a.x + b.x) / 2, a.y + depth, b.x, b.y + kBoxHeight / 2);
}

constexpr std::string_view kStyle =
    "text{font:12px system-ui,sans-serif;text-anchor:middle;fill:#1b1b1b}"
    ".small{font-size:10px;fill:#555}rect{fill:#f4f4f4;stroke:#777;rx:5}"
    ".device rect{fill:#dcebff;stroke:#2a66b8}path{fill:none;stroke:#888;stroke-width:1.5}"
    ".peer{stroke:#2f8f2f;stroke-width:2.5}.far{stroke:#b8721a;stroke-dasharray:5 3}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.small{fill:#bbb}rect{fill:#2b2b2b}"
    ".device rect{fill:#17324f;stroke:#7db0f0}.peer{stroke:#6fd06f}.far{stroke:#e0a050}}";

void draw_node(const Rig& rig, NodeId id, Point at, std::string& out) {
  const topology::Node& node = rig.nodes[index(id)];
  const std::string name = xml_text(node.name);
  const std::string below = xml_text(subtitle(rig, node));
  fmt::format_to(std::back_inserter(out),
                 "<g class=\"{}\"><title>{}: {}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" "
                 "width=\"{}\" height=\"{}\"/><text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>"
                 "<text class=\"small\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text></g>\n",
                 node.device ? "device" : "node", name, below, at.x - kBoxWidth / 2,
                 at.y - kBoxHeight / 2, kBoxWidth, kBoxHeight, at.x, at.y - 3, name, at.x,
                 at.y + 12, below);
}

}  // namespace

std::string to_dot(const Rig& rig, const RigView& view) {
  std::string out = fmt::format("graph {} {{\n  node [shape=box];\n", dot_text(rig.name));
  for (const NodeId id : view.nodes) {
    const topology::Node& node = rig.nodes[index(id)];
    fmt::format_to(std::back_inserter(out), "  {} [label={}];\n", dot_text(node.name),
                   dot_text(node.name + ": " + subtitle(rig, node)));
  }
  for (const std::uint32_t c : shown_cables(view)) {
    const Cable& cable = rig.cables[c];
    fmt::format_to(std::back_inserter(out), "  {} -- {} [label={}];\n",
                   dot_text(rig.nodes[index(cable.a)].name),
                   dot_text(rig.nodes[index(cable.b)].name), dot_text(rate_text(cable)));
  }
  return out + "}\n";
}

std::string to_svg(const Rig& rig, const RigView& view) {
  const Layout layout(rig, view);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\"><title>{2}</title><style>{3}</style>\n",
      layout.width(), layout.height() + 30, xml_text(rig.name), kStyle);
  for (const std::uint32_t c : shown_cables(view)) {
    const Cable& cable = rig.cables[c];
    fmt::format_to(std::back_inserter(out),
                   "<path class=\"{}\" d=\"{}\"><title>{}</title></path>\n", css_class(cable.kind),
                   path_of(layout.points().at(cable.a), layout.points().at(cable.b)),
                   xml_text(rig.nodes[index(cable.a)].name + " - " +
                            rig.nodes[index(cable.b)].name + ": " + rate_text(cable)));
  }
  for (const auto& [id, at] : layout.points()) draw_node(rig, id, at, out);
  fmt::format_to(std::back_inserter(out),
                 "<text class=\"small\" x=\"{:.0f}\" y=\"{:.0f}\">{}{}</text>\n</svg>\n",
                 layout.width() / 2, layout.height() + 14, xml_text(rig.name),
                 view.complete
                     ? ""
                     : fmt::format(": {} of {} devices", view.devices.size(), rig.devices.size()));
  return out;
}

}  // namespace rigsim::analysis
