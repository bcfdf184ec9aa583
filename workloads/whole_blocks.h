#pragma once

#include <cstdint>

namespace rigsim::workloads {

/// Blocks of `unit` needed for `amount` >= 0.
[[nodiscard]] constexpr std::int64_t divide_up(std::int64_t amount, std::int64_t unit) {
  return amount / unit + (amount % unit != 0 ? 1 : 0);
}

/// `amount` >= 0 in whole units.
[[nodiscard]] constexpr std::int64_t round_up(std::int64_t amount, std::int64_t unit) {
  return divide_up(amount, unit) * unit;
}

}  // namespace rigsim::workloads
