#pragma once

#include <string>

#include "analysis/rig_view.h"

namespace rigsim::analysis {

/// The part of a rig that `view` shows as a Graphviz graph: a node per vertex, an edge per cable
/// with its type and rate.
[[nodiscard]] std::string to_dot(const topology::Rig& rig, const RigView& view);

/// The same as a self-contained SVG picture in light and dark: hosts above, the PCIe tree below
/// them, devices in a row, NVSwitches and peer cables under the devices. Every shape carries its
/// name and rate as a tooltip.
[[nodiscard]] std::string to_svg(const topology::Rig& rig, const RigView& view);

}  // namespace rigsim::analysis
