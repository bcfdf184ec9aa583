#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace rigsim::configs {

/// Bytes of the UTF-8 character of `text` that starts at `at`; 0 where none does (overlong forms,
/// surrogates and values above U+10FFFF are none; Unicode 15, table 3-7).
[[nodiscard]] std::size_t utf8_length(std::string_view text, std::size_t at);

/// Index of the first byte that is not UTF-8; none: all of `text` is.
[[nodiscard]] std::optional<std::size_t> first_bad_utf8(std::string_view text);

}  // namespace rigsim::configs
