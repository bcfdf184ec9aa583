#pragma once

#include "configs/yaml_reader.h"
#include "topology/device.h"

namespace rigsim::configs {

class Catalog;

/// A device named in a file: a catalogue name, a definition, or a definition with `like: NAME` that
/// takes every key it does not give from the catalogue's device. Throws ConfigError.
[[nodiscard]] topology::Device read_device_reference(const ValueReader& value,
                                                     const Catalog& catalog);

}  // namespace rigsim::configs
