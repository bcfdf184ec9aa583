#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace rigsim::configs {

/// The whole of a regular file. Throws UnreadableInput with the reason: missing, a directory, no
/// permission, a read error, or more than `most` bytes.
[[nodiscard]] std::string read_whole_file(const std::filesystem::path& path, std::uint64_t most);

/// The first bytes of a regular file, at most `most`. Throws as above, but not for a long file.
[[nodiscard]] std::string read_file_start(const std::filesystem::path& path, std::uint64_t most);

}  // namespace rigsim::configs
