#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

namespace rigsim::analysis::testing {

inline constexpr int kKilled = -1;

/// Starts `body` in a child process, which leaves by exit() with what it returns (so that HDF5
/// cleans up as in any program), or by a signal if it hangs for a minute.
inline pid_t start_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  alarm(60);
  std::exit(body());
}

/// The exit code of `child`; kKilled if a signal ended it.
inline int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kKilled;
}

}  // namespace rigsim::analysis::testing
