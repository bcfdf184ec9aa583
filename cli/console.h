#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rigsim::cli {

/// What the program writes to, and what it may do there.
struct Console {
  bool colour = false;         ///< standard output is a terminal and NO_COLOR is not set
  bool show_progress = false;  ///< standard error is a terminal

  /// Looks at the process's standard streams and environment.
  [[nodiscard]] static Console of_process();

  /// `text` in bold, or as it is.
  [[nodiscard]] std::string bold(std::string_view text) const;
};

/// Shows how far long work is, on one line of standard error, and takes the line away at the end.
/// Without a terminal there it does nothing.
class Progress {
 public:
  explicit Progress(const Console& console) : shown_(console.show_progress) {}
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::string_view text);

 private:
  bool shown_;
  bool dirty_ = false;
};

/// What became of a write to standard output.
enum class Written {
  kAll,
  kReaderGone,  ///< the other end was closed, as `head` does: nobody misses the rest
  kFailed,      ///< disk full, closed descriptor; errno says which
};

/// Writes all of `text` to the file descriptor.
[[nodiscard]] Written write_all(int descriptor, std::string_view text);

}  // namespace rigsim::cli
