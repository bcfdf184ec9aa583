#include "configs/chakra_merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFF;
constexpr std::size_t kMostNodes = std::size_t{1} << 30;

bool is_message(const ChakraNode& node) {
  return node.type == ChakraNode::kSend || node.type == ChakraNode::kRecv;
}

class Merge {
 public:
  Merge(const std::vector<ChakraTrace>& traces, const GroupOf& group_of)
      : traces_(traces), group_of_(group_of) {}

  std::vector<ChakraOp> run() && {
    number_nodes();
    find_dependencies();
    if (traces_.front().global_ids) {
      match_by_id();
    } else {
      match_by_order();
    }
    order_ops();
    link();
    return std::move(ops_);
  }

 private:
  void number_nodes() {
    for (std::uint32_t npu = 0; npu < traces_.size(); ++npu) {
      const ChakraTrace& trace = traces_[npu];
      first_.push_back(static_cast<std::uint32_t>(parts_.size()));
      ids_.emplace_back();
      ids_.back().reserve(trace.nodes.size());
      for (const ChakraNode& node : trace.nodes) {
        if (parts_.size() == kMostNodes) throw UnreadableInput(trace.file, "has too many nodes");
        const auto number = static_cast<std::uint32_t>(parts_.size());
        if (!ids_.back().emplace(node.id, number).second) {
          throw UnreadableInput(trace.file, fmt::format("two nodes have id {}", node.id),
                                node.offset);
        }
        parts_.push_back({&trace, &node, npu});
      }
    }
    first_.push_back(static_cast<std::uint32_t>(parts_.size()));
    op_of_.assign(parts_.size(), kNone);
  }

  /// Of each node the numbers of those it waits for, each once.
  void find_dependencies() {
    deps_.resize(parts_.size());
    awaited_.resize(parts_.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const ChakraPart& part = parts_[i];
      for (const std::uint64_t id : part.node->deps) {
        const auto found = ids_[part.npu].find(id);
        if (found == ids_[part.npu].end()) {
          throw UnreadableInput(
              part.trace->file,
              fmt::format("node {} waits for node {}, which is not there", part.node->id, id),
              part.node->offset);
        }
        deps_[i].push_back(found->second);
        awaited_[found->second] = true;
      }
      std::sort(deps_[i].begin(), deps_[i].end());
      deps_[i].erase(std::unique(deps_[i].begin(), deps_[i].end()), deps_[i].end());
    }
  }

  [[nodiscard]] bool left_out(std::uint32_t i) const {
    const std::uint64_t type = parts_[i].node->type;
    const bool empty = type == ChakraNode::kMetadata || type == ChakraNode::kInvalid;
    return empty && deps_[i].empty() && !awaited_[i];
  }

  void match_by_id() {
    std::map<std::uint64_t, std::vector<std::uint32_t>> by_id;
    for (std::uint32_t i = 0; i < parts_.size(); ++i) {
      if (!left_out(i)) by_id[parts_[i].node->id].push_back(i);
    }
    for (const auto& [id, members] : by_id) {
      const ChakraPart& first = parts_[members.front()];
      if (is_message(*first.node) && first.node->flag(chakra_attribute::kSync)) {
        add_sync(members);
      } else {
        add_op(members);
      }
    }
  }

  /// A message that is a dependency: its receive stands for what its send waits for.
  void add_sync(const std::vector<std::uint32_t>& members) {
    const auto sends = std::find_if(members.begin(), members.end(), [&](std::uint32_t i) {
      return parts_[i].node->type == ChakraNode::kSend;
    });
    const bool good = members.size() == 2 && sends != members.end() && deps_[*sends].size() == 1;
    if (!good)
      parts_[members.front()].fail("is no dependency: it needs a send that waits for one node");
    for (const std::uint32_t i : members) stands_for_[i] = deps_[*sends].front();
  }

  void add_op(const std::vector<std::uint32_t>& members) {
    ChakraOp op;
    for (const std::uint32_t i : members) {
      op.parts.push_back(parts_[i]);
      op_of_[i] = static_cast<std::uint32_t>(ops_.size());
    }
    const ChakraNode& first = *op.parts.front().node;
    for (const ChakraPart& part : op.parts) {
      const bool same =
          part.node->type == first.type || (is_message(first) && is_message(*part.node));
      const bool shared = is_message(first) || first.type == ChakraNode::kCollective;
      if (!same || (op.parts.size() > 1 && !shared)) {
        part.fail(fmt::format("is another node in {}", op.parts.front().trace->file));
      }
    }
    ops_.push_back(std::move(op));
  }

  void match_by_order() {
    std::map<std::vector<std::uint32_t>, std::map<std::uint32_t, std::vector<std::uint32_t>>>
        groups;
    std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>,
             std::pair<std::vector<std::uint32_t>, std::vector<std::uint32_t>>>
        messages;
    for (std::uint32_t npu = 0; npu < traces_.size(); ++npu) {
      for (const std::uint32_t i : in_order(npu)) {
        const ChakraPart& part = parts_[i];
        if (part.node->type == ChakraNode::kCollective) {
          groups[group_of_(part)][npu].push_back(i);
        } else if (is_message(*part.node)) {
          const bool sends = part.node->type == ChakraNode::kSend;
          const std::int64_t other = peer(part, sends ? "comm_dst" : "comm_src");
          const std::int64_t tag = part.node->integer("comm_tag").value_or(0);
          auto& ends = messages[{sends ? npu : other, sends ? other : npu, tag}];
          (sends ? ends.first : ends.second).push_back(i);
        } else if (!left_out(i)) {
          add_op({i});
        }
      }
    }
    for (const auto& [members, lists] : groups) join_collectives(members, lists);
    for (const auto& [key, ends] : messages) join_messages(ends.first, ends.second);
  }

