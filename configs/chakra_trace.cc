#include "configs/chakra_trace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "configs/config_error.h"
#include "configs/utf8.h"

namespace rigsim::configs {
namespace {

// Field numbers of et_def.proto @f5124d76.
enum NodeFieldNumber : std::uint32_t {
  kId = 1,
  kName = 2,
  kType = 3,
  kCtrlDeps = 4,
  kDataDeps = 5,
  kDurationMicros = 7,
  kInputs = 8,
  kAttr = 10
};
enum AttributeFieldNumber : std::uint32_t {
  kAttrName = 1,
  kDouble = 3,
  kFloat = 5,
  kInt32 = 7,
  kInt64 = 9,
  kUint32 = 11,
  kUint64 = 13,
  kSint32 = 15,
  kSint64 = 17,
  kFixed32 = 19,
  kFixed64 = 21,
  kSfixed32 = 23,
  kSfixed64 = 25,
  kBool = 27,
  kBoolList = 28,
  kString = 29,
  kStringList = 30
};
constexpr std::uint32_t kVersionField = 1;
constexpr std::uint32_t kMetadataAttr = 2;
constexpr std::uint32_t kListValues = 1;

/// The attributes worth keeping: a trace may carry dozens of others.
constexpr std::array kKept{"num_ops",
                           "tensor_size",
                           "comm_type",
                           "comm_size",
                           "comm_src",
                           "comm_dst",
                           "comm_tag",
                           "comm_group",
                           "pg_name",
                           "is_cpu_op",
                           "involved_dim",
                           chakra_attribute::kGraph,
                           chakra_attribute::kDevices,
                           chakra_attribute::kTitle,
                           chakra_attribute::kKind,
                           chakra_attribute::kDuration,
                           chakra_attribute::kFlops,
                           chakra_attribute::kFormat,
                           chakra_attribute::kStream,
                           chakra_attribute::kAlgorithm,
                           chakra_attribute::kLibrary,
                           chakra_attribute::kLaunch,
                           chakra_attribute::kSharesLinks,
                           chakra_attribute::kSize,
                           chakra_attribute::kRanks,
                           chakra_attribute::kStaged,
                           chakra_attribute::kSync};

/// Names end up in JSON and on terminals: bytes that are not UTF-8 become question marks.
std::string clean(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    out += length == 0 ? std::string_view("?") : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

/// An attribute, its value not yet understood.
struct Attribute {
  std::string_view name{};
  std::optional<WireField> value{};
};

Attribute parse_attribute(WireReader reader) {
  Attribute attribute;
  while (const auto field = reader.next()) {
    if (field->number == kAttrName && field->type == WireField::kBytes) {
      attribute.name = field->bytes;
    } else if (field->number >= kDouble) {
      attribute.value = field;
    }
  }
  return attribute;
}

std::optional<std::int64_t> integer_of(const WireField& field) {
  if (field.type == WireField::kBytes) return std::nullopt;
  switch (field.number) {
    case kInt32:
    case kInt64:
    case kUint32:
    case kUint64:
    case kFixed32:
    case kFixed64:
    case kSfixed64:
    case kBool:
      return static_cast<std::int64_t>(field.value);
    case kSfixed32:
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(field.value));
    case kSint32:
    case kSint64:
      return field.zigzag();
    default:
      return std::nullopt;
  }
}

std::optional<double> real_of(const WireField& field) {
  if (field.number == kDouble && field.type == WireField::kFixed64) return field.as_double();
  if (field.number == kFloat && field.type == WireField::kFixed32) {
    return static_cast<double>(field.as_float());
  }
  return std::nullopt;
}

/// The values of a BoolList, packed or one by one.
std::vector<bool> bools_of(WireReader reader) {
  std::vector<bool> values;
  while (const auto field = reader.next()) {
    if (field->number != kListValues) continue;
    if (field->type == WireField::kVarint) values.push_back(field->value != 0);
    if (field->type != WireField::kBytes) continue;
    WireReader packed = reader.inside(field->bytes);
    while (!packed.at_end()) values.push_back(packed.varint() != 0);
  }
  return values;
}

std::vector<std::string> strings_of(WireReader reader) {
  std::vector<std::string> values;
  while (const auto field = reader.next()) {
    if (field->number == kListValues && field->type == WireField::kBytes) {
      values.push_back(clean(field->bytes));
    }
  }
  return values;
}

void keep(ChakraNode& node, const WireReader& reader, const Attribute& attribute) {
  if (!attribute.value || std::find(kKept.begin(), kKept.end(), attribute.name) == kKept.end()) {
    return;
  }
  const WireField& value = *attribute.value;
  const std::string name(attribute.name);
  if (const auto integer = integer_of(value)) {
    node.integers[name] = *integer;
  } else if (const auto real = real_of(value)) {
    node.reals[name] = *real;
  } else if (value.number == kString && value.type == WireField::kBytes) {
    node.texts[name] = clean(value.bytes);
  } else if (value.number == kBoolList && name == "involved_dim" &&
             value.type == WireField::kBytes) {
    node.involved_dim = bools_of(reader.inside(value.bytes));
  }
}

void add_deps(std::vector<std::uint64_t>& deps, const WireReader& reader, const WireField& field) {
  if (field.type == WireField::kVarint) {
    deps.push_back(field.value);
  } else if (field.type == WireField::kBytes) {
    WireReader packed = reader.inside(field.bytes);
    while (!packed.at_end()) deps.push_back(packed.varint());
  }
}

void read_field(ChakraNode& node, const WireReader& reader, const WireField& field) {
  const bool is_bytes = field.type == WireField::kBytes;
  switch (field.number) {
    case kId:
      node.id = field.value;
      break;
    case kName:
      node.name = clean(field.bytes);
      break;
    case kType:
      node.type = field.value;
      break;
    case kCtrlDeps:
    case kDataDeps:
      add_deps(node.deps, reader, field);
      break;
    case kDurationMicros:
      node.duration_micros = field.value;
      break;
    case kInputs:
      if (!is_bytes) break;
      for (WireReader inputs = reader.inside(field.bytes); const auto inner = inputs.next();) {
        if (inner->number == 1) node.input_values = std::string(inner->bytes);
      }
      break;
    case kAttr:
      if (is_bytes) keep(node, reader, parse_attribute(reader.inside(field.bytes)));
      break;
    default:
      break;
  }
}

ChakraNode parse_node(WireReader reader) {
  ChakraNode node;
  node.offset = reader.offset();
  while (const auto field = reader.next()) read_field(node, reader, *field);
  if (node.type != ChakraNode::kMetadata) node.input_values.clear();
  return node;
}

/// Takes what an attribute says of the rig that the durations hold for.
void parse_priced_on(std::optional<workloads::PricedOn>& priced_on, std::string_view name,
                     WireReader& reader, const WireField& value) {
  const auto known = [&]() -> workloads::PricedOn& {
    return priced_on ? *priced_on : priced_on.emplace();
  };
  if (name == chakra_attribute::kPricedOn) known().rig = clean(value.bytes);
  if (name == chakra_attribute::kPricedDigest) known().digest = clean(value.bytes);
  if (name == chakra_attribute::kPricedDevices)
    known().devices = strings_of(reader.inside(value.bytes));
}

void parse_metadata(ChakraTrace& trace, WireReader reader) {
  while (const auto field = reader.next()) {
    if (field->type != WireField::kBytes) continue;
    if (field->number == kVersionField) trace.version = clean(field->bytes);
    if (field->number != kMetadataAttr) continue;
    const Attribute attribute = parse_attribute(reader.inside(field->bytes));
    if (!attribute.value) continue;
    const WireField& value = *attribute.value;
    if (attribute.name == chakra_attribute::kGraph) trace.global_ids = integer_of(value) == 1;
    if (value.type != WireField::kBytes) continue;
    if (attribute.name == chakra_attribute::kTitle) trace.title = clean(value.bytes);
    if (attribute.name == chakra_attribute::kDevices) {
      trace.devices = strings_of(reader.inside(value.bytes));
    }
    parse_priced_on(trace.priced_on, attribute.name, reader, value);
  }
}

void add_attribute(WireWriter& message, std::uint32_t field, const WireWriter& attribute) {
  message.bytes(field, attribute.message());
}

WireWriter named(std::string_view name) {
  WireWriter attribute;
  attribute.bytes(kAttrName, name);
  return attribute;
}

/// The type that the reference generator gives an attribute: 32 bits for ranks and tags.
void add_integer(WireWriter& message, const std::string& name, std::int64_t value) {
  WireWriter attribute = named(name);
  const bool is_bool = name == "is_cpu_op" || name == chakra_attribute::kSync ||
                       name == chakra_attribute::kStaged || name == chakra_attribute::kSharesLinks;
  const bool is_rank = name == "comm_src" || name == "comm_dst" || name == "comm_tag";
  attribute.varint(is_bool ? kBool : is_rank ? kInt32 : kInt64, static_cast<std::uint64_t>(value));
  add_attribute(message, kAttr, attribute);
}

}  // namespace

std::optional<std::int64_t> ChakraNode::integer(std::string_view attribute) const {
  if (const auto found = integers.find(attribute); found != integers.end()) return found->second;
  const auto real = reals.find(attribute);
  if (real == reals.end() || !(std::abs(real->second) < 9e18)) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(real->second));
}

