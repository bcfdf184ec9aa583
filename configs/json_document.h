#pragma once

#include <string>
#include <string_view>

#include "configs/yaml_document.h"

namespace rigsim::configs {

/// Parses strict JSON into the tree that parse_yaml gives, positions included, for files that other
/// programs wrote. Throws UnreadableInput where it is no JSON (with what and where), ConfigError
/// for duplicate keys, too many values, too deep nesting.
[[nodiscard]] YamlDocument parse_json(std::string_view text, std::string file);

}  // namespace rigsim::configs
