#pragma once

#include <string>
#include <string_view>

namespace rigsim::configs {

/// `text` as a JSON string, quotes included, for documents too large for a tree.
/// Throws std::invalid_argument for text that is not UTF-8.
[[nodiscard]] std::string json_text(std::string_view text);

}  // namespace rigsim::configs
