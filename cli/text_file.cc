#include "cli/text_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "analysis/output_error.h"

namespace rigsim::cli {

namespace fs = std::filesystem;

void write_text_file(const fs::path& path, std::string_view text) {
  if (fs::is_directory(path)) throw analysis::OutputError(path, "is a directory");
  fs::path part = path;
  part += ".part";
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
