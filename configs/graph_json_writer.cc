#include <fmt/format.h>

#include <array>
#include <utility>

#include "configs/graph_json.h"
#include "configs/json_text.h"

namespace rigsim::configs {
namespace {

using workloads::OpGraphDocument;

/// A duration that parse_quantity gives back exactly, fast: the digits of a decimal fraction below
/// 2^53 survive a double.
std::string text_of(sim::Duration duration) {
  constexpr std::array<std::pair<std::int64_t, const char*>, 4> kUnits{
      {{1'000'000'000'000, "s"}, {1'000'000'000, "ms"}, {1'000'000, "us"}, {1'000, "ns"}}};
  const std::int64_t ps = duration.count();
  if (ps < 1'000'000'000'000'000) {
    for (const auto& [scale, unit] : kUnits) {
      if (ps < scale) continue;
      std::string digits = fmt::format("{}", scale + ps % scale).substr(1);
      digits.erase(digits.find_last_not_of('0') + 1);
      return fmt::format("{}{}{} {}", ps / scale, digits.empty() ? "" : ".", digits, unit);
    }
  }
  return fmt::format("{} ps", ps);
}

std::string text_of(sim::Bytes bytes) {
  constexpr std::array<std::pair<std::int64_t, const char*>, 6> kUnits{
      {{std::int64_t{1} << 30, "GiB"},
       {1'000'000'000, "GB"},
       {std::int64_t{1} << 20, "MiB"},
       {1'000'000, "MB"},
       {std::int64_t{1} << 10, "KiB"},
       {1'000, "kB"}}};
  const std::int64_t count = bytes.count();
  for (const auto& [scale, unit] : kUnits) {
    if (count != 0 && count % scale == 0) return fmt::format("{} {}", count / scale, unit);
  }
  return fmt::format("{} B", count);
}

/// Appends the fields of each kind of node.
class NodeWriter {
 public:
  NodeWriter(const OpGraphDocument& document, std::string& out) : document_(document), out_(out) {}

  void operator()(const workloads::ComputeNode& node) {
    field("device", document_.devices[node.device]);
    if (node.stream != "compute") field("stream", node.stream);
    if (node.duration) field("duration", text_of(*node.duration));
    if (node.flops != 0) out_ += fmt::format(", \"flops\": {}", node.flops);
    if (node.bytes != sim::Bytes(0)) field("bytes", text_of(node.bytes));
    if (node.format != workloads::MathFormat::kF16) field("format", to_string(node.format));
  }
  void operator()(const workloads::TransferNode& node) {
    field("from", place(node.from));
    field("to", place(node.to));
    field("size", text_of(node.size));
    if (node.staged) field("path", "staged");
  }
  void operator()(const workloads::CollectiveNode& node) {
    field("collective", to_string(node.kind));
    names("devices", node.devices,
          [&](std::uint32_t device) -> std::string_view { return document_.devices[device]; });
    field("size", text_of(node.size));
    if (node.algorithm) field("algorithm", to_string(*node.algorithm));
    if (node.duration) field("duration", text_of(*node.duration));
    if (node.runner != workloads::CollectiveRunner::kNccl) field("library", to_string(node.runner));
    if (node.launch != topology::LaunchMode::kGraph) field("launch", to_string(node.launch));
    if (node.shares_links) field("links", "shared");
  }
  void operator()(const workloads::DelayNode& node) { field("duration", text_of(node.duration)); }
  void operator()(const workloads::HostNode& node) {
    if (node.stream != "cpu") field("stream", node.stream);
    field("duration", text_of(node.duration));
  }

  template <class Name>
  void names(const char* key, const std::vector<std::uint32_t>& indices, Name name) {
    out_ += fmt::format(", \"{}\": [", key);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      if (i > 0) out_ += ", ";
      out_ += json_text(name(indices[i]));
    }
    out_ += ']';
  }

 private:
  void field(const char* key, std::string_view text) {
    out_ += fmt::format(", \"{}\": {}", key, json_text(text));
  }
  [[nodiscard]] std::string_view place(std::uint32_t index) const {
    return index == workloads::kHostPlace ? std::string_view("host") : document_.devices[index];
  }

  const OpGraphDocument& document_;
  std::string& out_;
};

std::string list_of(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (std::size_t i = 0; i < texts.size(); ++i) out += (i > 0 ? ", " : "") + json_text(texts[i]);
  return out + "]";
}

}  // namespace

std::string to_graph_json(const OpGraphDocument& document) {
  validate(document);
  std::string out = fmt::format("{{\n  \"rigsim_graph\": {},\n", kGraphSchemaVersion);
  if (!document.title.empty()) out += fmt::format("  \"title\": {},\n", json_text(document.title));
  if (const auto& on = document.priced_on) {
    out += fmt::format("  \"priced_on\": {{\"rig\": {}, \"devices\": {}, \"digest\": {}}},\n",
                       json_text(on->rig), list_of(on->devices), json_text(on->digest));
  }
  out += fmt::format("  \"devices\": {},\n  \"nodes\": [", list_of(document.devices));
  NodeWriter writer(document, out);
  for (std::size_t i = 0; i < document.nodes.size(); ++i) {
    const workloads::GraphNode& node = document.nodes[i];
    out += fmt::format("{}\n    {{\"name\": {}, \"kind\": \"{}\"", i > 0 ? "," : "",
                       json_text(node.name), kind_name(node.work));
    std::visit(writer, node.work);
    if (!node.after.empty()) {
      writer.names("after", node.after, [&](std::uint32_t before) -> std::string_view {
        return document.nodes[before].name;
      });
    }
    out += '}';
  }
  return out + "\n  ]\n}\n";
}

}  // namespace rigsim::configs