std::optional<std::string> ChakraNode::text(std::string_view attribute) const {
  const auto found = texts.find(attribute);
  return found == texts.end() ? std::nullopt : std::optional(found->second);
}

ChakraTrace parse_chakra_trace(std::string_view bytes, std::string file) {
  ChakraTrace trace;
  trace.file = std::move(file);
  WireReader reader(bytes, trace.file);
  if (reader.at_end()) reader.fail("is empty: no Chakra trace");
  parse_metadata(trace, reader.inside(reader.delimited()));
  while (!reader.at_end()) trace.nodes.push_back(parse_node(reader.inside(reader.delimited())));
  return trace;
}

std::string to_bytes(const ChakraNode& node) {
  WireWriter message;
  message.varint(kId, node.id);
  message.bytes(kName, node.name);
  message.varint(kType, node.type);
  if (!node.deps.empty()) {
    std::string packed;
    for (const std::uint64_t dep : node.deps) append_varint(packed, dep);
    message.bytes(kDataDeps, packed);
  }
  if (node.duration_micros != 0) message.varint(kDurationMicros, node.duration_micros);
  if (!node.input_values.empty()) {
    WireWriter inputs;
    inputs.bytes(1, node.input_values);
    message.bytes(kInputs, inputs.message());
  }
  for (const auto& [name, value] : node.integers) add_integer(message, name, value);
  for (const auto& [name, value] : node.reals) {
    WireWriter attribute = named(name);
    attribute.real(kDouble, value);
    add_attribute(message, kAttr, attribute);
  }
  for (const auto& [name, value] : node.texts) {
    WireWriter attribute = named(name);
    attribute.bytes(kString, value);
    add_attribute(message, kAttr, attribute);
  }
  return message.delimited();
}

