#pragma once

#include <nlohmann/json_fwd.hpp>

#include "configs/catalog.h"
#include "configs/engine_file.h"

namespace rigsim::cli {

/// Catalogue entries for machines: the facts with units in the keys (`memory_bytes`), the same
/// names as in YAML otherwise, then `source`, `date`, `confidence`, `notes`. What is not known is
/// left out.
[[nodiscard]] nlohmann::ordered_json to_json(const configs::Entry<topology::Device>& entry);
[[nodiscard]] nlohmann::ordered_json to_json(const configs::Entry<topology::Rig>& entry);
[[nodiscard]] nlohmann::ordered_json to_json(const configs::Entry<topology::Host>& entry);
[[nodiscard]] nlohmann::ordered_json to_json(const configs::Entry<workloads::Model>& entry);
[[nodiscard]] nlohmann::ordered_json to_json(const configs::Entry<workloads::TensorType>& entry);
[[nodiscard]] nlohmann::ordered_json to_json(const configs::Entry<workloads::WeightsFormat>& entry);
[[nodiscard]] nlohmann::ordered_json to_json(const configs::Entry<workloads::KvFormat>& entry);
[[nodiscard]] nlohmann::ordered_json to_json(const configs::Entry<configs::EngineFile>& entry);

}  // namespace rigsim::cli
