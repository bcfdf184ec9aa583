#pragma once

#include <string_view>

#include "configs/json_cursor.h"

namespace rigsim::configs {

/// Reads past the value at hand, whatever it is. Throws ConfigError where it nests deeper than 64.
void skip_value(JsonCursor& cursor, int depth = 0);

/// The number at hand as it is written; of anything else its name, "null" or "a text", which no
/// field allows. Reads past it.
[[nodiscard]] std::string_view scalar_text(JsonCursor& cursor);

}  // namespace rigsim::configs
