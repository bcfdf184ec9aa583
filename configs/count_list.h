#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace rigsim::configs {

/// Whole numbers as a user lists them: parts behind commas, each one number or a range FIRST-LAST,
/// in which each number is twice the one before and the last one is LAST: "1-512", "1,3,8-24" (8,
/// 16, 24). Throws std::invalid_argument: a number outside `least` to `most`, a range that runs
/// backwards, numbers that do not increase.
[[nodiscard]] std::vector<std::int64_t> parse_increasing(std::string_view text, std::int64_t least,
                                                         std::int64_t most);

}  // namespace rigsim::configs
