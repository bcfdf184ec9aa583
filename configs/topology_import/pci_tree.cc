#include "configs/topology_import/pci_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rigsim::configs {
namespace {

bool matters(const PciNode& node) {
  if (node.kind == PciNode::Kind::kGpu || node.kind == PciNode::Kind::kNic) return true;
  return std::any_of(node.children.begin(), node.children.end(), matters);
}

std::vector<const PciNode*> children_that_matter(const std::vector<PciNode>& nodes) {
  std::vector<const PciNode*> found;
  for (const PciNode& node : nodes)
    if (matters(node)) found.push_back(&node);
  return found;
}

bool is_host_bridge(const PciNode* node) { return node->kind == PciNode::Kind::kHostBridge; }

/// Speeds double from one generation to the next.
double speed(const PcieFacts& link) {
  return static_cast<double>(1 << *link.generation) * *link.lanes;
}

}  // namespace

PcieFacts slower(const PcieFacts& a, const PcieFacts& b) {
  const bool a_known = a.generation && a.lanes;
  const bool b_known = b.generation && b.lanes;
  if (a_known && b_known) return speed(a) <= speed(b) ? a : b;
  if (a_known || b_known) return a_known ? a : b;
  PcieFacts both = a;
  if (!both.generation) both.generation = b.generation;
  if (!both.lanes) both.lanes = b.lanes;
  return both;
}

std::optional<int> pcie_generation(double gigatransfers) {
  constexpr std::array kRates{2.5, 5.0, 8.0, 16.0, 32.0, 64.0};
  for (std::size_t i = 0; i < kRates.size(); ++i)
    if (gigatransfers > kRates[i] * 0.95 && gigatransfers < kRates[i] * 1.05)
      return static_cast<int>(i) + 1;
  return std::nullopt;
}

std::size_t PciTreeWriter::add_host(const std::vector<PciNode>& roots) {
  sketch_.parts.push_back({PartKind::kHost, fmt::format("host{}", hosts_++), {}, {}, 0});
  const std::size_t host = sketch_.parts.size() - 1;
  const std::vector<const PciNode*> used = children_that_matter(roots);
  const bool several = std::count_if(used.begin(), used.end(), is_host_bridge) > 1;
  for (const PciNode* root : used) {
    if (!is_host_bridge(root)) {
      add(*root, host, {});
      continue;
    }
    const std::size_t above =
        several ? add_part(PartKind::kRootComplex, fmt::format("root{}", roots_++), host, {})
                : host;
    for (const PciNode* child : children_that_matter(root->children)) add(*child, above, {});
  }
  return host;
}

void PciTreeWriter::add(const PciNode& node, std::size_t parent, PcieFacts above) {
  const PcieFacts link = slower(above, node.link);
  if (node.kind == PciNode::Kind::kGpu) {
    const std::size_t part = add_part(PartKind::kGpu, fmt::format("gpu{}", node.gpu), parent, link);
    sketch_.parts[part].gpu = node.gpu;
    return;
  }
  if (node.kind == PciNode::Kind::kNic) {
    const std::string name = fmt::format("nic{}", nics_.size());
    nics_.push_back(node.nic.empty() ? name : fmt::format("{} is {}", name, node.nic));
    (void)add_part(PartKind::kNic, name, parent, link);
    return;
  }
  const std::vector<const PciNode*> used = children_that_matter(node.children);
  if (used.size() == 1) return add(*used[0], parent, link);
  const std::size_t here =
      add_part(PartKind::kPcieSwitch, fmt::format("switch{}", switches_++), parent, link);
  for (const PciNode* child : used) add(*child, here, {});
}

std::size_t PciTreeWriter::add_part(PartKind kind, std::string name, std::size_t parent,
                                    PcieFacts link) {
  sketch_.parts.push_back({kind, std::move(name), parent, link, 0});
  return sketch_.parts.size() - 1;
}

}  // namespace rigsim::configs
