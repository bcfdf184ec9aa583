#pragma once

#include "configs/engine_file.h"
#include "configs/yaml_reader.h"

namespace rigsim::configs {

/// Reads one backend of a fit document into `engine`, whose profile has that backend already.
/// Throws ConfigError.
void read_backend_fit(const ValueReader& value, workloads::BackendProfile& backend,
                      EngineFile& engine);

}  // namespace rigsim::configs
