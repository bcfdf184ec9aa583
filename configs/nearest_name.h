#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rigsim::configs {

/// A name as it is compared: lower-case letters and digits only ("RTX 4090" = "rtx-4090"); the
/// multiplication sign counts as x.
[[nodiscard]] std::string normalised(std::string_view name);

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`
/// (optimal string alignment distance).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The names most like `wanted`, best first, at most `most`; compared as normalised. None where
/// nothing is near: closer than a third of the length, or one contains the other. A name that
/// begins as `wanted` counts as one edit away. Ties keep the order of `names`.
[[nodiscard]] std::vector<std::string> nearest_names(std::string_view wanted,
                                                     std::span<const std::string> names,
                                                     std::size_t most = 3);

/// `, did you mean "a" or "b"?`, or nothing where no name is near.
[[nodiscard]] std::string did_you_mean(std::string_view wanted, std::span<const std::string> names,
                                       std::size_t most = 1);

}  // namespace rigsim::configs
