#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/json_cursor.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"

namespace rigsim::configs {

/// The kinds of a graph's nodes, as bits: which fields belong to which.
enum NodeKindBit : unsigned {
  kCompute = 1,
  kTransfer = 2,
  kCollective = 4,
  kDelay = 8,
  kHost = 16
};

/// The fields of a graph's nodes; the names in the file stand in graph_node_fields.cc.
enum class NodeField : std::uint8_t {
  kName,
  kKind,
  kAfter,
  kDevice,
  kStream,
  kDuration,
  kDurationS,
  kFlops,
  kBytes,
  kFormat,
  kFrom,
  kTo,
  kPath,
  kSize,
  kSizeBytes,
  kCollective,
  kDevices,
  kAlgorithm,
  kLibrary,
  kLaunch,
  kLinks
};
inline constexpr std::size_t kNodeFieldCount = 21;

/// The fields of one node of a graph document as they stand in the file, gathered whatever their
/// order, then asked for by meaning. Everything throws ConfigError with line, column, path
/// ("nodes[3].size"), value and what is allowed.
class NodeFields {
 public:
  /// A name in a list.
  struct Item {
    std::size_t offset = 0;
    std::string text;
  };

  /// Reads the object at hand as node number `index`; forgets the one before.
  void gather(JsonCursor& cursor, std::size_t index);

  [[nodiscard]] bool has(NodeField field) const { return value(field).kind != 0; }
  [[nodiscard]] const std::string& needed_text(NodeField field) const;
  [[nodiscard]] std::vector<Item>& items(NodeField field) { return at(field).items; }
  /// The node's kind; every field there is must belong to it.
  [[nodiscard]] NodeKindBit kind() const;

  [[nodiscard]] sim::Bytes size() const;
  [[nodiscard]] std::optional<sim::Duration> duration() const;
  [[nodiscard]] sim::Duration needed_duration() const;
  [[nodiscard]] double flops() const;      ///< 0 where not given
  [[nodiscard]] sim::Bytes bytes() const;  ///< as flops()
  [[nodiscard]] std::string stream(const char* otherwise) const;
  /// The one of `values` whose to_string() the field says.
  template <class Values>
  auto choice(NodeField field, const Values& values) const;

  [[nodiscard]] std::size_t offset(NodeField field) const { return value(field).offset; }
  /// Of the node itself.
  [[nodiscard]] std::size_t offset() const { return offset_; }
  /// "nodes[3].size"
  [[nodiscard]] std::string key(std::string_view field) const;

  [[noreturn]] void need(NodeField field) const;
  [[noreturn]] void fail(NodeField field, const std::string& message) const;
  [[noreturn]] void fail(std::size_t offset, std::string key, const std::string& message) const;

 private:
  struct Value {
    std::size_t offset = 0;
    char kind = 0;  ///< as JsonCursor::kind(); 0: absent
    std::string text{};
    std::vector<Item> items{};
  };

  [[nodiscard]] Value& at(NodeField field) { return values_[static_cast<std::size_t>(field)]; }
  [[nodiscard]] const Value& value(NodeField field) const {
    return values_[static_cast<std::size_t>(field)];
  }
  void gather_member(const std::string& name);
  void gather_items(Value& value, const std::string& name);
  [[nodiscard]] const std::string& text(NodeField field) const;
  template <class F>
  auto checked(NodeField field, F&& make) const;
  template <class T>
  [[nodiscard]] T quantity(NodeField with_unit, NodeField bare, const char* unit) const;
  template <class T>
  [[nodiscard]] T number_of(NodeField field, const char* unit) const;
  [[noreturn]] void fail_choice(NodeField field, const std::vector<std::string>& known) const;

  JsonCursor* cursor_ = nullptr;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
  std::array<Value, kNodeFieldCount> values_;
};

template <class Values>
auto NodeFields::choice(NodeField field, const Values& values) const {
  const std::string& name = needed_text(field);
  std::vector<std::string> known;
  for (const auto candidate : values) {
    if (name == to_string(candidate)) return candidate;
  }
  for (const auto candidate : values) known.emplace_back(to_string(candidate));
  fail_choice(field, known);
}

}  // namespace rigsim::configs
