#pragma once

#include <string_view>

#include "configs/csv_table.h"
#include "configs/yaml_document.h"

namespace rigsim::configs {

/// The shipped file catalog/collectives/NAME. Throws ConfigError where it is wrong,
/// std::logic_error where there is none.
[[nodiscard]] YamlDocument collective_yaml(std::string_view name);
[[nodiscard]] CsvTable collective_csv(std::string_view name);

}  // namespace rigsim::configs
