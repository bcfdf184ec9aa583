#include "tests/cli/program.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace rigsim::cli::test {
namespace {

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/// Starts `line` in a shell that becomes the program, so that signals reach it.
pid_t start(const std::string& line) {
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid failed");
  return code_of(status);
}

std::string shell_line(const std::string& words, const RunOptions& options, const Folder& streams) {
  const std::string where = options.folder.empty() ? "." : options.folder.string();
  const std::string out = options.shell_redirect.empty() ? "> " + (streams.path() / "out").string()
                                                         : options.shell_redirect;
  return options.shell_before + " cd '" + where + "' && exec '" RIGSIM_BINARY "' " + words + " " +
         out + " 2> " + (streams.path() / "err").string() + " < /dev/null";
}

std::string contents_if_any(const std::filesystem::path& file) {
  return std::filesystem::exists(file) ? contents(file) : std::string();
}

}  // namespace

Outcome rigsim(const std::string& line, const RunOptions& options) {
  const Folder streams;
  const int code = wait_for(start(shell_line(line, options, streams)));
  return {code, contents_if_any(streams.path() / "out"), contents_if_any(streams.path() / "err")};
}

Outcome rigsim_interrupted(const std::string& line, int signal, std::chrono::milliseconds delay,
                           const std::filesystem::path& folder) {
  const Folder streams;
  const pid_t child = start(shell_line(line, {.folder = folder}, streams));
  std::this_thread::sleep_for(delay);
  kill(child, signal);
  const int code = wait_for(child);
  return {code, contents_if_any(streams.path() / "out"), contents_if_any(streams.path() / "err")};
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "rigsim-cli-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path Folder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return path_ / name;
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace rigsim::cli::test
