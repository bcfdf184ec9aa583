#pragma once

#include <string_view>
#include <vector>

#include "sim/units.h"

namespace rigsim::cli {

/// Sizes as a user lists them: parts separated by commas, each one size or a range FIRST-LAST, in
/// which each size is `factor` times the one before. Units: B, KB, MB, GB (powers of 1000), KiB,
/// MiB, GiB, and as nccl-tests has them K, M, G (powers of 1024); none is bytes; case does not
/// matter. The last size of a range may pass its end by 8 %, so that 512B-512MB ends at 512 MiB.
/// Throws std::invalid_argument: an unknown unit, a size that is not whole or > 0 or beyond 1 TiB,
/// a range that runs backwards, a factor below 2, more than 1000 sizes.
[[nodiscard]] std::vector<sim::Bytes> parse_sizes(std::string_view text, std::int64_t factor);

}  // namespace rigsim::cli
