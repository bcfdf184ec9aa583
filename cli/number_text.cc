#include "cli/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace rigsim::cli {

std::string significant(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return fmt::format("{}", value);
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  std::string text = fmt::format("{:.{}f}", value, std::max(digits - 1 - magnitude, 0));
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string time_text(double seconds) {
  constexpr int kDigits = 3;
  constexpr std::array<std::pair<double, const char*>, 4> kUnits{
      {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}}};
  constexpr double kRoundsUp = 0.9995;  // 999.6 ms are 1 s
  for (const auto& [scale, unit] : kUnits) {
    if (std::abs(seconds) >= kRoundsUp * scale)
      return fmt::format("{} {}", significant(seconds / scale, kDigits), unit);
  }
  return std::abs(seconds) < 1e-12 ? "0 s" : fmt::format("{} s", significant(seconds, kDigits));
}

}  // namespace rigsim::cli
