#include "configs/yaml_document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "configs/config_error.h"
#include "configs/input_file.h"
#include "configs/utf8.h"

namespace rigsim::configs {
namespace {

struct Extent {
  std::size_t nodes = 1;
  std::size_t depth = 1;
};

Extent extent(const YamlNode& node) {
  Extent all;
  for (const YamlNode& child : node.children) {
    const Extent inner = extent(child);
    all.nodes += inner.nodes;
    all.depth = std::max(all.depth, inner.depth + 1);
  }
  return all;
}

/// Builds our tree from the parser's events. Events carry every position and every key, which the
/// parser's own node type loses or hides (it keeps one of two equal keys).
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string file, const YamlLimits& limits)
      : file_(std::move(file)), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_) fail(mark, "a second document starts here; one per file is allowed");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, make(mark, YamlKind::kNull), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = make(mark, YamlKind::kScalar);
    node.scalar = value;
    node.quoted = tag == "!";
    add(mark, std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(mark, "an alias inside the value that it names");
    const Extent copied = extent(found->second);
    count(mark, copied.nodes);
    check_depth(mark, open_.size() + copied.depth);
    add(mark, found->second, 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, YamlKind::kList, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, YamlKind::kMap, anchor);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] std::optional<YamlNode> take_root() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
  };

  [[noreturn]] void fail(const YAML::Mark& mark, std::string message) const {
    throw ConfigError({file_, mark.line + 1, mark.column + 1, path()}, std::move(message));
  }

  /// Key path of the value being read.
  [[nodiscard]] std::string path() const {
    std::string text;
    for (const Open& open : open_) {
      if (open.node.kind == YamlKind::kList) {
        text += fmt::format("[{}]", open.node.children.size());
      } else if (open.node.keys.size() > open.node.children.size()) {
        text += (text.empty() ? "" : ".") + open.node.keys.back().text;
      }
    }
    return text;
  }

  void count(const YAML::Mark& mark, std::size_t more) {
    nodes_ += more;
    if (nodes_ > limits_.nodes) {
      fail(mark, fmt::format("more than {} values in one file", limits_.nodes));
    }
  }

  void check_depth(const YAML::Mark& mark, std::size_t depth) const {
    if (depth > limits_.depth)
      fail(mark, fmt::format("nested deeper than {} levels", limits_.depth));
  }

  YamlNode make(const YAML::Mark& mark, YamlKind kind) {
    count(mark, 1);
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void open(const YAML::Mark& mark, YamlKind kind, YAML::anchor_t anchor) {
    check_depth(mark, open_.size() + 1);
    open_.push_back({make(mark, kind), mark, anchor});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(done.mark, std::move(done.node), done.anchor);
  }

  void add(const YAML::Mark& mark, YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back().node;
    const bool is_key =
        parent.kind == YamlKind::kMap && parent.keys.size() == parent.children.size();
    if (is_key) {
      add_key(mark, parent, node);
    } else {
      parent.children.push_back(std::move(node));
    }
  }

  void add_key(const YAML::Mark& mark, YamlNode& parent, const YamlNode& key) {
    if (key.kind != YamlKind::kScalar) fail(mark, "a key must be plain text");
    const auto before = std::find_if(parent.keys.begin(), parent.keys.end(),
                                     [&](const YamlKey& k) { return k.text == key.scalar; });
    if (before != parent.keys.end()) {
      Place place{file_, mark.line + 1, mark.column + 1, path()};
      place.key += (place.key.empty() ? "" : ".") + key.scalar;
      throw ConfigError(std::move(place),
                        fmt::format("duplicate key {}; it already stands in line {}",
                                    in_quotes(key.scalar), before->line));
    }
    parent.keys.push_back({key.scalar, mark.line + 1, mark.column + 1});
  }

  std::string file_;
  YamlLimits limits_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::optional<YamlNode> root_;
  std::size_t nodes_ = 0;
};

Place place_of_byte(std::string_view text, std::size_t at, const std::string& file) {
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto line_start = before.rfind('\n');
  const auto column = line_start == std::string_view::npos ? at + 1 : at - line_start;
  return {file, static_cast<int>(line), static_cast<int>(column), {}};
}

void check_text(std::string_view text, const std::string& file, const YamlLimits& limits) {
  if (text.size() > limits.bytes) {
    throw ConfigError({file, 0, 0, {}}, fmt::format("{} bytes; a configuration may have at most {}",
                                                    text.size(), limits.bytes));
  }
  const auto zero = text.find('\0');
  const auto bad = zero != std::string_view::npos ? std::optional(zero) : first_bad_utf8(text);
  if (bad) {
    throw ConfigError(
        place_of_byte(text, *bad, file),
        fmt::format("not UTF-8 text (byte 0x{:02x})", static_cast<unsigned char>(text[*bad])));
  }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &children[i];
  }
  return nullptr;
}

YamlDocument parse_yaml(std::string_view text, std::string file, const YamlLimits& limits) {
  check_text(text, file, limits);
  TreeBuilder builder(file, limits);
  try {
    // A quote left open is an error for the parser only where the text does not end in a newline.
    std::istringstream stream(std::string(text) + "\n#");
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    throw ConfigError({file, error.mark.line + 1, error.mark.column + 1, {}},
                      fmt::format("not valid YAML: {}", error.msg));
  }
  std::optional<YamlNode> root = builder.take_root();
  if (!root || root->kind == YamlKind::kNull)
    throw ConfigError({file, 0, 0, {}}, "the file is empty");
  return {std::move(file), std::move(*root)};
}

YamlDocument read_yaml(const std::filesystem::path& path, const YamlLimits& limits) {
  return parse_yaml(read_whole_file(path, limits.bytes), path.string(), limits);
}

}  // namespace rigsim::configs
