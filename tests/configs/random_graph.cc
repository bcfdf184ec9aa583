#include "tests/configs/random_graph.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

namespace rigsim::configs::test {
namespace {

using workloads::OpGraphDocument;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  OpGraphDocument document() {
    OpGraphDocument graph;
    if (below(2) == 0) graph.title = "a \"title\"\twith \\ and \xC3\xA9";
    const std::uint64_t devices = 1 + below(5);
    for (std::uint64_t d = 0; d < devices; ++d) graph.devices.push_back("gpu" + std::to_string(d));
    if (below(2) == 0) {
      graph.priced_on = {"my \"rig\"", {}, "0123abcd"};
      for (std::uint64_t d = below(4); d > 0; --d) graph.priced_on->devices.push_back("RTX 4090");
    }
    const auto size = static_cast<std::uint32_t>(below(40));
    // Dependencies go forward in a random order of the nodes, so that there is no circle.
    std::vector<std::uint32_t> rank(size);
    std::iota(rank.begin(), rank.end(), 0U);
    if (below(2) == 0) std::shuffle(rank.begin(), rank.end(), random_);
    for (std::uint32_t i = 0; i < size; ++i) {
      workloads::GraphNode node{name(i), work(devices), {}};
      for (std::uint32_t before = 0; before < size; ++before) {
        if (rank[before] < rank[i] && below(6) == 0) node.after.push_back(before);
      }
      graph.nodes.push_back(std::move(node));
    }
    return graph;
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  std::string name(std::uint32_t i) {
    constexpr const char* kPrefixes[] = {"op", "attn q ", "\"x\\", "\xE2\x82\xAC/", "a.b[0]"};
    return kPrefixes[below(5)] + std::to_string(i);
  }

  std::int64_t amount(int most_bits) {
    const std::uint64_t bits = below(static_cast<std::uint64_t>(most_bits) + 1);
    return static_cast<std::int64_t>(random_() & ((std::uint64_t{1} << bits) - 1));
  }
  sim::Duration duration() { return sim::Duration(amount(62)); }
  sim::Bytes bytes() {
    return below(3) == 0 ? sim::Bytes(amount(20) << 20) : sim::Bytes(amount(50));
  }

  workloads::NodeWork work(std::uint64_t devices) {
    const auto device = [&] { return static_cast<std::uint32_t>(below(devices)); };
    switch (below(5)) {
      case 0:
        return compute(device());
      case 1: {
        const std::uint32_t from = device();
        const auto to = static_cast<std::uint32_t>((from + 1) % devices);
        const bool with_host = devices == 1 || below(3) == 0;
        if (with_host && below(2) == 0)
          return workloads::TransferNode{workloads::kHostPlace, from, bytes(), false};
        return workloads::TransferNode{from, with_host ? workloads::kHostPlace : to, bytes(),
                                       !with_host && below(4) == 0};
      }
      case 2:
        return collective(devices);
      case 3:
        return workloads::DelayNode{duration()};
      default:
        return workloads::HostNode{duration(), below(2) == 0 ? "cpu" : "loader"};
    }
  }

  workloads::ComputeNode compute(std::uint32_t device) {
    workloads::ComputeNode node;
    node.device = device;
    if (below(3) == 0) node.stream = "copy";
    if (below(2) == 0) node.duration = duration();
    if (below(2) == 0) node.flops = static_cast<double>(amount(60)) * 1.7;
    if (below(2) == 0) node.bytes = bytes();
    if (below(3) == 0) node.format = workloads::MathFormat::kFp8;
    if (!node.duration && node.flops == 0) node.bytes += sim::Bytes(1);
    return node;
  }

  workloads::CollectiveNode collective(std::uint64_t devices) {
    workloads::CollectiveNode node;
    node.kind = topology::kCollectiveKinds[below(topology::kCollectiveKinds.size())];
    node.devices.resize(devices);
    std::iota(node.devices.begin(), node.devices.end(), 0U);
    std::shuffle(node.devices.begin(), node.devices.end(), random_);
    node.devices.resize(1 + below(devices));
    node.size = bytes();
    if (below(2) == 0) node.algorithm = topology::kAlgorithms[below(topology::kAlgorithms.size())];
    if (below(2) == 0) node.duration = duration();
    if (below(3) == 0) node.launch = topology::LaunchMode::kEager;
    if (below(3) == 0) node.runner = workloads::CollectiveRunner::kVllm;
    const bool pair_sum =
        node.kind == topology::CollectiveKind::kAllReduce && node.devices.size() == 2;
    if (pair_sum && below(2) == 0) node.runner = workloads::CollectiveRunner::kLlamaCpp;
    node.shares_links = below(4) == 0;
    return node;
  }

  std::mt19937_64 random_;
};

}  // namespace

OpGraphDocument random_graph(std::uint64_t seed) { return Generator(seed).document(); }

}  // namespace rigsim::configs::test
