#include "configs/yaml_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "configs/nearest_name.h"

namespace rigsim::configs {
namespace {

std::string_view kind_name(YamlKind kind) {
  switch (kind) {
    case YamlKind::kNull:
      return "nothing";
    case YamlKind::kScalar:
      return "a value";
    case YamlKind::kList:
      return "a list";
    case YamlKind::kMap:
      return "a map";
  }
  return "something else";
}

std::string found_text(const YamlNode& node) {
  return node.kind == YamlKind::kScalar ? in_quotes(node.scalar)
                                        : std::string(kind_name(node.kind));
}

}  // namespace

ValueReader::ValueReader(const YamlDocument& document)
    : ValueReader(document.root, document.file, {}) {}

ValueReader::ValueReader(const YamlNode& node, std::string_view file, std::string key)
    : node_(&node), file_(file), key_(std::move(key)) {}

Place ValueReader::place() const { return {std::string(file_), node_->line, node_->column, key_}; }

void ValueReader::fail(std::string message) const {
  throw ConfigError(place(), std::move(message));
}

void ValueReader::fail_choice(const std::string& found,
                              std::span<const std::string> allowed) const {
  fail(fmt::format("unknown value {}{} allowed: {}", in_quotes(found),
                   did_you_mean(found, allowed).empty() ? ";" : did_you_mean(found, allowed),
                   fmt::join(allowed, ", ")));
}

const std::string& ValueReader::scalar(std::string_view expected) const {
  if (node_->kind != YamlKind::kScalar) {
    fail(fmt::format("expected {}, got {}", expected, kind_name(node_->kind)));
  }
  return node_->scalar;
}

ObjectReader ValueReader::object() const { return ObjectReader(*this); }

std::vector<ValueReader> ValueReader::items() const {
  if (!is_list()) fail(fmt::format("expected a list, got {}", found_text(*node_)));
  std::vector<ValueReader> out;
  for (std::size_t i = 0; i < node_->children.size(); ++i) {
    out.emplace_back(node_->children[i], file_, fmt::format("{}[{}]", key_, i));
  }
  return out;
}

std::vector<ValueReader> ValueReader::some_items() const {
  std::vector<ValueReader> out = items();
  if (out.empty()) fail("expected at least one element, got an empty list");
  return out;
}

template <>
std::string ValueReader::as<std::string>(Zero /*zero*/) const {
  const std::string& text = scalar("text");
  if (text.empty()) fail("expected text, got \"\"");
  return text;
}

template <>
bool ValueReader::as<bool>(Zero /*zero*/) const {
  const std::string& text = scalar("true or false");
  if (text == "true" && !node_->quoted) return true;
  if (text == "false" && !node_->quoted) return false;
  fail(fmt::format("expected true or false, got {}", in_quotes(text)));
}

template <>
std::int64_t ValueReader::as<std::int64_t>(Zero /*zero*/) const {
  const std::string& text = scalar("a whole number");
  return checked([&] { return parse_count(text); });
}

template <>
int ValueReader::as<int>(Zero zero) const {
  const std::int64_t value = as<std::int64_t>(zero);
  if (value > std::numeric_limits<int>::max()) {
    fail(fmt::format("must be at most {}, got {}", std::numeric_limits<int>::max(), value));
  }
  return static_cast<int>(value);
}

template <>
double ValueReader::as<double>(Zero /*zero*/) const {
  const std::string& text = scalar("a number");
  return checked([&] { return parse_number(text); });
}

template <>
sim::Bytes ValueReader::as<sim::Bytes>(Zero zero) const {
  const std::string& text = scalar("a size such as \"24 GiB\"");
  return checked([&] { return parse_quantity<sim::Bytes>(text, zero); });
}

template <>
sim::Bandwidth ValueReader::as<sim::Bandwidth>(Zero zero) const {
  const std::string& text = scalar("a bandwidth such as \"1008 GB/s\"");
  return checked([&] { return parse_quantity<sim::Bandwidth>(text, zero); });
}

template <>
sim::FlopRate ValueReader::as<sim::FlopRate>(Zero zero) const {
  const std::string& text = scalar("a compute rate such as \"165.2 TFLOPS\"");
  return checked([&] { return parse_quantity<sim::FlopRate>(text, zero); });
}

template <>
sim::Watts ValueReader::as<sim::Watts>(Zero zero) const {
  const std::string& text = scalar("a power such as \"450 W\"");
  return checked([&] { return parse_quantity<sim::Watts>(text, zero); });
}

template <>
sim::Joules ValueReader::as<sim::Joules>(Zero zero) const {
  const std::string& text = scalar("an energy such as \"1.5 kJ\"");
  return checked([&] { return parse_quantity<sim::Joules>(text, zero); });
}

template <>
sim::Duration ValueReader::as<sim::Duration>(Zero zero) const {
  const std::string& text = scalar("a duration such as \"11 us\"");
  return checked([&] { return parse_quantity<sim::Duration>(text, zero); });
}

template <>
Hertz ValueReader::as<Hertz>(Zero zero) const {
  const std::string& text = scalar("a frequency such as \"2520 MHz\"");
  return checked([&] { return parse_quantity<Hertz>(text, zero); });
}

template <>
Dollars ValueReader::as<Dollars>(Zero zero) const {
  const std::string& text = scalar("an amount of money such as \"350 USD\"");
  return checked([&] { return parse_quantity<Dollars>(text, zero); });
}

ObjectReader::ObjectReader(ValueReader map) : map_(std::move(map)) {
  if (!map_.is_map()) {
    map_.fail(fmt::format("expected a map of keys and values, got {}", found_text(map_.node())));
  }
}

std::string ObjectReader::child_key(std::string_view key) const {
  return map_.key().empty() ? std::string(key) : fmt::format("{}.{}", map_.key(), key);
}

void ObjectReader::know(std::string_view key) {
  if (known_.emplace(key).second) known_in_order_.emplace_back(key);
}

/// For a missing key: the key of the file that was probably meant to be it.
std::string ObjectReader::misspelled(std::string_view key) const {
  std::vector<std::string> unused;
  for (const YamlKey& present : map_.node().keys) {
    if (!known_.contains(present.text)) unused.push_back(present.text);
  }
  const std::vector<std::string> near = nearest_names(key, unused, 1);
  return near.empty() ? std::string()
                      : fmt::format("; is it the \"{}\" that stands there?", near[0]);
}

bool ObjectReader::has(std::string_view key) const { return map_.node().find(key) != nullptr; }

std::optional<ValueReader> ObjectReader::optional_value(std::string_view key) {
  know(key);
  const YamlNode* found = map_.node().find(key);
  if (found == nullptr || found->kind == YamlKind::kNull) return std::nullopt;
  return ValueReader(*found, map_.file(), child_key(key));
}

ValueReader ObjectReader::value(std::string_view key) {
  auto found = optional_value(key);
  if (!found) map_.fail(fmt::format("the key \"{}\" is missing{}", key, misspelled(key)));
  return *found;
}

int ObjectReader::count(std::string_view key, int least, int most) {
  const ValueReader found = value(key);
  const auto number = found.as<std::int64_t>();
  if (number < least || number > most) {
    found.fail(fmt::format("must be from {} to {}, got {}", least, most, number));
  }
  return static_cast<int>(number);
}

int ObjectReader::count_or(std::string_view key, int otherwise, int least, int most) {
  return optional_value(key) ? count(key, least, most) : otherwise;
}

void ObjectReader::finish() const {
  for (const YamlKey& key : map_.node().keys) {
    if (known_.contains(key.text)) continue;
    std::string hint = did_you_mean(key.text, known_in_order_);
    if (hint.empty()) hint = fmt::format("; allowed: {}", fmt::join(known_in_order_, ", "));
    throw ConfigError({map_.place().file, key.line, key.column, child_key(key.text)},
                      fmt::format("unknown key {}{}", in_quotes(key.text), hint));
  }
}

}  // namespace rigsim::configs
