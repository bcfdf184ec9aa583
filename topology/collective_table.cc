#include "topology/collective_table.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rigsim::topology {
namespace {

double log_ratio(sim::Duration measured, sim::Duration modelled) {
  return std::log(sim::to_seconds(measured) / sim::to_seconds(modelled));
}

}  // namespace

TableSpot find_spot(const CollectiveTable& table, sim::Bytes size) {
  const auto& points = table.points;
  if (points.empty()) throw std::logic_error("a table of collectives without points");
  const auto after = std::lower_bound(
      points.begin(), points.end(), size,
      [](const CollectiveTable::Point& point, sim::Bytes wanted) { return point.size < wanted; });
  if (after == points.end()) return {points.back(), points.back(), 0, false};
  if (after->size == size || after == points.begin())
    return {*after, *after, 0, after->size == size};
  const CollectiveTable::Point& before = *(after - 1);
  return {before, *after, std::log(size / before.size) / std::log(after->size / before.size), true};
}

sim::Duration at_spot(const TableSpot& spot, sim::Duration below, sim::Duration above,
                      sim::Duration here) {
  const double ratio = (1 - spot.share) * log_ratio(spot.below.time, below) +
                       spot.share * log_ratio(spot.above.time, above);
  return sim::from_seconds(sim::to_seconds(here) * std::exp(ratio));
}

}  // namespace rigsim::topology