std::string metadata_bytes(const ChakraTrace& trace) {
  WireWriter message;
  message.bytes(kVersionField, trace.version);
  const auto add_text = [&](const char* name, std::string_view text) {
    WireWriter attribute = named(name);
    attribute.bytes(kString, text);
    add_attribute(message, kMetadataAttr, attribute);
  };
  const auto add_list = [&](const char* name, const std::vector<std::string>& texts) {
    WireWriter values;
    for (const std::string& text : texts) values.bytes(kListValues, text);
    WireWriter attribute = named(name);
    attribute.bytes(kStringList, values.message());
    add_attribute(message, kMetadataAttr, attribute);
  };
  if (trace.global_ids) {
    WireWriter attribute = named(chakra_attribute::kGraph);
    attribute.varint(kInt64, 1);
    add_attribute(message, kMetadataAttr, attribute);
    add_list(chakra_attribute::kDevices, trace.devices);
  }
  if (!trace.title.empty()) add_text(chakra_attribute::kTitle, trace.title);
  if (const auto& on = trace.priced_on) {
    add_text(chakra_attribute::kPricedOn, on->rig);
    add_list(chakra_attribute::kPricedDevices, on->devices);
    add_text(chakra_attribute::kPricedDigest, on->digest);
  }
  return message.delimited();
}

}  // namespace rigsim::configs