  [[nodiscard]] std::int64_t peer(const ChakraPart& part, const char* attribute) const {
    const auto rank = part.node->integer(attribute);
    if (!rank) part.fail(fmt::format("{} is needed", attribute));
    if (*rank < 0 || *rank >= static_cast<std::int64_t>(traces_.size())) {
      part.fail(
          fmt::format("{} must be from 0 to {}, got {}", attribute, traces_.size() - 1, *rank));
    }
    return *rank;
  }

  void join_collectives(const std::vector<std::uint32_t>& members,
                        const std::map<std::uint32_t, std::vector<std::uint32_t>>& lists) {
    const auto& [leader, first] = *lists.begin();
    for (const std::uint32_t npu : members) {
      const auto list = lists.find(npu);
      const std::size_t count = list == lists.end() ? 0 : list->second.size();
      if (count == first.size()) continue;
      parts_[first.front()].fail(
          fmt::format("NPU {} has {} collectives of this group, NPU {} has {}", leader,
                      first.size(), npu, count));
    }
    for (std::size_t k = 0; k < first.size(); ++k) {
      std::vector<std::uint32_t> together;
      for (const auto& [npu, list] : lists) together.push_back(list[k]);
      add_op(together);
    }
  }

  void join_messages(const std::vector<std::uint32_t>& sends,
                     const std::vector<std::uint32_t>& receives) {
    if (sends.size() != receives.size()) {
      const ChakraPart& lone =
          parts_[sends.size() > receives.size() ? sends[receives.size()] : receives[sends.size()]];
      lone.fail(
          fmt::format("has no counterpart: {} sends and {} receives have its source, "
                      "destination and tag",
                      sends.size(), receives.size()));
    }
    for (std::size_t k = 0; k < sends.size(); ++k) add_op({sends[k], receives[k]});
  }

  /// The nodes of one NPU in the order of the file, as far as dependencies allow.
  [[nodiscard]] std::vector<std::uint32_t> in_order(std::uint32_t npu) const {
    const std::uint32_t begin = first_[npu];
    const std::uint32_t end = first_[npu + 1];
    std::vector<std::vector<std::uint32_t>> next(end - begin);
    std::vector<std::size_t> waits(end - begin);
    std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
    for (std::uint32_t i = begin; i < end; ++i) {
      waits[i - begin] = deps_[i].size();
      for (const std::uint32_t before : deps_[i]) next[before - begin].push_back(i);
      if (deps_[i].empty()) ready.push(i);
    }
    std::vector<std::uint32_t> order;
    while (!ready.empty()) {
      const std::uint32_t i = ready.top();
      ready.pop();
      order.push_back(i);
      for (const std::uint32_t after : next[i - begin]) {
        if (--waits[after - begin] == 0) ready.push(after);
      }
    }
    if (order.size() == end - begin) return order;
    const auto stuck =
        std::find_if(waits.begin(), waits.end(), [](std::size_t n) { return n > 0; });
    parts_[begin + static_cast<std::uint32_t>(stuck - waits.begin())].fail(
        "waits for itself, or for a circle of nodes");
  }

  void order_ops() {
    std::vector<std::uint32_t> order(ops_.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto key = [&](std::uint32_t op) {
      const ChakraPart& first = ops_[op].parts.front();
      return std::tuple(first.node->id, first.npu, op);
    };
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
    std::vector<std::uint32_t> place(order.size());
    std::vector<ChakraOp> sorted;
    for (const std::uint32_t op : order) {
      place[op] = static_cast<std::uint32_t>(sorted.size());
      sorted.push_back(std::move(ops_[op]));
    }
    ops_ = std::move(sorted);
    for (std::uint32_t& op : op_of_) {
      if (op != kNone) op = place[op];
    }
  }

  void link() {
    for (std::uint32_t i = 0; i < parts_.size(); ++i) {
      if (op_of_[i] == kNone) continue;
      std::vector<std::uint32_t>& after = ops_[op_of_[i]].after;
      for (const std::uint32_t before : deps_[i]) after.push_back(op_behind(before));
    }
    for (ChakraOp& op : ops_) {
      std::sort(op.after.begin(), op.after.end());
      op.after.erase(std::unique(op.after.begin(), op.after.end()), op.after.end());
    }
  }

  [[nodiscard]] std::uint32_t op_behind(std::uint32_t i) const {
    const auto sync = stands_for_.find(i);
    const std::uint32_t op = op_of_[sync == stands_for_.end() ? i : sync->second];
    if (op == kNone) parts_[i].fail("is a dependency on a dependency");
    return op;
  }

  const std::vector<ChakraTrace>& traces_;
  const GroupOf& group_of_;
  std::vector<ChakraPart> parts_;                                      // all nodes, NPU after NPU
  std::vector<std::uint32_t> first_;                                   // [NPUs + 1] in parts_
  std::vector<std::unordered_map<std::uint64_t, std::uint32_t>> ids_;  // [NPUs]
  std::vector<std::vector<std::uint32_t>> deps_;                       // [parts]
  std::vector<bool> awaited_;                                          // [parts]
  std::vector<std::uint32_t> op_of_;                                   // [parts]
  std::unordered_map<std::uint32_t, std::uint32_t> stands_for_;        // syncs
  std::vector<ChakraOp> ops_;
};

}  // namespace

void ChakraPart::fail(const std::string& message) const {
  throw ConfigError({trace->file, 0, 0, fmt::format("node {} {}", node->id, in_quotes(node->name))},
                    message);
}

std::vector<ChakraOp> merge_traces(const std::vector<ChakraTrace>& traces,
                                   const GroupOf& group_of) {
  return Merge(traces, group_of).run();
}

}  // namespace rigsim::configs
