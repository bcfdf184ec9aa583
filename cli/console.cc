#include "cli/console.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace rigsim::cli {

Console Console::of_process() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool plain = (no_colour != nullptr && *no_colour != '\0') ||
                     (terminal != nullptr && std::string_view(terminal) == "dumb");
  return {.colour = isatty(STDOUT_FILENO) == 1 && !plain,
          .show_progress = isatty(STDERR_FILENO) == 1};
}

std::string Console::bold(std::string_view text) const {
  if (!colour) return std::string(text);
  return "\x1b[1m" + std::string(text) + "\x1b[0m";
}

void Progress::show(std::string_view text) {
  if (!shown_) return;
  // Whether a progress line arrives is of no interest.
  (void)write_all(STDERR_FILENO, "\r\x1b[K" + std::string(text));
  dirty_ = true;
}

Progress::~Progress() {
  if (dirty_) (void)write_all(STDERR_FILENO, "\r\x1b[K");
}

Written write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno == EPIPE ? Written::kReaderGone : Written::kFailed;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return Written::kAll;
}

}  // namespace rigsim::cli
