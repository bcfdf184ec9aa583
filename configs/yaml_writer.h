#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rigsim::configs {

/// Writes block-style YAML, key by key in the order of the calls, so that the same calls give the
/// same bytes and parse_yaml gives the same values back.
class YamlWriter {
 public:
  /// `key: text`, in quotes where YAML needs them.
  void value(std::string_view key, std::string_view text);
  void value(std::string_view key, const char* text) { value(key, std::string_view(text)); }
  void value(std::string_view key, bool truth);
  void value(std::string_view key, std::int64_t number);
  void value(std::string_view key, int number);
  /// The shortest text that reads back as exactly `number`.
  void value(std::string_view key, double number);

  /// `key:` and a map below it until end(). With an anchor, alias() can repeat it.
  void begin_map(std::string_view key, std::string_view anchor = {});
  /// `key: *anchor`.
  void alias(std::string_view key, std::string_view anchor);
  /// `key:` and a list of maps below it, each between begin_item() and end(), until end().
  void begin_list(std::string_view key);
  /// `key: []`.
  void empty_list(std::string_view key);
  void begin_item();
  void end();

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void line(std::string_view content);

  std::string text_;
  std::vector<int> indents_ = {0};
  bool dash_ = false;  ///< the next line opens a list item
};

/// `text` as a YAML scalar that reads back as exactly this text.
[[nodiscard]] std::string yaml_scalar(std::string_view text);

}  // namespace rigsim::configs
