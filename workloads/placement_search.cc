#include "workloads/placement_search.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "workloads/communication.h"
#include "workloads/forward_pass.h"
#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

constexpr std::size_t kMostExact = 8;
constexpr double kDecodeSteps = 128;

using Group = std::vector<std::uint32_t>;  ///< the devices of one stage of one replica
using Groups = std::vector<Group>;         ///< replica by replica, stage by stage

/// What communication costs between and within groups of a rig's devices.
class Costs {
 public:
  explicit Costs(const DeploymentRequest& request)
      : request_(request),
        network_(request.rig),
        prices_(request.rig, network_, request.engine,
                request.collectives ? &*request.collectives : nullptr, request.scale),
        decode_(hidden(divide_up(request.batch, request.plan.dp))),
        prompt_(hidden(request.engine.micro_batch_tokens)) {}

  /// Of the collectives of one stage.
  [[nodiscard]] double within(const Group& group) {
    if (group.size() < 2) return 0;
    const auto known = within_.find(group);
    if (known != within_.end()) return known->second;
    const double layers =
        static_cast<double>(request_.model.layers) / static_cast<double>(request_.plan.pp);
    const double cost = 2 * layers *
                        (all_reduce(group, prompt_, topology::LaunchMode::kEager) +
                         kDecodeSteps * all_reduce(group, decode_, topology::LaunchMode::kGraph));
    within_.emplace(group, cost);
    return cost;
  }

  /// Of handing on from one stage to the next.
  [[nodiscard]] double between(const Group& from, const Group& to) {
    double slowest = 0;
    const auto ranks = static_cast<std::int64_t>(to.size());
    const std::int64_t tensors = request_.engine.style == KernelStyle::kFused ? 2 : 1;
    for (std::size_t r = 0; r < to.size(); ++r) {
      const auto path = network_.route(from[r], to[r]);
      const auto time = [&](sim::Bytes size) {
        return sim::to_seconds(path.time(sim::Bytes(divide_up(tensors * size.count(), ranks))));
      };
      slowest = std::max(slowest, time(prompt_) + kDecodeSteps * time(decode_));
    }
    return slowest;
  }

  /// Of the slowest replica.
  [[nodiscard]] double of(const Groups& groups) {
    const auto stages = static_cast<std::size_t>(request_.plan.pp);
    double slowest = 0;
    for (std::size_t first = 0; first < groups.size(); first += stages) {
      double cost = 0;
      for (std::size_t s = first; s < std::min(first + stages, groups.size()); ++s) {
        cost += within(groups[s]);
        if (s > first) cost += between(groups[s - 1], groups[s]);
      }
      slowest = std::max(slowest, cost);
    }
    return slowest;
  }

 private:
  [[nodiscard]] sim::Bytes hidden(std::int64_t tokens) const {
    return hidden_state_bytes(request_.model, std::max<std::int64_t>(tokens, 1), request_.engine);
  }

  [[nodiscard]] double all_reduce(const Group& group, sim::Bytes size,
                                  topology::LaunchMode launch) {
    const topology::CollectiveRequest call{topology::CollectiveKind::kAllReduce, group, size};
    if (const auto price = prices_.price(call, launch)) return sim::to_seconds(price->time);
    sim::Duration step{};  // the slowest of a ring
    const auto n = static_cast<std::int64_t>(group.size());
    for (std::size_t r = 0; r < group.size(); ++r) {
      step = std::max(step, network_.route(group[r], group[(r + 1) % group.size()])
                                .time(sim::Bytes(divide_up(size.count(), n))));
    }
    return sim::to_seconds(step * 2 * (n - 1));
  }

  const DeploymentRequest& request_;
  topology::RigNetwork network_;
  CollectivePrices prices_;
  sim::Bytes decode_;
  sim::Bytes prompt_;
  std::map<Group, double> within_;
};

/// The groups as `plan` places them.
Groups groups_of(const ParallelPlan& plan) {
  Groups groups;
  const auto ranks = static_cast<std::size_t>(plan.tp);
  for (std::size_t first = 0; first < static_cast<std::size_t>(device_count(plan));
       first += ranks) {
    Group group;
    for (std::size_t r = 0; r < ranks; ++r) group.push_back(device_at(plan, first + r));
    groups.push_back(std::move(group));
  }
  return groups;
}

