#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/output_error.h"
#include "cli/application.h"
#include "cli/interruption.h"
#include "configs/config_error.h"

namespace {

using rigsim::cli::ExitCode;

/// One line on standard error, whatever the message holds.
void tell(std::string_view kind, std::string_view message) {
  std::string line = fmt::format("{}: {}", kind, message);
  for (char& byte : line) {
    if (byte == '\n' || byte == '\r') byte = ' ';
  }
  (void)rigsim::cli::write_all(STDERR_FILENO, line + '\n');
}

ExitCode fail(ExitCode code, std::string_view kind, std::string_view message) {
  tell(kind, message);
  return code;
}

ExitCode print(const rigsim::cli::Answer& answer) {
  using rigsim::cli::Written;
  if (!answer.warning.empty()) tell("warning", answer.warning);
  const Written written = rigsim::cli::write_all(STDOUT_FILENO, answer.text);
  if (written != Written::kFailed) return answer.code;
  return fail(ExitCode::kOutputUnwritable, "error",
              fmt::format("standard output: {}", std::strerror(errno)));
}

ExitCode run(const std::vector<std::string>& words) {
  try {
    return print(rigsim::cli::answer(words, rigsim::cli::Console::of_process()));
  } catch (const rigsim::cli::Interrupted& stop) {
    return fail(stop.signal() == SIGTERM ? ExitCode::kTerminated : ExitCode::kInterrupted,
                "interrupted", stop.what());
  } catch (const rigsim::configs::UnreadableInput& error) {
    return fail(ExitCode::kUnreadableInput, "error", error.what());
  } catch (const rigsim::analysis::OutputError& error) {
    return fail(ExitCode::kOutputUnwritable, "error", error.what());
  } catch (const std::invalid_argument& error) {
    return fail(ExitCode::kUsage, "error", error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::kOurFault, "error", "out of memory");
  } catch (const std::exception& error) {
    return fail(ExitCode::kOurFault, "error",
                fmt::format("internal error, please report it: {}", error.what()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves is not an error: write_all sees it
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond its allowed size is an error like a full disk
  const int given = argc > 1 ? 1 : argc;
  return static_cast<int>(run(std::vector<std::string>(argv + given, argv + argc)));
}
