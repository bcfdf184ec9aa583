#pragma once

#include "cli/table.h"
#include "configs/catalog.h"
#include "configs/engine_file.h"

namespace rigsim::cli {

/// One row per entry, in the catalogue's order, with its confidence in the last column.
[[nodiscard]] Table listing(std::span<const configs::Entry<topology::Device>> entries);
[[nodiscard]] Table listing(std::span<const configs::Entry<topology::Rig>> entries);
[[nodiscard]] Table listing(std::span<const configs::Entry<topology::Host>> entries);
[[nodiscard]] Table listing(std::span<const configs::Entry<workloads::Model>> entries);
[[nodiscard]] Table listing(std::span<const configs::Entry<workloads::TensorType>> entries);
[[nodiscard]] Table listing(std::span<const configs::Entry<workloads::WeightsFormat>> entries);
[[nodiscard]] Table listing(std::span<const configs::Entry<workloads::KvFormat>> entries);
[[nodiscard]] Table listing(std::span<const configs::Entry<configs::EngineFile>> entries);

}  // namespace rigsim::cli
