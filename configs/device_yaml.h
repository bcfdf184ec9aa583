#pragma once

#include "configs/yaml_reader.h"
#include "configs/yaml_writer.h"
#include "topology/device.h"

namespace rigsim::configs {

/// Reads the facts of a device. Needed: name, kind, memory, memory_bandwidth, sm_count,
/// boost_clock, peak with at least one rate, tdp; everything else may be left out. The caller calls
/// finish(). Throws ConfigError.
[[nodiscard]] topology::Device read_device(ObjectReader& entry);

/// Writes everything that read_device reads, so that it comes back the same.
void write_device(YamlWriter& out, const topology::Device& device);

}  // namespace rigsim::configs
