#pragma once

#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>

namespace rigsim::cli {

/// The user (SIGINT) or the system (SIGTERM) asked the program to stop.
class Interrupted : public std::runtime_error {
 public:
  Interrupted(int signal, const std::string& message)
      : std::runtime_error(message), signal_(signal) {}
  [[nodiscard]] int signal() const { return signal_; }

 private:
  int signal_;
};

/// While this lives, SIGINT and SIGTERM wait until somebody asks; so work stops where it can keep
/// what is done. A signal that the program was told to ignore (nohup, a shell's background job)
/// stays ignored. Make it before starting threads: they inherit it. One at a time.
class Interruption {
 public:
  Interruption();
  /// Drops a signal that waits (it was reported, or came when all work was done) and lets later
  /// ones through again.
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// The signal that waits, if one does.
  [[nodiscard]] std::optional<int> pending() const;

 private:
  sigset_t held_{};
  sigset_t before_{};
};

}  // namespace rigsim::cli
