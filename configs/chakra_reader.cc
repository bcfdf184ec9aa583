#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "configs/chakra.h"
#include "configs/chakra_merge.h"
#include "configs/config_error.h"
#include "configs/input_file.h"
#include "configs/nearest_name.h"

namespace rigsim::configs {
namespace {

using workloads::kHostPlace;
using workloads::OpGraphDocument;
namespace attribute = chakra_attribute;

constexpr std::uint32_t kMostNpus = 1 << 20;

/// The groups in a metadata node's inputs.values, as PyTorch writes them; none where it holds
/// something else.
void add_pytorch_groups(const std::string& values, std::uint32_t npus, CommGroups& groups) {
  if (values.size() < 4) return;
  const auto list = nlohmann::json::parse(values.begin() + 2, values.end() - 2, nullptr, false);
  if (!list.is_array()) return;
  for (const auto& entry : list) {
    if (!entry.is_object() || !entry.contains("pg_name") || !entry["pg_name"].is_string()) continue;
    if (!entry.contains("ranks") || !entry["ranks"].is_array()) continue;
    std::vector<std::uint32_t> ranks;
    for (const auto& rank : entry["ranks"]) {
      if (!rank.is_number_unsigned() || rank.get<std::uint64_t>() >= npus) return;
      ranks.push_back(rank.get<std::uint32_t>());
    }
    if (!ranks.empty()) groups[entry["pg_name"].get<std::string>()] = std::move(ranks);
  }
}

topology::CollectiveKind collective_kind(const ChakraPart& part) {
  using Kind = topology::CollectiveKind;
  const auto type = part.node->integer("comm_type");
  if (!type) part.fail("comm_type is needed");
  switch (*type) {  // CollectiveCommType of et_def.proto
    case 0:
    case 9:  // a barrier: PyTorch reduces one element
      return Kind::kAllReduce;
    case 2:
      return Kind::kAllGather;
    case 5:
      return Kind::kBroadcast;
    case 6:
      return Kind::kAllToAll;
    case 7:
    case 8:
      return Kind::kReduceScatter;
    default:
      part.fail(fmt::format(
          "comm_type {} cannot be run; allowed: 0 (all-reduce), 2 (all-gather), 5 (broadcast), 6 "
          "(all-to-all), 7 and 8 (reduce-scatter), 9 (barrier)",
          *type));
  }
}

sim::Bytes bytes_of(const ChakraPart& part, std::string_view name) {
  const auto bytes = part.node->integer(name);
  if (!bytes) part.fail(fmt::format("{} is needed", name));
  if (*bytes < 0 || *bytes > std::int64_t{1} << 50) {
    part.fail(fmt::format("{} must be from 0 to 1 PiB, got {}", name, *bytes));
  }
  return sim::Bytes(*bytes);
}

template <class Values>
auto choice(const ChakraPart& part, const char* name, const std::string& text,
            const Values& values) {
  for (const auto value : values) {
    if (text == to_string(value)) return value;
  }
  part.fail(fmt::format("{}: unknown name {}", name, in_quotes(text)));
}

std::optional<sim::Duration> duration_of(const ChakraPart& part) {
  constexpr std::int64_t kLongest = std::int64_t{100} * 24 * 3600 * 1'000'000;  // 100 days
  if (const auto ps = part.node->integer(attribute::kDuration)) {
    if (*ps < 0 || *ps > kLongest * 1'000'000) part.fail("a duration must be from 0 to 100 days");
    return sim::Duration(*ps);
  }
  if (part.node->duration_micros == 0) return std::nullopt;
  if (part.node->duration_micros > static_cast<std::uint64_t>(kLongest)) {
    part.fail("a duration must be from 0 to 100 days");
  }
  return std::chrono::microseconds(part.node->duration_micros);
}

/// Rank order of a group where it is not rising: "2,0,1", a permutation of the group.
std::vector<std::uint32_t> rank_order(const ChakraPart& part, std::vector<std::uint32_t> group) {
  const auto text = part.node->text(attribute::kRanks);
  if (!text) return group;
  std::vector<std::uint32_t> ranks;
  for (const char* at = text->data(); at < text->data() + text->size();) {
    std::uint32_t rank = 0;
    const auto [end, error] = std::from_chars(at, text->data() + text->size(), rank);
    if (error != std::errc()) part.fail("rank order is no list of numbers");
    ranks.push_back(rank);
    at = end + 1;
  }
  if (!std::is_permutation(ranks.begin(), ranks.end(), group.begin(), group.end())) {
    part.fail("rank order is not of the group's members");
  }
  return ranks;
}

/// Turns merged nodes into the nodes of a document.
class Translation {
 public:
  Translation(const CommGroups& groups, std::uint32_t npus) : groups_(groups), npus_(npus) {}

