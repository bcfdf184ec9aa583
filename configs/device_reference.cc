#include "configs/device_reference.h"

#include "configs/catalog.h"
#include "configs/device_yaml.h"

namespace rigsim::configs {
namespace {

void move_to(YamlNode& node, int line, int column) {
  node.line = line;
  node.column = column;
  for (YamlNode& child : node.children) move_to(child, line, column);
}

/// Lays the keys of `over` on those of `base`; maps within are laid likewise.
void overlay(YamlNode& base, const YamlNode& over) {
  for (std::size_t i = 0; i < over.keys.size(); ++i) {
    std::size_t at = 0;
    while (at < base.keys.size() && base.keys[at].text != over.keys[i].text) ++at;
    if (at == base.keys.size()) {
      base.keys.push_back(over.keys[i]);
      base.children.push_back(over.children[i]);
    } else if (base.children[at].kind == YamlKind::kMap &&
               over.children[i].kind == YamlKind::kMap) {
      overlay(base.children[at], over.children[i]);
    } else {
      base.children[at] = over.children[i];
    }
  }
}

topology::Device read_definition(const ValueReader& value) {
  ObjectReader map = value.object();
  topology::Device device = read_device(map);
  map.finish();
  return device;
}

}  // namespace

topology::Device read_device_reference(const ValueReader& value, const Catalog& catalog) {
  if (value.is_scalar()) {
    return value.checked([&] { return catalog.device(value.as<std::string>()); });
  }
  if (!value.is_map() || value.node().find("like") == nullptr) return read_definition(value);
  const ValueReader like(*value.node().find("like"), value.file(), value.key() + ".like");
  const topology::Device& model = like.checked(
      [&]() -> const topology::Device& { return catalog.device(like.as<std::string>()); });
  YamlWriter text;
  write_device(text, model);
  YamlNode merged = parse_yaml(text.text(), "catalogue").root;
  move_to(merged, value.node().line, value.node().column);
  YamlNode given = value.node();
  for (std::size_t i = 0; i < given.keys.size(); ++i) {
    if (given.keys[i].text != "like") continue;
    given.keys.erase(given.keys.begin() + static_cast<std::ptrdiff_t>(i));
    given.children.erase(given.children.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  overlay(merged, given);
  return read_definition(ValueReader(merged, value.file(), value.key()));
}

}  // namespace rigsim::configs
