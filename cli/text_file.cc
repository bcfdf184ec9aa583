#include "cli/text_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "analysis/output_error.h"

namespace rigsim::cli {

namespace fs = std::filesystem;

namespace {

fs::path part_of(const fs::path& path) {
  if (fs::is_directory(path)) throw analysis::OutputError(path, "is a directory");
  fs::path part = path;
  part += ".part";
  return part;
}

}  // namespace

void check_can_write(const fs::path& path) {
  const fs::path part = part_of(path);
  const bool there = fs::exists(part);
  const std::ofstream file(part, std::ios::binary | std::ios::app);
  if (!file) throw analysis::OutputError(path, std::strerror(errno));
  std::error_code ignored;
  if (!there) fs::remove(part, ignored);
}

void write_text_file(const fs::path& path, std::string_view text) {
  const fs::path part = part_of(path);
  {
    std::ofstream file(part, std::ios::binary);
    file << text;
    file.close();
    if (!file) {
      const int reason = errno;
      std::error_code ignored;
      fs::remove(part, ignored);
      throw analysis::OutputError(path, std::strerror(reason));
    }
  }
  std::error_code failed;
  fs::rename(part, path, failed);
  if (failed) throw analysis::OutputError(path, failed.message());
}

}  // namespace rigsim::cli
