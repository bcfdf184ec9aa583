#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace rigsim::cli::test {

/// What a run of the program left behind.
struct Outcome {
  int code = 0;  ///< exit code; 128 + the signal where one killed it
  std::string out;
  std::string err;
};

/// How to run it beyond its words.
struct RunOptions {
  std::filesystem::path folder{};  ///< working directory; empty: the test's
  std::string shell_redirect{};    ///< "> /dev/full"
  std::string shell_before{};      ///< "ulimit -f 8;"
};

/// Runs the built `rigsim` as a user types it: `line` is a shell line after the program's name.
[[nodiscard]] Outcome rigsim(const std::string& line, const RunOptions& options = {});

/// Starts it, sends `signal` after `delay`, and waits for the end.
[[nodiscard]] Outcome rigsim_interrupted(const std::string& line, int signal,
                                         std::chrono::milliseconds delay,
                                         const std::filesystem::path& folder);

/// A new empty folder, gone with its contents at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file in it; returns its path.
  std::filesystem::path write(const std::string& name, const std::string& text) const;
  /// The names in it, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::filesystem::path path_;
};

/// All of a file.
[[nodiscard]] std::string contents(const std::filesystem::path& file);

}  // namespace rigsim::cli::test
