#pragma once

#include <string_view>

#include "sim/units.h"
#include "topology/device.h"
#include "workloads/op_graph_document.h"

namespace rigsim::workloads {

/// How long a compute node takes on a device, and which roof sets it.
struct RooflineTime {
  sim::Duration time{};
  bool memory_bound = false;
};

/// The datasheet's dense peak for a number format. 16-bit formats: the tensor rate with 32-bit
/// accumulation, else the other 16-bit format's, else the rate without tensor cores, else 32-bit.
/// Throws std::invalid_argument, naming device and format, where the datasheet states none.
[[nodiscard]] sim::FlopRate peak_rate(const topology::Device& device, MathFormat format);

/// max(FLOPs / peak, bytes / bandwidth), each rounded once; ties count as compute-bound. Throws as
/// peak_rate() where FLOPs are asked for, and where the datasheet states no memory bandwidth.
[[nodiscard]] RooflineTime roofline_time(const ComputeNode& node, const topology::Device& device);

}  // namespace rigsim::workloads
