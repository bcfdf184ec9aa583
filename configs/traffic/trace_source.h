#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rigsim::configs {

/// A trace's text, line by line, from a plain or gzip file or from memory. It holds no more of a
/// file than its longest line.
class TraceSource {
 public:
  /// Throws UnreadableInput.
  explicit TraceSource(const std::filesystem::path& path);
  TraceSource(std::string_view text, std::string file);
  ~TraceSource();
  TraceSource(const TraceSource&) = delete;
  TraceSource& operator=(const TraceSource&) = delete;

  /// The next line without its end (LF or CRLF); false behind the last. The view holds until the
  /// next call. Throws UnreadableInput: a read error, a gzip file that is cut short or damaged, a
  /// line of more than 1 GiB.
  [[nodiscard]] bool next(std::string_view& line);
  /// The line last given comes again.
  void again();
  /// All from the line that would come next to the end. Throws as above, and beyond 4 GiB.
  [[nodiscard]] std::string_view rest();

  [[nodiscard]] int line() const { return line_; }  ///< number of the line last given, from 1
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  struct Reader;

  /// Reads more behind what is held, which moves to the front; false at the end.
  bool fill(std::size_t most);
  [[nodiscard]] std::string_view held() const { return {buffer_.data() + begin_, end_ - begin_}; }

  std::string file_;
  std::unique_ptr<Reader> reader_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< of what has not been given
  std::size_t end_ = 0;
  std::size_t last_ = 0;  ///< where the line last given begins
  int line_ = 0;
};

}  // namespace rigsim::configs