using Kind = std::pair<std::string, double>;

Kind kind_of(const topology::Rig& rig, std::uint32_t device) {
  const auto& installed = rig.devices[device];
  return {installed.device.name, installed.power_limit.value_or(installed.device.tdp).count()};
}

/// Places group after group, each from the devices that are left.
class Search {
 public:
  Search(const DeploymentRequest& request, Costs& costs, Groups order)
      : request_(request),
        costs_(costs),
        order_(std::move(order)),
        free_(request.rig.devices.size(), true),
        best_(order_),
        best_cost_(costs.of(order_)) {}

  [[nodiscard]] const Groups& exact() {
    place(0, 0, 0);
    return best_;
  }

  [[nodiscard]] const Groups& greedy() {
    Groups groups;
    for (const Group& wanted : order_) groups.push_back(cheapest(groups, wanted));
    if (costs_.of(groups) < best_cost_) best_ = groups;
    return best_;
  }

 private:
  /// Tries all groups that can stand at `index`; `cost`: of the replica so far, `slowest`: of those
  /// before it.
  void place(std::size_t index, double cost, double slowest) {
    if (std::max(cost, slowest) >= best_cost_) return;
    if (index == order_.size()) {
      best_ = groups_;
      best_cost_ = std::max(cost, slowest);
      return;
    }
    const bool first = index % static_cast<std::size_t>(request_.plan.pp) == 0;
    Group group;
    choose(index, group, 0, first ? 0 : cost, first ? std::max(cost, slowest) : slowest);
  }

  /// Completes `group` with free devices from `from` on.
  void choose(std::size_t index, Group& group, std::uint32_t from, double cost, double slowest) {
    if (group.size() == order_[index].size()) {
      const bool first = index % static_cast<std::size_t>(request_.plan.pp) == 0;
      const double own = costs_.within(group) + (first ? 0 : costs_.between(groups_.back(), group));
      groups_.push_back(group);
      place(index + 1, cost + own, slowest);
      groups_.pop_back();
      return;
    }
    for (std::uint32_t device = from; device < free_.size(); ++device) {
      if (!free_[device] || !is_kind(device, order_[index][group.size()])) continue;
      free_[device] = false;
      group.push_back(device);
      choose(index, group, device + 1, cost, slowest);
      group.pop_back();
      free_[device] = true;
    }
  }

  [[nodiscard]] bool is_kind(std::uint32_t device, std::uint32_t like) const {
    return kind_of(request_.rig, device) == kind_of(request_.rig, like);
  }

  /// Device by device the one that makes the group, and the way from the one before, cheapest.
  [[nodiscard]] Group cheapest(const Groups& placed, const Group& wanted) {
    const bool first = placed.size() % static_cast<std::size_t>(request_.plan.pp) == 0;
    Group group;
    for (const std::uint32_t like : wanted) {
      std::optional<std::uint32_t> best;
      double least = std::numeric_limits<double>::infinity();
      for (std::uint32_t device = 0; device < free_.size(); ++device) {
        if (!free_[device] || !is_kind(device, like)) continue;
        Group candidate = group;
        candidate.push_back(device);
        const double cost =
            costs_.within(candidate) + (first ? 0 : costs_.between(placed.back(), candidate));
        if (cost < least) {
          least = cost;
          best = device;
        }
      }
      group.push_back(best.value());
      free_[*best] = false;
    }
    return group;
  }

  const DeploymentRequest& request_;
  Costs& costs_;
  Groups order_;
  std::vector<bool> free_;
  Groups groups_;
  Groups best_;
  double best_cost_;
};

}  // namespace

std::vector<std::uint32_t> search_placement(const DeploymentRequest& request) {
  DeploymentRequest ordered = request;
  ordered.plan.devices.clear();
  (void)deploy(ordered);  // says what is wrong
  Costs costs(ordered);
  Search search(ordered, costs, groups_of(ordered.plan));
  const Groups& best = ordered.rig.devices.size() <= kMostExact ? search.exact() : search.greedy();
  std::vector<std::uint32_t> devices;
  for (const Group& group : best) devices.insert(devices.end(), group.begin(), group.end());
  return devices;
}

double placement_cost_s(const DeploymentRequest& request) {
  (void)deploy(request);
  return Costs(request).of(groups_of(request.plan));
}

}  // namespace rigsim::workloads
