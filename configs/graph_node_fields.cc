#include "configs/graph_node_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rigsim::configs {
namespace {

constexpr unsigned kAny = kCompute | kTransfer | kCollective | kDelay | kHost;
constexpr unsigned kTimed = kCompute | kCollective | kDelay | kHost;
constexpr unsigned kSized = kTransfer | kCollective;

struct FieldSpec {
  const char* name;
  unsigned kinds;  ///< of NodeKindBit: where it may stand
};
/// By NodeField.
constexpr std::array<FieldSpec, kNodeFieldCount> kFields{{{"name", kAny},
                                                          {"kind", kAny},
                                                          {"after", kAny},
                                                          {"device", kCompute},
                                                          {"stream", kCompute | kHost},
                                                          {"duration", kTimed},
                                                          {"duration_s", kTimed},
                                                          {"flops", kCompute},
                                                          {"bytes", kCompute},
                                                          {"format", kCompute},
                                                          {"from", kTransfer},
                                                          {"to", kTransfer},
                                                          {"path", kTransfer},
                                                          {"size", kSized},
                                                          {"size_bytes", kSized},
                                                          {"collective", kCollective},
                                                          {"devices", kCollective},
                                                          {"algorithm", kCollective},
                                                          {"library", kCollective},
                                                          {"launch", kCollective},
                                                          {"links", kCollective}}};

constexpr std::array<std::pair<const char*, NodeKindBit>, 5> kKinds{{{"compute", kCompute},
                                                                     {"transfer", kTransfer},
                                                                     {"collective", kCollective},
                                                                     {"delay", kDelay},
                                                                     {"host", kHost}}};

const char* name_of(NodeField field) { return kFields[static_cast<std::size_t>(field)].name; }

std::string listed(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<std::string> field_names(unsigned kinds) {
  std::vector<std::string> names;
  for (const FieldSpec& field : kFields) {
    if ((field.kinds & kinds) != 0) names.emplace_back(field.name);
  }
  return names;
}

}  // namespace

void NodeFields::gather(JsonCursor& cursor, std::size_t index) {
  for (Value& old : values_) old.kind = 0;
  cursor_ = &cursor;
  index_ = index;
  offset_ = cursor.offset();
  if (cursor.kind() != '{') {
    fail(offset_, fmt::format("nodes[{}]", index), "must be an object, got " + cursor.shown());
  }
  cursor.object([&](const std::string& name) { gather_member(name); });
}

void NodeFields::gather_member(const std::string& name) {
  const auto spec = std::find_if(kFields.begin(), kFields.end(),
                                 [&](const FieldSpec& field) { return name == field.name; });
  if (spec == kFields.end()) {
    fail(cursor_->offset(), key(name),
         fmt::format("unknown key{}", did_you_mean(name, field_names(kAny))));
  }
  const auto field = static_cast<NodeField>(spec - kFields.begin());
  if (has(field)) fail(cursor_->offset(), key(name), "stands twice");
  Value& found = at(field);
  found.offset = cursor_->offset();
  found.kind = cursor_->kind();
  const bool is_list = field == NodeField::kAfter || field == NodeField::kDevices;
  if (is_list && found.kind == '[') {
    gather_items(found, name);
  } else if (!is_list && found.kind == '"') {
    found.text = cursor_->string();
  } else if (!is_list && found.kind == '0') {
    found.text = std::string(cursor_->number());
  } else {
    fail(found.offset, key(name),
         fmt::format("must be {}, got {}", is_list ? "a list of names" : "a text or a number",
                     cursor_->shown()));
  }
}

void NodeFields::gather_items(Value& list, const std::string& name) {
  list.items.clear();
  cursor_->array([&] {
    const std::size_t offset = cursor_->offset();
    if (cursor_->kind() != '"') {
      fail(offset, fmt::format("{}[{}]", key(name), list.items.size()),
           "must be a name, got " + cursor_->shown());
    }
    list.items.push_back({offset, cursor_->string()});
  });
}

std::string NodeFields::key(std::string_view field) const {
  return fmt::format("nodes[{}].{}", index_, field);
}

void NodeFields::fail(std::size_t offset, std::string key, const std::string& message) const {
  throw ConfigError(cursor_->place(offset, std::move(key)), message);
}

void NodeFields::fail(NodeField field, const std::string& message) const {
  fail(value(field).offset, key(name_of(field)), message);
}

void NodeFields::need(NodeField field) const { fail(offset_, key(name_of(field)), "is needed"); }

void NodeFields::fail_choice(NodeField field, const std::vector<std::string>& known) const {
  fail(field, fmt::format("unknown name {}{}; allowed: {}", in_quotes(text(field)),
                          did_you_mean(text(field), known), listed(known)));
}

const std::string& NodeFields::text(NodeField field) const {
  if (value(field).kind != '"') fail(field, "must be a text, got " + value(field).text);
  return value(field).text;
}

const std::string& NodeFields::needed_text(NodeField field) const {
  if (!has(field)) need(field);
  return text(field);
}

NodeKindBit NodeFields::kind() const {
  const std::string& name = needed_text(NodeField::kKind);
  const auto found = std::find_if(kKinds.begin(), kKinds.end(),
                                  [&](const auto& entry) { return name == entry.first; });
  if (found == kKinds.end()) {
    std::vector<std::string> known;
    for (const auto& entry : kKinds) known.emplace_back(entry.first);
    fail_choice(NodeField::kKind, known);
  }
  for (std::size_t i = 0; i < kNodeFieldCount; ++i) {
    const auto field = static_cast<NodeField>(i);
    if (!has(field) || (kFields[i].kinds & found->second) != 0) continue;
    fail(field, fmt::format("does not belong to a node of kind {}; allowed: {}", in_quotes(name),
                            listed(field_names(found->second))));
  }
  return found->second;
}

/// Runs `make`; what it refuses stands at `field`.
template <class F>
auto NodeFields::checked(NodeField field, F&& make) const {
  try {
    return make();
  } catch (const std::invalid_argument& error) {
    fail(field, error.what());
  }
}

/// A quantity as a text with its unit, or as a number where the key says the unit.
template <class T>
T NodeFields::quantity(NodeField with_unit, NodeField bare, const char* unit) const {
  if (has(with_unit) && has(bare)) {
    fail(bare, fmt::format("give either this or \"{}\"", name_of(with_unit)));
  }
  if (!has(with_unit)) return number_of<T>(bare, unit);
  const Value& given = value(with_unit);
  if (given.kind != '"') {
    fail(with_unit, fmt::format("must be a text with a unit, got {}; a number goes into \"{}\"",
                                given.text, name_of(bare)));
  }
  return checked(with_unit, [&] { return parse_quantity<T>(given.text, Zero::kAllowed); });
}

template <class T>
T NodeFields::number_of(NodeField field, const char* unit) const {
  const Value& given = value(field);
  if (given.kind != '0') fail(field, "must be a number, got " + in_quotes(given.text));
  return checked(field, [&] {
    return parse_quantity<T>(fmt::format("{} {}", given.text, unit), Zero::kAllowed);
  });
}

sim::Bytes NodeFields::size() const {
  if (!has(NodeField::kSize) && !has(NodeField::kSizeBytes)) need(NodeField::kSize);
  return quantity<sim::Bytes>(NodeField::kSize, NodeField::kSizeBytes, "B");
}

std::optional<sim::Duration> NodeFields::duration() const {
  if (!has(NodeField::kDuration) && !has(NodeField::kDurationS)) return std::nullopt;
  return quantity<sim::Duration>(NodeField::kDuration, NodeField::kDurationS, "s");
}

sim::Duration NodeFields::needed_duration() const {
  if (!has(NodeField::kDuration) && !has(NodeField::kDurationS)) need(NodeField::kDuration);
  return *duration();
}

double NodeFields::flops() const {
  const Value& given = value(NodeField::kFlops);
  if (given.kind == 0) return 0;
  if (given.kind != '0') {
    fail(NodeField::kFlops, "must be a number of operations, got " + in_quotes(given.text));
  }
  const double flops = checked(NodeField::kFlops, [&] { return parse_number(given.text); });
  if (flops < 0) fail(NodeField::kFlops, "must be >= 0, got " + given.text);
  return flops;
}

sim::Bytes NodeFields::bytes() const {
  const Value& given = value(NodeField::kBytes);
  if (given.kind == 0) return sim::Bytes(0);
  if (given.kind == '0') return number_of<sim::Bytes>(NodeField::kBytes, "B");
  return checked(NodeField::kBytes,
                 [&] { return parse_quantity<sim::Bytes>(given.text, Zero::kAllowed); });
}

std::string NodeFields::stream(const char* otherwise) const {
  if (!has(NodeField::kStream)) return otherwise;
  if (text(NodeField::kStream).empty()) fail(NodeField::kStream, "must not be empty");
  return text(NodeField::kStream);
}

}  // namespace rigsim::configs
