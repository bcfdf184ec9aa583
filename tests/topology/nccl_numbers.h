#pragma once

#include <chrono>

#include "topology/nccl_constants.h"

namespace rigsim::topology::testing {

/// Constants in round numbers, for sums by hand.
inline NcclConstants round_constants() {
  using namespace std::chrono_literals;
  using namespace sim::literals;
  NcclConstants out;
  out.base = {{10us, 20us, 15us}, {12us, 22us, 17us}, 0us, 0us, 8us};
  out.nvlink_hop = {{1us, 2us, 4us}, {1us, 2us, 5us}, 25us, 25us, 4us};
  out.pcie_hop = {{2us, 3us, 6us}, {2us, 3us, 7us}, 0us, 0us, 4us};
  out.network_hop = {{3us, 5us, 14us}, {5us, 8us, 14us}, 18us, 20us, 14us};
  out.network_overhead = 1us;
  out.ll_cap = {39_GBps, 80_GBps, 140_GBps, 280_GBps};
  out.ll_cap_two_machines = 39_GBps;
  out.ll_cap_more_machines = 20_GBps;
  out.ring_ll_share = 0.5;
  out.ring_ll128_share = 0.9;
  out.tree_simple_share = 0.9;
  out.tree_ll_divisor = 4;
  out.tree_ll128_share = 0.8;
  out.tree_ll128_share_machines = 0.9;
  out.pat_share = 0.75;
  out.nvls_share = {0, 0, 0.8, 0.8};
  out.nvls_channels = {16, 16, 16, 16};
  out.nvls_least_ranks = {5, 5, 5, 5};
  out.ring_plateau = 1.4;
  out.channels = 24;
  out.tree_correction = {{1}, {1}, {1}};
  for (auto& speeds : out.channel_speeds) speeds = {40, 30, 20, 15, 12, 10, 6, 3};
  out.nvlink_share = {0.8, 0.8, 0.8, 0.8};
  out.nvlink_share_ga102 = 12 / 14.0625;
  out.pcie_first_lane = sim::Bandwidth(0.1875e9);
  out.exchange_ll_limit = 16_KiB;
  return out;
}

}  // namespace rigsim::topology::testing
