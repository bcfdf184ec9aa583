#include "configs/input_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

File open(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) {
    throw UnreadableInput(path.string(), "is a directory, not a file");
  }
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw UnreadableInput(path.string(), "is not a regular file");
  }
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) {
    throw UnreadableInput(path.string(), fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  return file;
}

}  // namespace

std::string read_file_start(const std::filesystem::path& path, std::uint64_t most) {
  const File file = open(path);
  std::string text;
  char block[65536];
  while (text.size() < most) {
    const std::size_t want = std::min<std::uint64_t>(sizeof block, most - text.size());
    const std::size_t got = std::fread(block, 1, want, file.get());
    text.append(block, got);
    if (got < want) break;
  }
  if (std::ferror(file.get()) != 0) {
    throw UnreadableInput(path.string(), fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  return text;
}

std::string read_whole_file(const std::filesystem::path& path, std::uint64_t most) {
  std::string text = read_file_start(path, most + 1);
  if (text.size() > most) {
    throw UnreadableInput(path.string(), fmt::format("larger than {} bytes", most));
  }
  return text;
}

}  // namespace rigsim::configs
