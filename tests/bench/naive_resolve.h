#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "sim/network.h"

namespace rigsim::bench {

/// Flows shared max-min fairly with no thought of cost: at every start and every finish all rates
/// are filled from 0 over all links and flows. Does not know caps.
class NaiveResolve {
 public:
  explicit NaiveResolve(const sim::Network& network) : network_(&network) {}

  void start(sim::RouteId route, double bytes) {
    flows_.push_back({route, bytes});
    fill();
  }

  /// Seconds at which each flow finishes, by the order of `start`; all were started at 0.
  [[nodiscard]] std::vector<double> run() {
    std::vector<double> finish(flows_.size());
    for (std::size_t done = 0; done < flows_.size(); ++done) {
      std::size_t first = flows_.size();
      double soonest = kInfinity;
      for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (!flows_[i].moving || flows_[i].bytes / flows_[i].rate >= soonest) continue;
        soonest = flows_[i].bytes / flows_[i].rate;
        first = i;
      }
      now_ += soonest;
      for (Flow& flow : flows_) flow.bytes = std::max(flow.bytes - flow.rate * soonest, 0.0);
      flows_[first].moving = false;
      flows_[first].rate = 0;
      finish[first] = now_;
      fill();
    }
    return finish;
  }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  struct Flow {
    sim::RouteId route;
    double bytes;
    double rate = 0;
    bool moving = true;
    bool open = false;
  };

  void fill() {
    std::vector<double> left;
    std::vector<int> open(network_->link_count(), 0);
    for (std::uint32_t link = 0; link < network_->link_count(); ++link) {
      left.push_back(network_->link(sim::LinkId{link}).capacity.count());
    }
    for (Flow& flow : flows_) {
      flow.open = flow.moving;
      if (!flow.moving) continue;
      for (const sim::LinkId link : network_->links(flow.route)) ++open[index_of(link)];
    }
    while (true) {
      double level = kInfinity;
      std::size_t full = 0;
      for (std::size_t link = 0; link < left.size(); ++link) {
        if (open[link] == 0 || left[link] / open[link] >= level) continue;
        level = left[link] / open[link];
        full = link;
      }
      if (level == kInfinity) return;
      for (Flow& flow : flows_) {
        const auto links = network_->links(flow.route);
        if (!flow.open || std::ranges::find(links, full, sim::index_of<sim::LinkId>) == links.end())
          continue;
        flow.open = false;
        flow.rate = level;
        for (const sim::LinkId link : links) {
          left[index_of(link)] -= level;
          --open[index_of(link)];
        }
      }
    }
  }

  const sim::Network* network_;
  std::vector<Flow> flows_;
  double now_ = 0;
};

}  // namespace rigsim::bench
