#pragma once

#include <span>
#include <string_view>

namespace rigsim::configs {

/// A data file built into the program.
struct EmbeddedFile {
  std::string_view path;  ///< below configs/: "catalog/models.yaml"
  std::string_view text;
};

/// Every file listed in configs/CMakeLists.txt, in that order.
[[nodiscard]] std::span<const EmbeddedFile> embedded_files();

}  // namespace rigsim::configs