  workloads::NodeWork work(const ChakraOp& op) const {
    const ChakraPart& part = op.parts.front();
    switch (part.node->type) {
      case ChakraNode::kComp:
        return compute(part);
      case ChakraNode::kCollective:
        return collective(part);
      case ChakraNode::kSend:
      case ChakraNode::kRecv:
        return transfer(op);
      case ChakraNode::kMemLoad:
        return workloads::TransferNode{kHostPlace, part.npu, bytes_of(part, "tensor_size"), false};
      case ChakraNode::kMemStore:
        return workloads::TransferNode{part.npu, kHostPlace, bytes_of(part, "tensor_size"), false};
      case ChakraNode::kInvalid:
      case ChakraNode::kMetadata:
        return workloads::DelayNode{};
      default:
        part.fail(fmt::format("nodes of type {} cannot be run; allowed: 0 to 7", part.node->type));
    }
  }

  /// The NPUs of a collective's group. `name` empty: all.
  std::vector<std::uint32_t> group(const ChakraPart& part) const {
    if (part.node->involved_dim) check_dimensions(part);
    const std::string name = group_name(*part.node);
    const auto found = groups_.find(name);
    if (found == groups_.end() && name.empty()) {
      std::vector<std::uint32_t> all(npus_);
      for (std::uint32_t i = 0; i < npus_; ++i) all[i] = i;
      return all;
    }
    if (found == groups_.end()) {
      std::vector<std::string> known;
      for (const auto& entry : groups_) known.push_back(entry.first);
      part.fail(
          fmt::format("unknown group {}{}; groups come from --comm-groups FILE or from "
                      "metadata nodes",
                      in_quotes(name), did_you_mean(name, known)));
    }
    std::vector<std::uint32_t> members = found->second;
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    if (!std::binary_search(members.begin(), members.end(), part.npu)) {
      part.fail(fmt::format("NPU {} is not in the group {}", part.npu, in_quotes(name)));
    }
    return members;
  }

 private:
  static std::string group_name(const ChakraNode& node) {
    for (const char* key : {"pg_name", "comm_group"}) {
      if (const auto text = node.text(key)) return *text;
      if (const auto number = node.integer(key)) return fmt::format("{}", *number);
    }
    return {};
  }

  static void check_dimensions(const ChakraPart& part) {
    const auto& dims = *part.node->involved_dim;
    if (std::find(dims.begin(), dims.end(), false) != dims.end() &&
        group_name(*part.node).empty()) {
      part.fail(
          "involved_dim picks dimensions of ASTRA-sim's network, which a rig does not have; "
          "all true is allowed, or a pg_name");
    }
  }

  static workloads::NodeWork compute(const ChakraPart& part) {
    const ChakraNode& node = *part.node;
    const auto duration = duration_of(part);
    if (node.text(attribute::kKind) == "delay") {
      return workloads::DelayNode{duration.value_or(sim::Duration{})};
    }
    if (node.flag("is_cpu_op")) {
      const std::string stream = fmt::format("npu{}", part.npu);
      return workloads::HostNode{duration.value_or(sim::Duration{}),
                                 node.text(attribute::kStream).value_or(stream)};
    }
    workloads::ComputeNode work;
    work.device = part.npu;
    work.stream = node.text(attribute::kStream).value_or("compute");
    if (work.stream.empty()) part.fail("a stream needs a name");
    work.duration = duration;
    const auto flops = node.reals.find(attribute::kFlops);
    work.flops = flops != node.reals.end()
                     ? flops->second
                     : static_cast<double>(node.integer("num_ops").value_or(0));
    if (!(work.flops >= 0 && work.flops < 1e300)) part.fail("num_ops must be >= 0");
    if (node.integer("tensor_size")) work.bytes = bytes_of(part, "tensor_size");
    if (const auto format = node.text(attribute::kFormat)) {
      work.format = choice(part, attribute::kFormat, *format, workloads::kMathFormats);
    }
    if (!work.duration && work.flops == 0 && work.bytes == sim::Bytes(0)) {
      work.duration = sim::Duration{};
    }
    return work;
  }

