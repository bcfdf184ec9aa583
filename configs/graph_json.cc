#include "configs/graph_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <utility>

#include "configs/graph_node_fields.h"
#include "configs/input_file.h"

namespace rigsim::configs {
namespace {

using workloads::GraphNode;
using workloads::OpGraphDocument;

/// Reads one document; names of nodes that come later are looked up at the end.
class GraphReader {
 public:
  GraphReader(std::string_view text, std::string file) : cursor_(text, std::move(file)) {}

  OpGraphDocument read() && {
    if (cursor_.kind() != '{') fail_here({}, "must be an object, got " + cursor_.shown());
    cursor_.object([&](const std::string& key) { top_member(key); });
    cursor_.end();
    if (!version_seen_) {
      fail(0, "rigsim_graph",
           fmt::format("is needed: {}, the version of the format", kGraphSchemaVersion));
    }
    if (!nodes_seen_) fail(0, "nodes", "is needed: the list of nodes");
    for (const Pending& pending : pending_) link(pending);
    check_repeats();
    check_circles();
    return std::move(document_);
  }

  /// Of a text that read() accepts.
  Place place_of(std::uint32_t node) && {
    std::size_t offset = 0;
    cursor_.object([&](const std::string& key) {
      if (key != "nodes") {
        top_member(key);
        return;
      }
      std::uint32_t at = 0;
      cursor_.array([&] {
        fields_.gather(cursor_, at);
        if (at++ == node) offset = fields_.offset();
      });
    });
    return cursor_.place(offset, fmt::format("nodes[{}]", node));
  }

 private:
  /// A dependency on a node that was not known yet.
  struct Pending {
    std::uint32_t node;
    std::uint32_t slot;
    NodeFields::Item before;
  };

  [[noreturn]] void fail(std::size_t offset, std::string key, const std::string& message) const {
    throw ConfigError(cursor_.place(offset, std::move(key)), message);
  }
  [[noreturn]] void fail_here(std::string key, const std::string& message) {
    fail(cursor_.offset(), std::move(key), message);
  }

  void top_member(const std::string& name) {
    const auto first_time = [&](bool& seen) {
      if (seen) fail_here(name, "stands twice");
      seen = true;
    };
    if (name == "rigsim_graph") {
      first_time(version_seen_);
      read_version();
    } else if (name == "title") {
      first_time(title_seen_);
      document_.title = text_here(name);
    } else if (name == "devices") {
      first_time(devices_given_);
      read_devices();
    } else if (name == "nodes") {
      first_time(nodes_seen_);
      read_nodes();
    } else if (name == "priced_on") {
      if (document_.priced_on) fail_here(name, "stands twice");
      read_priced_on();
    } else {
      fail_unknown(name, {}, {"rigsim_graph", "title", "priced_on", "devices", "nodes"});
    }
  }

  [[noreturn]] void fail_unknown(const std::string& key, const std::string& inside,
                                 const std::vector<std::string>& known) {
    fail_here(inside + key, fmt::format("unknown key{}; allowed: {}", did_you_mean(key, known),
                                        fmt::join(known, ", ")));
  }

  void read_priced_on() {
    if (cursor_.kind() != '{') fail_here("priced_on", "must be an object, got " + cursor_.shown());
    const std::size_t offset = cursor_.offset();
    workloads::PricedOn& priced_on = document_.priced_on.emplace();
    std::set<std::string> seen;
    cursor_.object([&](const std::string& key) {
      const std::string where = "priced_on." + key;
      if (!seen.insert(key).second) fail_here(where, "stands twice");
      if (key == "rig") {
        priced_on.rig = text_here(where);
      } else if (key == "digest") {
        priced_on.digest = text_here(where);
      } else if (key == "devices") {
        list_here(where);
        cursor_.array([&] { priced_on.devices.push_back(text_here(where)); });
      } else {
        fail_unknown(key, "priced_on.", {"rig", "devices", "digest"});
      }
    });
    for (const char* needed : {"rig", "digest"}) {
      if (!seen.contains(needed)) fail(offset, fmt::format("priced_on.{}", needed), "is needed");
    }
  }

  std::string text_here(const std::string& where) {
    if (cursor_.kind() != '"') fail_here(where, "must be a text, got " + cursor_.shown());
    return cursor_.string();
  }

  void list_here(const std::string& where) {
    if (cursor_.kind() != '[') fail_here(where, "must be a list, got " + cursor_.shown());
  }

  void read_version() {
    const std::size_t offset = cursor_.offset();
    const std::string found = cursor_.shown();
    if (cursor_.kind() != '0' || cursor_.number() != fmt::format("{}", kGraphSchemaVersion)) {
      fail(offset, "rigsim_graph", fmt::format("must be {}, got {}", kGraphSchemaVersion, found));
    }
  }

