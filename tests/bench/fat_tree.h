#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sim/op_graph.h"
#include "topology/rank_steps.h"

namespace rigsim::bench {

/// Machines of 8 GPUs with NVLink inside and a NIC per GPU, 4 machines on a leaf switch, the leaves
/// on a spine that never blocks but for the `oversubscription` of the leaves' links to it. Rates
/// and latencies are of the size of an HGX H100's with 400 Gbit/s NICs.
class FatTree {
 public:
  static constexpr std::uint32_t kPerMachine = 8;
  static constexpr std::uint32_t kPerLeaf = 4 * kPerMachine;

  FatTree(std::uint32_t gpus, double oversubscription) {
    const auto us = [](double v) { return sim::from_seconds(v * 1e-6); };
    for (std::uint32_t gpu = 0; gpu < gpus; ++gpu) {
      nvlink_up_.push_back(network_.add_link(sim::Bandwidth(400e9), us(1)));
      nvlink_down_.push_back(network_.add_link(sim::Bandwidth(400e9)));
      nic_out_.push_back(network_.add_link(sim::Bandwidth(48e9), us(3)));
      nic_in_.push_back(network_.add_link(sim::Bandwidth(48e9)));
    }
    const sim::Bandwidth uplink(48e9 * kPerLeaf / oversubscription);
    for (std::uint32_t leaf = 0; leaf * kPerLeaf < gpus; ++leaf) {
      leaf_up_.push_back(network_.add_link(uplink, us(0.5)));
      leaf_down_.push_back(network_.add_link(uplink, us(0.5)));
    }
  }

  [[nodiscard]] const sim::Network& network() const { return network_; }

  /// Routes are added to `builder` when first asked for.
  [[nodiscard]] topology::RouteOf routes(sim::OpGraphBuilder& builder) const {
    return [this, &builder, known = std::unordered_map<std::uint64_t, sim::RouteId>()](
               std::uint32_t from, std::uint32_t to) mutable {
      const std::uint64_t pair = std::uint64_t{from} << 32 | to;
      const auto found = known.find(pair);
      if (found != known.end()) return found->second;
      const sim::RouteId route = builder.add_route(links(from, to));
      known.emplace(pair, route);
      return route;
    };
  }

 private:
  [[nodiscard]] std::vector<sim::LinkId> links(std::uint32_t from, std::uint32_t to) const {
    if (from / kPerMachine == to / kPerMachine) return {nvlink_up_[from], nvlink_down_[to]};
    if (from / kPerLeaf == to / kPerLeaf) return {nic_out_[from], nic_in_[to]};
    return {nic_out_[from], leaf_up_[from / kPerLeaf], leaf_down_[to / kPerLeaf], nic_in_[to]};
  }

  sim::Network network_;
  std::vector<sim::LinkId> nvlink_up_;
  std::vector<sim::LinkId> nvlink_down_;
  std::vector<sim::LinkId> nic_out_;
  std::vector<sim::LinkId> nic_in_;
  std::vector<sim::LinkId> leaf_up_;
  std::vector<sim::LinkId> leaf_down_;
};

}  // namespace rigsim::bench
