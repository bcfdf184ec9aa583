#include "workloads/op_graph_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <unordered_set>

namespace rigsim::workloads {
namespace {

constexpr sim::Duration kLongest = std::chrono::hours(24 * 100);
constexpr sim::Bytes kLargest{std::int64_t{1} << 50};

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

[[noreturn]] void fail(const GraphNode& node, const std::string& message) {
  throw std::invalid_argument(fmt::format("node \"{}\": {}", node.name, message));
}

/// Checks one node against its document.
class NodeCheck {
 public:
  NodeCheck(const OpGraphDocument& document, const GraphNode& node)
      : document_(document), node_(node) {}

  void run() const {
    std::visit(Overloaded{[&](const ComputeNode& n) { compute(n); },
                          [&](const TransferNode& n) { transfer(n); },
                          [&](const CollectiveNode& n) { collective(n); },
                          [&](const DelayNode& n) { time(n.duration); },
                          [&](const HostNode& n) {
                            time(n.duration);
                            stream(n.stream);
                          }},
               node_.work);
    for (const std::uint32_t before : node_.after) {
      if (before >= document_.nodes.size()) {
        fail(node_, fmt::format("waits for node {}, there are {}", before, document_.nodes.size()));
      }
    }
  }

 private:
  void compute(const ComputeNode& n) const {
    device(n.device);
    stream(n.stream);
    if (n.duration) time(*n.duration);
    amount("bytes", n.bytes);
    if (!(n.flops >= 0) || !std::isfinite(n.flops)) {
      fail(node_, fmt::format("flops must be >= 0 and finite, got {}", n.flops));
    }
    if (!n.duration && n.flops == 0 && n.bytes == sim::Bytes(0)) {
      fail(node_, "needs a duration, flops or bytes");
    }
  }

  void transfer(const TransferNode& n) const {
    for (const std::uint32_t end : {n.from, n.to}) {
      if (end != kHostPlace) device(end);
    }
    if (n.from == n.to) fail(node_, "a transfer needs two different ends");
    if (n.staged && (n.from == kHostPlace || n.to == kHostPlace)) {
      fail(node_, "a copy from or to the host is not staged");
    }
    amount("size", n.size);
  }

  void collective(const CollectiveNode& n) const {
    if (n.devices.empty()) fail(node_, "a collective needs at least one device");
    for (const std::uint32_t d : n.devices) device(d);
    std::vector<std::uint32_t> sorted = n.devices;
    std::ranges::sort(sorted);
    const auto twice = std::ranges::adjacent_find(sorted);
    if (twice != sorted.end()) {
      fail(node_, fmt::format("names {} twice", document_.devices[*twice]));
    }
    amount("size", n.size);
    if (n.duration) time(*n.duration);
    const bool pair_sum = n.kind == topology::CollectiveKind::kAllReduce && n.devices.size() == 2;
    if (n.runner == CollectiveRunner::kLlamaCpp && !pair_sum) {
      fail(node_, "llama.cpp's own collective is an all_reduce of two devices");
    }
  }

  void device(std::uint32_t index) const {
    if (index >= document_.devices.size()) {
      fail(node_,
           fmt::format("device {} does not exist, there are {}", index, document_.devices.size()));
    }
  }
  void stream(const std::string& name) const {
    if (name.empty()) fail(node_, "a stream needs a name");
  }
  void time(sim::Duration value) const {
    if (value < sim::Duration::zero() || value > kLongest) {
      fail(node_, fmt::format("duration must be from 0 to 100 days, got {} ps", value.count()));
    }
  }
  void amount(const char* what, sim::Bytes value) const {
    if (value < sim::Bytes(0) || value > kLargest) {
      fail(node_, fmt::format("{} must be from 0 to 1 PiB, got {} B", what, value.count()));
    }
  }

