#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/catalog_entry.h"
#include "configs/config_error.h"
#include "configs/nearest_name.h"

namespace rigsim::configs {

/// Entries of one kind in the order of the data, found by name or alias; case and punctuation do
/// not matter.
template <class T>
class Shelf {
 public:
  /// `noun` and `plural` as errors shall say them: "device", "devices".
  Shelf(std::string noun, std::string plural)
      : noun_(std::move(noun)), plural_(std::move(plural)) {}

  /// Adds an entry that stands at `place` in the data of `layer` (0: built in, 1: the user's). It
  /// replaces one of the same name in a lower layer, and takes its aliases from any there.
  /// Throws ConfigError when a name or alias is another entry's in the same layer, or empty.
  void put(Entry<T> entry, int layer, const Place& place) {
    std::vector<std::string> keys = {normalised(entry.about.name)};
    for (const std::string& alias : entry.about.aliases) keys.push_back(normalised(alias));
    const std::size_t index = slot(keys.front());
    for (const std::string& key : keys) {
      if (key.empty()) throw ConfigError(place, "a name needs a letter or a digit");
      const auto [found, fresh] = index_.try_emplace(key, Slot{index, layer});
      if (!fresh && found->second.layer == layer && found->second.entry != index) {
        throw ConfigError(place,
                          fmt::format("the {} name {} is also a name of {}", noun_, in_quotes(key),
                                      entries_[found->second.entry].about.name));
      }
      if (!fresh && found->second.layer == layer && key == keys.front() &&
          index < entries_.size()) {
        throw ConfigError(
            place, fmt::format("there are two {} named {}", plural_, in_quotes(entry.about.name)));
      }
      found->second = Slot{index, layer};
    }
    if (index == entries_.size()) {
      entries_.push_back(std::move(entry));
    } else {
      entries_[index] = std::move(entry);
    }
  }

  [[nodiscard]] std::span<const Entry<T>> entries() const { return entries_; }

  /// The entry of this name or alias; null where there is none.
  [[nodiscard]] const Entry<T>* find(std::string_view name) const {
    const auto found = index_.find(normalised(name));
    return found == index_.end() ? nullptr : &entries_[found->second.entry];
  }

  /// As find. Throws std::invalid_argument with the nearest names where there is none.
  [[nodiscard]] const Entry<T>& at(std::string_view name) const {
    const Entry<T>* found = find(name);
    if (found == nullptr) throw std::invalid_argument(unknown(name));
    return *found;
  }

  /// The message of an unknown name: the nearest ones and how to list all.
  [[nodiscard]] std::string unknown(std::string_view name) const {
    const std::string hint = did_you_mean(name, names(), 3);
    return fmt::format("unknown {} {}{} \"rigsim catalog {}\" lists all", noun_, in_quotes(name),
                       hint.empty() ? ";" : hint, plural_);
  }

  /// Names, then aliases, of all entries.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const Entry<T>& entry : entries_) out.push_back(entry.about.name);
    for (const Entry<T>& entry : entries_) {
      out.insert(out.end(), entry.about.aliases.begin(), entry.about.aliases.end());
    }
    return out;
  }

 private:
  struct Slot {
    std::size_t entry = 0;
    int layer = 0;
  };

  /// Where the entry named `key` stands or will stand. An alias of another entry is no name.
  [[nodiscard]] std::size_t slot(const std::string& key) const {
    const auto found = index_.find(key);
    const bool named =
        found != index_.end() && normalised(entries_[found->second.entry].about.name) == key;
    return named ? found->second.entry : entries_.size();
  }

  std::string noun_;
  std::string plural_;
  std::vector<Entry<T>> entries_;
  std::map<std::string, Slot> index_;
};

}  // namespace rigsim::configs
