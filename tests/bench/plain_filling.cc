#include "tests/bench/plain_filling.h"

#include <algorithm>
#include <limits>

namespace rigsim::bench {

using sim::index_of;
using sim::LinkId;

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
}  // namespace

PlainFilling::PlainFilling(const sim::Network& network, std::size_t flows, Solve solve)
    : network_(&network),
      solve_(solve),
      flows_(flows),
      on_(network.link_count()),
      left_(network.link_count()),
      rising_(network.link_count()),
      given_(flows) {}

void PlainFilling::start(std::size_t flow, sim::RouteId route, double bytes) {
  flows_[flow] = {bytes, 0, route, true};
  for (const LinkId link : network_->links(route)) {
    on_[index_of(link)].push_back(static_cast<std::uint32_t>(flow));
  }
}

void PlainFilling::fill() {
  for (std::uint32_t link = 0; link < left_.size(); ++link) {
    left_[link] = network_->link(LinkId{link}).capacity.count();
    rising_[link] = static_cast<std::uint32_t>(on_[link].size());
  }
  std::ranges::fill(given_, 0);
  while (true) {
    double level = kInfinity;
    std::size_t full = 0;
    for (std::size_t link = 0; link < left_.size(); ++link) {
      if (rising_[link] == 0) continue;
      const double at = left_[link] / rising_[link];
      if (at < level) {
        level = at;
        full = link;
      }
    }
    if (level == kInfinity) return;
    for (const std::uint32_t flow : on_[full]) {
      if (given_[flow]) continue;
      given_[flow] = 1;
      flows_[flow].rate = level;
      for (const LinkId link : network_->links(flows_[flow].route)) {
        left_[index_of(link)] -= level;
        --rising_[index_of(link)];
      }
    }
  }
}

std::size_t PlainFilling::advance() {
  fill();
  double soonest = kInfinity;
  std::size_t first = 0;
  for (std::size_t flow = 0; flow < flows_.size(); ++flow) {
    if (!flows_[flow].moving) continue;
    const double time = flows_[flow].remaining / flows_[flow].rate;
    if (time < soonest) {
      soonest = time;
      first = flow;
    }
  }
  for (Flow& flow : flows_) flow.remaining -= flow.rate * soonest;
  now_ += soonest;
  flows_[first].moving = false;
  flows_[first].rate = 0;
  for (const LinkId link : network_->links(flows_[first].route)) {
    std::erase(on_[index_of(link)], static_cast<std::uint32_t>(first));
  }
  if (solve_ == Solve::kEveryEvent)
    fill();  // the one after the start that follows comes first in the next call
  return first;
}

}  // namespace rigsim::bench
