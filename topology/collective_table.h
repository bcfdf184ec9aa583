#pragma once

#include "topology/collective_profile.h"

namespace rigsim::topology {

/// The points of a table around one size.
struct TableSpot {
  CollectiveTable::Point below;
  CollectiveTable::Point above;  ///< the same as below at a point and beyond the ends
  double share = 0;              ///< way from below to above, in log size
  bool inside = true;            ///< false beyond the ends
};

/// Where `size` stands. Throws std::logic_error for a table without points.
[[nodiscard]] TableSpot find_spot(const CollectiveTable& table, sim::Bytes size);

/// What a table says at a spot, with a model carrying the shape between its points: the ratio of
/// measured to modelled time is interpolated (geometrically) and applied to the model. `below` and
/// `above` are modelled at the spot's points, `here` at the size itself.
[[nodiscard]] sim::Duration at_spot(const TableSpot& spot, sim::Duration below, sim::Duration above,
                                    sim::Duration here);

}  // namespace rigsim::topology
