#pragma once

#include <filesystem>
#include <string_view>

namespace rigsim::cli {

/// Writes all of `text` beside `path`, then renames: a failure leaves what was there. Throws
/// analysis::OutputError.
void write_text_file(const std::filesystem::path& path, std::string_view text);

/// Throws analysis::OutputError where write_text_file(path, ...) could not begin: asked before long
/// work. Leaves nothing behind.
void check_can_write(const std::filesystem::path& path);

}  // namespace rigsim::cli
