#pragma once

#include <string>
#include <utility>
#include <vector>

#include "configs/yaml_reader.h"

namespace rigsim::configs {

/// Where a catalogue entry comes from and how sure it is.
struct About {
  std::string name;
  std::string title;  ///< for people; the name where the data gives none
  std::vector<std::string> aliases;
  std::string source;
  std::string date;        ///< when the facts were compiled, "2026-11-22"
  std::string confidence;  ///< "high", "medium", "low"
  std::string notes;
  std::vector<std::pair<std::string, std::string>> facts;  ///< further facts, for reading only
  std::string file;                                        ///< the data file that holds it
};

/// A catalogued value and where it comes from.
template <class T>
struct Entry {
  T value;
  About about;
};

/// Reads the keys that every entry has: name, title, aliases, source, confidence, price_confidence,
/// notes, facts, date (of the file unless the entry gives one). Throws ConfigError.
[[nodiscard]] About read_about(ObjectReader& entry, const std::string& file_date);

}  // namespace rigsim::configs