  workloads::CollectiveNode collective(const ChakraPart& part) const {
    const ChakraNode& node = *part.node;
    workloads::CollectiveNode work;
    work.kind = collective_kind(part);
    work.devices = rank_order(part, group(part));
    if (node.integer("comm_type") == 9) {
      work.size = sim::Bytes(4);
      return work;
    }
    work.size = bytes_of(part, "comm_size");
    if (work.kind == topology::CollectiveKind::kAllGather) {
      const auto ranks = static_cast<std::int64_t>(work.devices.size());
      if (work.size.count() > (std::int64_t{1} << 50) / ranks) part.fail("comm_size is too large");
      work.size = work.size * ranks;
    }
    if (node.integer(attribute::kSize)) work.size = bytes_of(part, attribute::kSize);
    if (const auto algorithm = node.text(attribute::kAlgorithm)) {
      work.algorithm = choice(part, attribute::kAlgorithm, *algorithm, topology::kAlgorithms);
    }
    // What others measured of a collective contains their waiting for each other.
    if (node.integer(attribute::kDuration)) work.duration = duration_of(part);
    if (const auto library = node.text(attribute::kLibrary)) {
      work.runner = choice(part, attribute::kLibrary, *library, workloads::kCollectiveRunners);
    }
    if (const auto launch = node.text(attribute::kLaunch)) {
      work.launch = choice(part, attribute::kLaunch, *launch, topology::kLaunchModes);
    }
    work.shares_links = node.flag(attribute::kSharesLinks);
    return work;
  }

  static workloads::TransferNode transfer(const ChakraOp& op) {
    const ChakraPart& part = op.parts.front();
    if (op.parts.size() != 2) part.fail("a message needs a send and a receive");
    const ChakraPart& send = part.node->type == ChakraNode::kSend ? part : op.parts[1];
    const ChakraPart& receive = part.node->type == ChakraNode::kSend ? op.parts[1] : part;
    if (send.npu == receive.npu) part.fail("a message goes to another NPU");
    return {send.npu, receive.npu, bytes_of(send, "comm_size"),
            send.node->flag(attribute::kStaged)};
  }

