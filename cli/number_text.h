#pragma once

#include <string>

namespace rigsim::cli {

/// `value` rounded to `digits` significant ones, in plain digits without an exponent: 12346,
/// 0.0123. Digits before the point are all kept; zeros at the end behind it are left out.
[[nodiscard]] std::string significant(double value, int digits);

/// Three significant digits in the unit that suits: "16.3 ms", "1.59 s", "2901 s", "0 s".
[[nodiscard]] std::string time_text(double seconds);

}  // namespace rigsim::cli
