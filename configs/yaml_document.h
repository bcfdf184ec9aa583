#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rigsim::configs {

enum class YamlKind { kNull, kScalar, kList, kMap };

/// A key of a map, with where it stands.
struct YamlKey {
  std::string text;
  int line = 0;
  int column = 0;
};

/// One value of a YAML document, with where it stands (lines and columns from 1).
struct YamlNode {
  YamlKind kind = YamlKind::kNull;
  int line = 0;
  int column = 0;
  std::string scalar;
  bool quoted = false;             ///< a scalar in quotes is text, whatever it looks like
  std::vector<YamlKey> keys;       ///< of a map, in order, no two alike
  std::vector<YamlNode> children;  ///< of a list, or the values beside `keys`

  /// The value at `key`; null where a map has none.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

/// A checked document: one, not empty, no duplicate key at any depth, aliases replaced by copies.
struct YamlDocument {
  std::string file;  ///< as errors shall name it
  YamlNode root;
};

/// What a document may hold; beyond it a ConfigError says so. Guards against files made to hurt.
struct YamlLimits {
  std::size_t bytes = 16U << 20U;
  std::size_t depth = 64;
  std::size_t nodes = 500'000;  ///< after aliases are replaced
};

/// Parses YAML (JSON is YAML) of which errors speak as `file`.
/// Throws ConfigError with line and column: syntax, duplicate or non-scalar keys, several
/// documents, none at all, bytes that are not UTF-8, anything beyond `limits`.
[[nodiscard]] YamlDocument parse_yaml(std::string_view text, std::string file,
                                      const YamlLimits& limits = {});

/// Reads and parses a file. Throws UnreadableInput where it cannot be read, else as parse_yaml.
[[nodiscard]] YamlDocument read_yaml(const std::filesystem::path& path,
                                     const YamlLimits& limits = {});

}  // namespace rigsim::configs