  const CommGroups& groups_;
  std::uint32_t npus_;
};

/// Counterparts say the same of what they do together.
void check_alike(const ChakraOp& op, const workloads::NodeWork& work) {
  const ChakraPart& first = op.parts.front();
  for (const ChakraPart& part : op.parts) {
    for (const char* name : {"comm_type", "comm_size", attribute::kStaged}) {
      if (part.node->integer(name) == first.node->integer(name)) continue;
      part.fail(fmt::format("has another {} than its counterpart in {}", name, first.trace->file));
    }
  }
  const auto* collective = std::get_if<workloads::CollectiveNode>(&work);
  if (collective == nullptr) return;
  std::vector<std::uint32_t> members = collective->devices;
  std::sort(members.begin(), members.end());
  const bool complete =
      std::equal(members.begin(), members.end(), op.parts.begin(), op.parts.end(),
                 [](std::uint32_t member, const ChakraPart& part) { return member == part.npu; });
  if (!complete) first.fail("not all members of its group take part, or others do");
}

/// Device names: as the traces say, else "npu0", "npu1", ...
std::vector<std::string> device_names(const std::vector<ChakraTrace>& traces) {
  const ChakraTrace& first = traces.front();
  if (first.global_ids) {
    // Without devices there still is one trace.
    if (std::max<std::size_t>(first.devices.size(), 1) != traces.size()) {
      throw ConfigError({first.file, 0, 0, {}},
                        fmt::format("{} devices are named, but there are {} traces",
                                    first.devices.size(), traces.size()));
    }
    return first.devices;
  }
  std::vector<std::string> names;
  for (std::size_t npu = 0; npu < traces.size(); ++npu) names.push_back(fmt::format("npu{}", npu));
  return names;
}

/// Names as they are where they are unique, else with NPU and id.
std::vector<std::string> node_names(const std::vector<ChakraOp>& ops) {
  std::unordered_map<std::string, std::uint32_t> uses;
  for (const ChakraOp& op : ops) ++uses[op.parts.front().node->name];
  std::vector<std::string> names;
  std::unordered_map<std::string, std::uint32_t> taken;
  for (const ChakraOp& op : ops) {
    const ChakraPart& part = op.parts.front();
    const std::string& plain = part.node->name;
    std::string name = plain;
    if (plain.empty() || uses[plain] > 1) {
      name = fmt::format("{}@{}.{}", plain.empty() ? "node" : plain, part.npu, part.node->id);
    }
    while (!taken.emplace(name, 0).second || (name != plain && uses.contains(name))) name += "'";
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

CommGroups parse_comm_groups(std::string_view text, const std::string& file, std::uint32_t npus) {
  nlohmann::json document;
  try {
    document = nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::exception&) {
    throw UnreadableInput(file, "not valid JSON");
  }
  const auto fail = [&](const std::string& key, const std::string& message) {
    throw ConfigError({file, 0, 0, key}, message);
  };
  if (!document.is_object()) fail({}, "must be an object {\"group\": [ranks]}");
  CommGroups groups;
  for (const auto& [name, ranks] : document.items()) {
    if (!ranks.is_array() || ranks.empty()) fail(name, "must be a list of ranks");
    for (const auto& rank : ranks) {
      if (!rank.is_number_unsigned() || rank.get<std::uint64_t>() >= npus) {
        fail(name, fmt::format("ranks must be from 0 to {}", npus - 1));
      }
      groups[name].push_back(rank.get<std::uint32_t>());
    }
  }
  return groups;
}

OpGraphDocument graph_of(std::vector<ChakraTrace> traces, const CommGroups& groups) {
  if (traces.empty()) throw std::invalid_argument("a graph needs at least one trace");
  const auto npus = static_cast<std::uint32_t>(traces.size());
  CommGroups known;
  for (const ChakraTrace& trace : traces) {
    for (const ChakraNode& node : trace.nodes) add_pytorch_groups(node.input_values, npus, known);
  }
  for (const auto& [name, ranks] : groups) known[name] = ranks;
  const Translation translation(known, npus);
  const std::vector<ChakraOp> ops =
      merge_traces(traces, [&](const ChakraPart& part) { return translation.group(part); });
  OpGraphDocument document{
      traces.front().title, device_names(traces), {}, traces.front().priced_on};
  std::vector<std::string> names = node_names(ops);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    workloads::NodeWork work = translation.work(ops[i]);
    check_alike(ops[i], work);
    document.nodes.push_back({std::move(names[i]), std::move(work), ops[i].after});
  }
  try {
    validate(document);
  } catch (const std::invalid_argument& error) {
    throw ConfigError({traces.front().file, 0, 0, {}}, error.what());
  }
  return document;
}

OpGraphDocument read_chakra(const std::filesystem::path& prefix,
                            const std::optional<std::filesystem::path>& comm_groups) {
  std::vector<ChakraTrace> traces;
  const auto file_of = [&](std::size_t npu) {
    return std::filesystem::path(fmt::format("{}.{}.et", prefix.string(), npu));
  };
  // What lies behind the traces of a graph of ours is left of another, with more devices.
  const auto more = [&] {
    const bool all = traces.front().global_ids && traces.size() == traces.front().devices.size();
    return !all && std::filesystem::exists(file_of(traces.size()));
  };
  for (std::uint32_t npu = 0; npu == 0 || more(); ++npu) {
    if (npu == kMostNpus) throw UnreadableInput(prefix.string(), "has too many traces");
    const std::string bytes = read_whole_file(file_of(npu), kLargestChakraFile);
    traces.push_back(parse_chakra_trace(bytes, file_of(npu).string()));
  }
  CommGroups groups;
  if (comm_groups) {
    groups = parse_comm_groups(read_whole_file(*comm_groups, std::uint64_t{1} << 30),
                               comm_groups->string(), static_cast<std::uint32_t>(traces.size()));
  }
  return graph_of(std::move(traces), groups);
}

}  // namespace rigsim::configs