  void read_devices() {
    if (nodes_seen_) fail_here("devices", "must stand before the nodes");
    list_here("devices");
    cursor_.array([&] {
      const std::string where = fmt::format("devices[{}]", document_.devices.size());
      const std::size_t offset = cursor_.offset();
      (void)add_device(text_here(where), offset, where);
    });
  }

  std::uint32_t add_device(const std::string& name, std::size_t offset, const std::string& where) {
    if (name.empty()) fail(offset, where, "a device needs a name");
    if (name == "host") fail(offset, where, "\"host\" is the host's memory, not a device");
    const auto index = static_cast<std::uint32_t>(document_.devices.size());
    if (!device_index_.emplace(name, index).second) {
      fail(offset, where, fmt::format("{} stands twice", in_quotes(name)));
    }
    document_.devices.push_back(name);
    return index;
  }

  void read_nodes() {
    list_here("nodes");
    cursor_.array([&] {
      fields_.gather(cursor_, document_.nodes.size());
      add_node();
    });
  }

  void add_node() {
    GraphNode node;
    node.name = fields_.needed_text(NodeField::kName);
    if (node.name.empty()) fields_.fail(NodeField::kName, "must not be empty");
    node.work = work();
    const auto index = static_cast<std::uint32_t>(document_.nodes.size());
    const auto [twin, is_new] = node_index_.emplace(node.name, index);
    if (!is_new) {
      fields_.fail(NodeField::kName,
                   fmt::format("nodes[{}] is named {} too", twin->second, in_quotes(node.name)));
    }
    const bool waits = fields_.has(NodeField::kAfter);
    if (waits) node.after = resolved(index);
    offsets_.push_back(waits ? fields_.offset(NodeField::kAfter) : fields_.offset());
    document_.nodes.push_back(std::move(node));
  }

  workloads::NodeWork work() {
    switch (fields_.kind()) {
      case kCompute:
        return compute();
      case kTransfer:
        return transfer();
      case kCollective:
        return collective();
      case kDelay:
        return workloads::DelayNode{fields_.needed_duration()};
      case kHost:
        return workloads::HostNode{fields_.needed_duration(), fields_.stream("cpu")};
    }
    throw std::logic_error("unknown kind of node");
  }

  workloads::ComputeNode compute() {
    workloads::ComputeNode node;
    node.device = device_named(fields_.needed_text(NodeField::kDevice),
                               fields_.offset(NodeField::kDevice), "device");
    node.stream = fields_.stream("compute");
    node.duration = fields_.duration();
    node.flops = fields_.flops();
    node.bytes = fields_.bytes();
    if (fields_.has(NodeField::kFormat))
      node.format = fields_.choice(NodeField::kFormat, workloads::kMathFormats);
    if (!node.duration && node.flops == 0 && node.bytes == sim::Bytes(0)) {
      fields_.fail(fields_.offset(), fmt::format("nodes[{}]", document_.nodes.size()),
                   "a compute node needs a duration (\"duration\" or \"duration_s\") or work "
                   "(\"flops\", \"bytes\")");
    }
    return node;
  }

  workloads::TransferNode transfer() {
    workloads::TransferNode node;
    node.from = place(NodeField::kFrom, "from");
    node.to = place(NodeField::kTo, "to");
    if (node.from == node.to) {
      fields_.fail(NodeField::kTo, fmt::format("is where it comes from: {}",
                                               in_quotes(fields_.needed_text(NodeField::kTo))));
    }
    node.size = fields_.size();
    if (fields_.has(NodeField::kPath)) node.staged = staged(node);
    return node;
  }

  [[nodiscard]] bool staged(const workloads::TransferNode& node) const {
    const std::string& path = fields_.needed_text(NodeField::kPath);
    const bool with_host = node.from == workloads::kHostPlace || node.to == workloads::kHostPlace;
    if (path != "staged" || with_host) {
      fields_.fail(
          NodeField::kPath,
          fmt::format("must be \"staged\", of a copy between devices, got {}", in_quotes(path)));
    }
    return true;
  }

  workloads::CollectiveNode collective() {
    workloads::CollectiveNode node;
    node.kind = fields_.choice(NodeField::kCollective, topology::kCollectiveKinds);
    if (!fields_.has(NodeField::kDevices)) fields_.need(NodeField::kDevices);
    for (const NodeFields::Item& item : fields_.items(NodeField::kDevices)) {
      const std::string where = fmt::format("devices[{}]", node.devices.size());
      node.devices.push_back(device_named(item.text, item.offset, where));
    }
    if (node.devices.empty()) fields_.fail(NodeField::kDevices, "needs at least one device");
    std::vector<std::uint32_t> sorted = node.devices;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) {
      fields_.fail(NodeField::kDevices,
                   fmt::format("{} stands twice", in_quotes(document_.devices[*twice])));
    }
    node.size = fields_.size();
    if (fields_.has(NodeField::kAlgorithm)) {
      node.algorithm = fields_.choice(NodeField::kAlgorithm, topology::kAlgorithms);
    }
    node.duration = fields_.duration();
    read_runner(node);
    return node;
  }

