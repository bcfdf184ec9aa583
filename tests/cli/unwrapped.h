#pragma once

#include <algorithm>
#include <string>

namespace rigsim::cli::test {

/// `text` in one line.
[[nodiscard]] inline std::string unwrapped(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

}  // namespace rigsim::cli::test
