#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analysis/hdf5_file.h"

namespace rigsim::analysis {

/// A string table `/lookup/NAME`: the texts that columns of codes stand for, in order of first use.
/// A netCDF coordinate variable of variable-length UTF-8, so `lookup[codes]` decodes a column.
/// Every distinct text stays in memory.
class Hdf5Lookup {
 public:
  /// Makes the data set in the group `/lookup`. Throws OutputError on failure.
  Hdf5Lookup(Hdf5File& file, const Hdf5Handle& lookup_group, std::string name);

  /// "/lookup/NAME".
  [[nodiscard]] std::string path() const { return "/lookup/" + name_; }

  /// The code of `text`: the number of texts seen before it.
  /// Throws std::invalid_argument for text with a NUL.
  std::uint32_t code(std::string_view text);

  /// Writes the texts that are new since the last call. Throws OutputError on failure.
  void write();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  Hdf5File& file_;
  std::string name_;
  Hdf5Handle type_;
  Hdf5Handle dataset_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> codes_;
  std::vector<const char*> new_texts_;  // keys of codes_, which never move
};

}  // namespace rigsim::analysis