  void read_runner(workloads::CollectiveNode& node) const {
    if (fields_.has(NodeField::kLibrary)) {
      node.runner = fields_.choice(NodeField::kLibrary, workloads::kCollectiveRunners);
    }
    const bool pair_sum =
        node.kind == topology::CollectiveKind::kAllReduce && node.devices.size() == 2;
    if (node.runner == workloads::CollectiveRunner::kLlamaCpp && !pair_sum) {
      fields_.fail(NodeField::kLibrary, "llama.cpp's own is an all_reduce of two devices");
    }
    if (fields_.has(NodeField::kLaunch)) {
      node.launch = fields_.choice(NodeField::kLaunch, topology::kLaunchModes);
    }
    if (!fields_.has(NodeField::kLinks)) return;
    const std::string& links = fields_.needed_text(NodeField::kLinks);
    if (links != "shared") {
      fields_.fail(NodeField::kLinks, fmt::format("must be \"shared\", got {}", in_quotes(links)));
    }
    node.shares_links = true;
  }

  std::uint32_t place(NodeField field, std::string_view name_of_field) {
    const std::string& name = fields_.needed_text(field);
    if (name == "host") return workloads::kHostPlace;
    return device_named(name, fields_.offset(field), name_of_field);
  }

  std::uint32_t device_named(const std::string& name, std::size_t offset, std::string_view field) {
    const auto found = device_index_.find(name);
    if (found != device_index_.end()) return found->second;
    if (!devices_given_) return add_device(name, offset, fields_.key(field));
    fields_.fail(offset, fields_.key(field),
                 fmt::format("{} is none of \"devices\"{}", in_quotes(name),
                             did_you_mean(name, document_.devices)));
  }

  std::vector<std::uint32_t> resolved(std::uint32_t node) {
    std::vector<std::uint32_t> after;
    after.reserve(fields_.items(NodeField::kAfter).size());
    for (NodeFields::Item& item : fields_.items(NodeField::kAfter)) {
      const auto found = node_index_.find(item.text);
      if (found == node_index_.end()) {
        pending_.push_back({node, static_cast<std::uint32_t>(after.size()), std::move(item)});
        after.push_back(node);
      } else {
        after.push_back(found->second);
      }
    }
    return after;
  }

  void link(const Pending& pending) {
    const auto found = node_index_.find(pending.before.text);
    if (found != node_index_.end()) {
      document_.nodes[pending.node].after[pending.slot] = found->second;
      return;
    }
    constexpr std::size_t kMostCompared = 10'000;
    std::vector<std::string> names;
    for (const GraphNode& node : document_.nodes) {
      if (names.size() == kMostCompared) break;
      names.push_back(node.name);
    }
    fail(pending.before.offset, fmt::format("nodes[{}].after[{}]", pending.node, pending.slot),
         fmt::format("no node is named {}{}", in_quotes(pending.before.text),
                     did_you_mean(pending.before.text, names)));
  }

  void check_repeats() const {
    std::vector<std::uint32_t> sorted;
    for (std::size_t i = 0; i < document_.nodes.size(); ++i) {
      sorted = document_.nodes[i].after;
      std::sort(sorted.begin(), sorted.end());
      const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
      if (twice == sorted.end()) continue;
      fail(offsets_[i], fmt::format("nodes[{}].after", i),
           fmt::format("{} stands twice", in_quotes(document_.nodes[*twice].name)));
    }
  }

  void check_circles() const {
    const auto cycle = workloads::find_cycle(document_);
    if (cycle.empty()) return;
    fail(offsets_[cycle.front()], fmt::format("nodes[{}].after", cycle.front()),
         "nodes wait for each other in a circle: " + describe_cycle(document_, cycle));
  }

  JsonCursor cursor_;
  OpGraphDocument document_;
  NodeFields fields_;  // of the node at hand
  std::unordered_map<std::string, std::uint32_t> node_index_;
  std::unordered_map<std::string, std::uint32_t> device_index_;
  bool version_seen_ = false;
  bool title_seen_ = false;
  bool devices_given_ = false;
  bool nodes_seen_ = false;
  std::vector<std::size_t> offsets_;  // [nodes] of "after", or of the node
  std::vector<Pending> pending_;
};

}  // namespace

OpGraphDocument parse_graph_json(std::string_view text, std::string file) {
  return GraphReader(text, std::move(file)).read();
}

Place graph_node_place(const std::filesystem::path& file, std::uint32_t node) {
  return GraphReader(read_whole_file(file, kLargestGraphFile), file.string()).place_of(node);
}

OpGraphDocument read_graph_json(const std::filesystem::path& file) {
  return parse_graph_json(read_whole_file(file, kLargestGraphFile), file.string());
}

}  // namespace rigsim::configs
