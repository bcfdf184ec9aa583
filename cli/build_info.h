#pragma once

#include <string_view>

namespace rigsim::cli {

/// What this program was built from.
struct BuildInfo {
  std::string_view version;  ///< of the project, "0.1.0"
  std::string_view commit;   ///< git's full hash when it was configured; "unknown" outside git
};

[[nodiscard]] BuildInfo build_info();

}  // namespace rigsim::cli
