#include "configs/traffic/trace_source.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "configs/config_error.h"
#include "configs/input_file.h"

namespace rigsim::configs {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 18;
constexpr std::size_t kLongestLine = std::size_t{1} << 30;
constexpr std::size_t kLongestText = std::size_t{1} << 32;

}  // namespace

/// An open file; zlib passes through what is not gzip.
struct TraceSource::Reader {
  gzFile file = nullptr;

  ~Reader() { gzclose_r(file); }
};

TraceSource::TraceSource(const std::filesystem::path& path)
    : file_(path.string()), reader_(std::make_unique<Reader>()), buffer_(kBlock) {
  (void)read_file_start(path, 1);  // says why a path is none that can be read
  reader_->file = gzopen(path.c_str(), "rb");
  if (reader_->file == nullptr) {
    throw UnreadableInput(file_, fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  gzbuffer(reader_->file, kBlock);
}

TraceSource::TraceSource(std::string_view text, std::string file)
    : file_(std::move(file)), buffer_(text.begin(), text.end()), end_(text.size()) {}

TraceSource::~TraceSource() = default;

bool TraceSource::fill(std::size_t most) {
  if (!reader_) return false;
  std::copy(buffer_.data() + begin_, buffer_.data() + end_, buffer_.data());
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size()) {
    if (end_ >= most) {
      throw UnreadableInput(file_,
                            fmt::format("line {} is longer than {} GiB", line_ + 1, most >> 30));
    }
    buffer_.resize(std::min(2 * buffer_.size(), most));
  }
  const auto want = static_cast<unsigned>(std::min(buffer_.size() - end_, kLongestLine));
  const int got = gzread(reader_->file, buffer_.data() + end_, want);
  int error = Z_OK;
  const char* why = gzerror(reader_->file, &error);
  if (error == Z_BUF_ERROR) {
    end_ += static_cast<std::size_t>(std::max(got, 0));
    const std::string_view text = held();
    throw UnreadableInput(file_,
                          fmt::format("truncated gzip: it ends within line {}",
                                      line_ + 1 + std::count(text.begin(), text.end(), '\n')));
  }
  if (got < 0 || error != Z_OK) {
    throw UnreadableInput(
        file_, error == Z_ERRNO
                   ? fmt::format("cannot be read: {}", std::strerror(errno))
                   : fmt::format("damaged gzip after line {}: {}", line_, std::string_view(why)));
  }
  end_ += static_cast<std::size_t>(got);
  return got > 0;
}

bool TraceSource::next(std::string_view& line) {
  std::size_t searched = 0;
  std::size_t length = std::string_view::npos;
  while ((length = held().find('\n', searched)) == std::string_view::npos) {
    searched = end_ - begin_;
    if (fill(kLongestLine)) continue;
    if (searched == 0) return false;
    length = searched;
    break;
  }
  line = held().substr(0, length);
  if (line.ends_with('\r')) line.remove_suffix(1);
  last_ = begin_;
  begin_ = std::min(begin_ + length + 1, end_);
  ++line_;
  return true;
}

void TraceSource::again() {
  begin_ = last_;
  --line_;
}

std::string_view TraceSource::rest() {
  while (fill(kLongestText)) {
  }
  return held();
}

}  // namespace rigsim::configs
