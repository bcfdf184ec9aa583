#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/config_error.h"
#include "configs/quantity_parser.h"
#include "configs/yaml_document.h"

namespace rigsim::configs {

class ObjectReader;

/// One value of a document and where it stands. Does not own the document: keep it alive.
class ValueReader {
 public:
  explicit ValueReader(const YamlDocument& document);
  ValueReader(const YamlNode& node, std::string_view file, std::string key);

  /// The value as T: std::string, bool (true or false), int and std::int64_t (digits, >= 0),
  /// double, or a quantity with its unit (see parse_quantity; 0 only where `zero` allows it).
  /// Throws ConfigError saying what was found and what is allowed.
  template <class T>
  [[nodiscard]] T as(Zero zero = Zero::kRefused) const;

  [[nodiscard]] bool is_map() const { return node_->kind == YamlKind::kMap; }
  [[nodiscard]] bool is_list() const { return node_->kind == YamlKind::kList; }
  [[nodiscard]] bool is_scalar() const { return node_->kind == YamlKind::kScalar; }

  /// Throws ConfigError unless the value is a map.
  [[nodiscard]] ObjectReader object() const;
  /// The elements of a list. Throws ConfigError unless the value is one.
  [[nodiscard]] std::vector<ValueReader> items() const;
  /// As items, where a list of none would be meaningless.
  [[nodiscard]] std::vector<ValueReader> some_items() const;

  /// One of named choices. Throws ConfigError listing them, the nearest first.
  template <class E>
  [[nodiscard]] E choice(std::initializer_list<std::pair<std::string_view, E>> choices) const {
    const std::string text = as<std::string>();
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) {
      if (name == text) return value;
      names.emplace_back(name);
    }
    fail_choice(text, names);
  }

  [[nodiscard]] const YamlNode& node() const { return *node_; }
  [[nodiscard]] Place place() const;
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] std::string_view file() const { return file_; }

  /// Throws ConfigError at this value.
  [[noreturn]] void fail(std::string message) const;
  [[noreturn]] void fail_choice(const std::string& found,
                                std::span<const std::string> allowed) const;

  /// Runs `make`; what it refuses with std::invalid_argument becomes a ConfigError at this value.
  template <class F>
  auto checked(F&& make) const {
    try {
      return std::forward<F>(make)();
    } catch (const ConfigError&) {
      throw;
    } catch (const std::invalid_argument& error) {
      fail(error.what());
    }
  }

 private:
  [[nodiscard]] const std::string& scalar(std::string_view expected) const;

  const YamlNode* node_;
  std::string_view file_;
  std::string key_;
};

/// A map being read key by key. finish() then refuses every key that nobody asked for.
class ObjectReader {
 public:
  explicit ObjectReader(ValueReader map);

  /// The value at `key`. Throws ConfigError where it is missing.
  [[nodiscard]] ValueReader value(std::string_view key);
  /// The value at `key`; none where it is missing or null (`key: ~`, `key:`).
  [[nodiscard]] std::optional<ValueReader> optional_value(std::string_view key);
  [[nodiscard]] bool has(std::string_view key) const;

  template <class T>
  [[nodiscard]] T required(std::string_view key, Zero zero = Zero::kRefused) {
    return value(key).template as<T>(zero);
  }
  template <class T>
  [[nodiscard]] std::optional<T> optional(std::string_view key, Zero zero = Zero::kRefused) {
    const auto found = optional_value(key);
    if (!found) return std::nullopt;
    return found->template as<T>(zero);
  }
  template <class T>
  [[nodiscard]] T value_or(std::string_view key, T otherwise, Zero zero = Zero::kRefused) {
    const auto found = optional_value(key);
    return found ? found->template as<T>(zero) : otherwise;
  }

  /// A whole number from `least` to `most`. Throws ConfigError otherwise.
  [[nodiscard]] int count(std::string_view key, int least, int most = 1'000'000);
  [[nodiscard]] int count_or(std::string_view key, int otherwise, int least, int most = 1'000'000);

  [[nodiscard]] const ValueReader& whole() const { return map_; }

  /// Throws ConfigError at the first key that was not asked for, with the nearest one that was.
  void finish() const;

 private:
  void know(std::string_view key);
  [[nodiscard]] std::string child_key(std::string_view key) const;
  [[nodiscard]] std::string misspelled(std::string_view key) const;

  ValueReader map_;
  std::set<std::string, std::less<>> known_;
  std::vector<std::string> known_in_order_;
};

template <>
std::string ValueReader::as<std::string>(Zero zero) const;
template <>
bool ValueReader::as<bool>(Zero zero) const;
template <>
int ValueReader::as<int>(Zero zero) const;
template <>
std::int64_t ValueReader::as<std::int64_t>(Zero zero) const;
template <>
double ValueReader::as<double>(Zero zero) const;
template <>
sim::Bytes ValueReader::as<sim::Bytes>(Zero zero) const;
template <>
sim::Bandwidth ValueReader::as<sim::Bandwidth>(Zero zero) const;
template <>
sim::FlopRate ValueReader::as<sim::FlopRate>(Zero zero) const;
template <>
sim::Watts ValueReader::as<sim::Watts>(Zero zero) const;
template <>
sim::Joules ValueReader::as<sim::Joules>(Zero zero) const;
template <>
sim::Duration ValueReader::as<sim::Duration>(Zero zero) const;
template <>
Hertz ValueReader::as<Hertz>(Zero zero) const;
template <>
Dollars ValueReader::as<Dollars>(Zero zero) const;

}  // namespace rigsim::configs