  const OpGraphDocument& document_;
  const GraphNode& node_;
};

template <class Range, class Name>
void check_names(const Range& things, const char* what, Name name) {
  std::unordered_set<std::string_view> seen;
  seen.reserve(things.size());
  for (const auto& thing : things) {
    const std::string_view text = name(thing);
    if (text.empty()) throw std::invalid_argument(fmt::format("a {} needs a name", what));
    if (!seen.insert(text).second) {
      throw std::invalid_argument(fmt::format("two {}s are named \"{}\"", what, text));
    }
  }
}

}  // namespace

std::string_view to_string(MathFormat format) {
  switch (format) {
    case MathFormat::kF16:
      return "f16";
    case MathFormat::kBf16:
      return "bf16";
    case MathFormat::kF32:
      return "f32";
    case MathFormat::kFp8:
      return "fp8";
    case MathFormat::kFp4:
      return "fp4";
    case MathFormat::kInt8:
      return "int8";
  }
  throw std::logic_error("unknown number format");
}

std::string_view kind_name(const NodeWork& work) {
  return std::visit(Overloaded{[](const ComputeNode&) { return std::string_view("compute"); },
                               [](const TransferNode&) { return std::string_view("transfer"); },
                               [](const CollectiveNode&) { return std::string_view("collective"); },
                               [](const DelayNode&) { return std::string_view("delay"); },
                               [](const HostNode&) { return std::string_view("host"); }},
                    work);
}

// Kahn's algorithm (Communications of the ACM 5(11), 1962), from the end: what remains waits for
// something that remains, so walking along comes round.
std::vector<std::uint32_t> find_cycle(const OpGraphDocument& document) {
  const auto size = static_cast<std::uint32_t>(document.nodes.size());
  std::vector<std::uint32_t> waiting_for_me(size, 0);
  for (const GraphNode& node : document.nodes) {
    for (const std::uint32_t before : node.after) ++waiting_for_me[before];
  }
  std::vector<std::uint32_t> ready;
  for (std::uint32_t i = 0; i < size; ++i) {
    if (waiting_for_me[i] == 0) ready.push_back(i);
  }
  std::vector<bool> done(size);
  while (!ready.empty()) {
    const std::uint32_t i = ready.back();
    ready.pop_back();
    done[i] = true;
    for (const std::uint32_t before : document.nodes[i].after) {
      if (--waiting_for_me[before] == 0) ready.push_back(before);
    }
  }
  const auto first = std::ranges::find(done, false);
  if (first == done.end()) return {};
  // Every node that remains has a remaining successor; find one for each.
  std::vector<std::uint32_t> next(size, 0);
  for (std::uint32_t i = 0; i < size; ++i) {
    if (done[i]) continue;
    for (const std::uint32_t before : document.nodes[i].after) next[before] = i;
  }
  auto at = static_cast<std::uint32_t>(first - done.begin());
  std::vector<bool> seen(size);
  for (; !seen[at]; at = next[at]) seen[at] = true;
  std::vector<std::uint32_t> cycle{at};
  for (std::uint32_t i = next[at]; i != at; i = next[i]) cycle.push_back(i);
  std::ranges::rotate(cycle, std::ranges::min_element(cycle));
  return cycle;
}

std::string describe_cycle(const OpGraphDocument& document,
                           const std::vector<std::uint32_t>& cycle) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(cycle.size(), kShown); ++i) {
    text += document.nodes[cycle[i]].name + " -> ";
  }
  if (cycle.size() > kShown) text += fmt::format("({} more) -> ", cycle.size() - kShown);
  return text + document.nodes[cycle.front()].name;
}

void validate(const OpGraphDocument& document) {
  check_names(document.devices, "device",
              [](const std::string& d) -> std::string_view { return d; });
  check_names(document.nodes, "node",
              [](const GraphNode& n) -> std::string_view { return n.name; });
  if (std::ranges::count(document.devices, "host") > 0) {
    throw std::invalid_argument("\"host\" is the host's memory, not a device");
  }
  for (const GraphNode& node : document.nodes) NodeCheck(document, node).run();
  if (const auto cycle = find_cycle(document); !cycle.empty()) {
    throw std::invalid_argument("nodes wait for each other in a circle: " +
                                describe_cycle(document, cycle));
  }
}

}  // namespace rigsim::workloads
