#include "analysis/graph_dot.h"

#include <fmt/format.h>

#include <vector>

#include "configs/quantity_parser.h"

namespace rigsim::analysis {
namespace {

using workloads::kHostPlace;
using workloads::OpGraphDocument;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

/// What a node's label says below its name.
struct Detail {
  const OpGraphDocument& document;

  std::string operator()(const workloads::ComputeNode& node) const {
    if (node.duration) return configs::to_text(*node.duration);
    return fmt::format("{} FLOP, {}", node.flops, configs::to_text(node.bytes));
  }
  std::string operator()(const workloads::TransferNode& node) const {
    return fmt::format("{} > {}, {}", place(node.from), place(node.to),
                       configs::to_text(node.size));
  }
  std::string operator()(const workloads::CollectiveNode& node) const {
    std::string text = fmt::format("{} of {}, {}", to_string(node.kind), node.devices.size(),
                                   configs::to_text(node.size));
    if (node.algorithm) text += fmt::format(", {}", to_string(*node.algorithm));
    if (node.duration) text += ", " + configs::to_text(*node.duration);
    return text;
  }
  std::string operator()(const workloads::DelayNode& node) const {
    return configs::to_text(node.duration);
  }
  std::string operator()(const workloads::HostNode& node) const {
    return configs::to_text(node.duration);
  }
  [[nodiscard]] std::string_view place(std::uint32_t index) const {
    return index == kHostPlace ? std::string_view("host") : document.devices[index];
  }
};

std::string node_line(const OpGraphDocument& document, std::size_t i) {
  const workloads::GraphNode& node = document.nodes[i];
  const bool moves = std::holds_alternative<workloads::TransferNode>(node.work) ||
                     std::holds_alternative<workloads::CollectiveNode>(node.work);
  const std::string detail = std::visit(Detail{document}, node.work);
  std::string label = quoted(node.name);
  label.insert(label.size() - 1, "\\n" + detail);
  return fmt::format("n{} [label={}{}];\n", i, label, moves ? ", shape=ellipse" : "");
}

}  // namespace

std::string to_dot(const OpGraphDocument& document) {
  std::vector<std::string> inside(document.devices.size());
  std::string outside;
  for (std::size_t i = 0; i < document.nodes.size(); ++i) {
    const auto* compute = std::get_if<workloads::ComputeNode>(&document.nodes[i].work);
    std::string& where = compute != nullptr ? inside[compute->device] : outside;
    where += (compute != nullptr ? "    " : "  ") + node_line(document, i);
  }
  std::string out =
      fmt::format("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(document.title));
  for (std::size_t d = 0; d < inside.size(); ++d) {
    if (inside[d].empty()) continue;
    out += fmt::format("  subgraph cluster_{} {{\n    label={};\n{}  }}\n", d,
                       quoted(document.devices[d]), inside[d]);
  }
  out += outside;
  for (std::size_t i = 0; i < document.nodes.size(); ++i) {
    for (const std::uint32_t before : document.nodes[i].after) {
      out += fmt::format("  n{} -> n{};\n", before, i);
    }
  }
  return out + "}\n";
}

}  // namespace rigsim::analysis
