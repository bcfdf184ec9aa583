#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "configs/chakra.h"

namespace rigsim::configs {
namespace {

using workloads::kHostPlace;
using workloads::OpGraphDocument;
namespace attribute = chakra_attribute;

constexpr const char* kVersion = "0.0.4";  // of the schema, as its generator writes it

using Npus = std::vector<std::uint32_t>;

std::int64_t comm_type(topology::CollectiveKind kind) {
  switch (kind) {  // CollectiveCommType of et_def.proto
    case topology::CollectiveKind::kAllReduce:
      return 0;
    case topology::CollectiveKind::kAllGather:
      return 2;
    case topology::CollectiveKind::kBroadcast:
      return 5;
    case topology::CollectiveKind::kAllToAll:
      return 6;
    case topology::CollectiveKind::kReduceScatter:
      return 7;
    case topology::CollectiveKind::kSendRecv:
      break;
  }
  throw std::invalid_argument("Chakra has no collective send/recv: make it transfers");
}

std::uint64_t micros(sim::Duration duration) {
  return static_cast<std::uint64_t>((duration.count() + 999'999) / 1'000'000);
}

/// The NPUs that a node takes part of; none: the host.
Npus own_npus(const workloads::NodeWork& work) {
  if (const auto* node = std::get_if<workloads::ComputeNode>(&work)) return {node->device};
  if (const auto* node = std::get_if<workloads::CollectiveNode>(&work)) return node->devices;
  Npus npus;
  if (const auto* node = std::get_if<workloads::TransferNode>(&work)) {
    for (const std::uint32_t end : {node->from, node->to}) {
      if (end != kHostPlace) npus.push_back(end);
    }
  }
  return npus;
}

class Writer {
 public:
  explicit Writer(const OpGraphDocument& document)
      : document_(document), files_(std::max<std::size_t>(document.devices.size(), 1)) {}

  ChakraFiles write() && {
    find_homes();
    number_groups();
    ChakraTrace metadata;
    metadata.version = kVersion;
    metadata.global_ids = true;
    metadata.devices = document_.devices;
    metadata.title = document_.title;
    metadata.priced_on = document_.priced_on;
    for (std::uint32_t npu = 0; npu < files_.size(); ++npu) {
      files_[npu] = metadata_bytes(metadata) + group_node(npu);
    }
    next_id_ = document_.nodes.size() + 1;
    for (std::uint32_t i = 0; i < document_.nodes.size(); ++i) write_node(i);
    return {std::move(files_), groups_json(), sync_messages_};
  }

 private:
  /// Host work and delays stand in the trace of the first NPU that waits for them, else of the
  /// first they wait for, else of NPU 0.
  void find_homes() {
    const std::size_t size = document_.nodes.size();
    homes_.resize(size);
    for (std::size_t i = 0; i < size; ++i) homes_[i] = own_npus(document_.nodes[i].work);
    std::vector<bool> free(size);
    for (std::size_t i = 0; i < size; ++i) free[i] = homes_[i].empty();
    for (std::size_t i = 0; i < size; ++i) {
      for (const std::uint32_t before : document_.nodes[i].after) {
        if (free[before] && homes_[before].empty() && !free[i]) homes_[before] = {homes_[i][0]};
      }
    }
    for (std::size_t i = 0; i < size; ++i) {
      for (const std::uint32_t before : document_.nodes[i].after) {
        if (homes_[i].empty() && !homes_[before].empty()) homes_[i] = {homes_[before][0]};
      }
      if (homes_[i].empty()) homes_[i] = {0};
    }
  }

  /// Groups are sets to ASTRA-sim and named by whole numbers; rank order is kept apart.
  void number_groups() {
    for (const workloads::GraphNode& node : document_.nodes) {
      const auto* collective = std::get_if<workloads::CollectiveNode>(&node.work);
      if (collective == nullptr) continue;
      const auto number = groups_.size() + 1;
      groups_.try_emplace(sorted(collective->devices), fmt::format("{}", number));
    }
  }

  static Npus sorted(Npus npus) {
    std::sort(npus.begin(), npus.end());
    return npus;
  }

  /// As PyTorch's traces say it: inputs.values holds the text of a JSON list, two characters
  /// framing it at each end.
  std::string group_node(std::uint32_t npu) const {
    std::string list;
    for (const auto& [npus, name] : groups_) {
      if (!std::binary_search(npus.begin(), npus.end(), npu)) continue;
      list += fmt::format("{}{{\"pg_name\": \"{}\", \"ranks\": [{}]}}", list.empty() ? "" : ", ",
                          name, fmt::join(npus, ", "));
    }
    if (list.empty()) return {};
    ChakraNode node;
    node.id = 0;
    node.name = "process groups";
    node.type = ChakraNode::kMetadata;
    node.input_values = "['[" + list + "]']";
    return to_bytes(node);
  }

  std::string groups_json() const {
    std::string text = "{";
    for (const auto& [npus, name] : groups_) {
      text += fmt::format("{}\n  \"{}\": [{}]", text.size() > 1 ? "," : "", name,
                          fmt::join(npus, ", "));
    }
    return text + (groups_.empty() ? "}\n" : "\n}\n");
  }

  void write_node(std::uint32_t i) {
    const workloads::GraphNode& source = document_.nodes[i];
    ChakraNode node;
    node.id = i + 1;
    node.name = source.name;
    node.integers["is_cpu_op"] = 0;
    std::visit([&](const auto& work) { fill(node, work); }, source.work);
    std::map<std::uint32_t, std::vector<std::uint64_t>> deps = dependencies(i);
    for (const std::uint32_t npu : homes_[i]) {
      ChakraNode part = node;
      part.deps = std::move(deps[npu]);
      if (const auto* transfer = std::get_if<workloads::TransferNode>(&source.work)) {
        fill_end(part, *transfer, npu, i);
      }
      files_[npu] += to_bytes(part);
    }
  }

  /// On each home the dependencies that stand there too; one that stands on none comes as a
  /// message.
  std::map<std::uint32_t, std::vector<std::uint64_t>> dependencies(std::uint32_t i) {
    std::map<std::uint32_t, std::vector<std::uint64_t>> deps;
    for (const std::uint32_t before : document_.nodes[i].after) {
      bool met = false;
      for (const std::uint32_t npu : homes_[i]) {
        if (std::find(homes_[before].begin(), homes_[before].end(), npu) == homes_[before].end()) {
          continue;
        }
        deps[npu].push_back(before + 1);
        met = true;
      }
      if (!met) deps[homes_[i][0]].push_back(send_sync(before, homes_[before][0], homes_[i][0]));
    }
    return deps;
  }

  /// A message of one byte in place of a dependency; returns its id.
  std::uint64_t send_sync(std::uint32_t before, std::uint32_t from, std::uint32_t to) {
    ChakraNode node;
    node.id = next_id_++;
    node.name = "sync after " + document_.nodes[before].name;
    node.integers = {{"is_cpu_op", 0},   {attribute::kSync, 1}, {"comm_size", 1},
                     {"comm_src", from}, {"comm_dst", to},      {"comm_tag", tag(node.id)}};
    node.type = ChakraNode::kRecv;
    files_[to] += to_bytes(node);
    node.type = ChakraNode::kSend;
    node.deps = {before + 1};
    files_[from] += to_bytes(node);
    ++sync_messages_;
    return node.id;
  }

  /// Tags are 32-bit; they differ for messages close to each other, and order tells the rest apart.
  static std::int64_t tag(std::uint64_t id) { return static_cast<std::int64_t>(id & 0x7FFFFFFF); }

  static void fill_duration(ChakraNode& node, sim::Duration duration) {
    node.duration_micros = micros(duration);
    node.integers[attribute::kDuration] = duration.count();
  }

  void fill(ChakraNode& node, const workloads::ComputeNode& work) const {
    node.type = ChakraNode::kComp;
    if (work.duration) fill_duration(node, *work.duration);
    const bool whole = work.flops < 9e18 && work.flops == std::floor(work.flops);
    node.integers["num_ops"] = std::llround(std::min(work.flops, 9e18));
    if (!whole) node.reals[attribute::kFlops] = work.flops;
    node.integers["tensor_size"] = work.bytes.count();
    if (work.stream != "compute") node.texts[attribute::kStream] = work.stream;
    if (work.format != workloads::MathFormat::kF16) {
      node.texts[attribute::kFormat] = std::string(to_string(work.format));
    }
  }

  void fill(ChakraNode& node, const workloads::DelayNode& work) const {
    node.type = ChakraNode::kComp;
    node.integers["is_cpu_op"] = 1;
    node.texts[attribute::kKind] = "delay";
    fill_duration(node, work.duration);
  }

  void fill(ChakraNode& node, const workloads::HostNode& work) const {
    node.type = ChakraNode::kComp;
    node.integers["is_cpu_op"] = 1;
    node.texts[attribute::kStream] = work.stream;
    fill_duration(node, work.duration);
  }

  void fill(ChakraNode& node, const workloads::CollectiveNode& work) const {
    node.type = ChakraNode::kCollective;
    node.integers["comm_type"] = comm_type(work.kind);
    // ASTRA-sim's all-gather counts what a rank brings, not what it gets.
    const std::int64_t ranks = work.kind == topology::CollectiveKind::kAllGather
                                   ? static_cast<std::int64_t>(work.devices.size())
                                   : 1;
    node.integers["comm_size"] = (work.size.count() + ranks - 1) / ranks;
    if (work.size.count() % ranks != 0) node.integers[attribute::kSize] = work.size.count();
    node.texts["pg_name"] = groups_.at(sorted(work.devices));
    if (!std::is_sorted(work.devices.begin(), work.devices.end())) {
      node.texts[attribute::kRanks] = fmt::format("{}", fmt::join(work.devices, ","));
    }
    if (work.algorithm) {
      node.texts[attribute::kAlgorithm] = std::string(to_string(*work.algorithm));
    }
    if (work.duration) fill_duration(node, *work.duration);
    if (work.runner != workloads::CollectiveRunner::kNccl) {
      node.texts[attribute::kLibrary] = std::string(to_string(work.runner));
    }
    if (work.launch != topology::LaunchMode::kGraph) {
      node.texts[attribute::kLaunch] = std::string(to_string(work.launch));
    }
    if (work.shares_links) node.integers[attribute::kSharesLinks] = 1;
  }

  void fill(ChakraNode&, const workloads::TransferNode&) const {}

  /// One end of a transfer.
  static void fill_end(ChakraNode& node, const workloads::TransferNode& work, std::uint32_t npu,
                       std::uint32_t i) {
    if (work.from == kHostPlace || work.to == kHostPlace) {
      node.type = work.from == kHostPlace ? ChakraNode::kMemLoad : ChakraNode::kMemStore;
      node.integers["tensor_size"] = work.size.count();
      return;
    }
    node.type = npu == work.from ? ChakraNode::kSend : ChakraNode::kRecv;
    node.integers["comm_size"] = work.size.count();
    if (work.staged) node.integers[attribute::kStaged] = 1;
    node.integers["comm_src"] = work.from;
    node.integers["comm_dst"] = work.to;
    node.integers["comm_tag"] = tag(i + 1);
  }

  const OpGraphDocument& document_;
  std::vector<std::string> files_;  // [NPUs]
  std::vector<Npus> homes_;         // [nodes]
  std::map<Npus, std::string> groups_;
  std::uint64_t next_id_ = 0;
  std::size_t sync_messages_ = 0;
};

}  // namespace

ChakraFiles to_chakra(const OpGraphDocument& document) {
  validate(document);
  return Writer(document).write();
}

}  // namespace rigsim::configs
