#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/topology_import/import_text.h"

namespace rigsim::configs {

/// An element of an XML document.
struct XmlElement {
  std::string name;
  int line = 0;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::string text;  ///< directly in it, of all its pieces
  std::vector<XmlElement> children;

  /// The attribute's value; empty where it has none.
  [[nodiscard]] std::string_view attribute(std::string_view key) const;
};

/// What a document may hold at most; machines have less, attacks more.
struct XmlLimits {
  int depth = 64;
  std::size_t elements = 200'000;
  std::size_t attributes = 64;   ///< of one element
  std::size_t text = 4'000'000;  ///< bytes of names, values and texts together
};

/// Whether a file's first character that is no blank is "<".
[[nodiscard]] bool looks_like_xml(std::string_view text);

/// Parses XML 1.0 by Expat. Nothing outside the text is read and no entity is defined: documents
/// that declare entities are refused. Throws UnreadableInput with the line: not well formed, cut
/// short, beyond the limits.
[[nodiscard]] XmlElement parse_xml(const ImportFile& file, const XmlLimits& limits = {});

}  // namespace rigsim::configs
