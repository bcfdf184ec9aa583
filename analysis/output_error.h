#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace rigsim::analysis {

/// A result file cannot be written: no such directory, no permission, disk full, in use by another
/// run. The message is "PATH: reason"; the command line turns it into exit code 6.
class OutputError : public std::runtime_error {
 public:
  OutputError(std::filesystem::path path, const std::string& reason)
      : std::runtime_error(path.string() + ": " + reason),
        path_(std::move(path)),
        reason_(reason) {}

  /// The file the user asked for (not its `.part`).
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  std::filesystem::path path_;
  std::string reason_;
};

}  // namespace rigsim::analysis
