#include "configs/catalog_entry.h"

namespace rigsim::configs {
namespace {

std::string confidence(ObjectReader& entry, std::string_view key) {
  const auto found = entry.optional_value(key);
  if (!found) return {};
  return found->choice<std::string>({{"high", "high"}, {"medium", "medium"}, {"low", "low"}});
}

}  // namespace

About read_about(ObjectReader& entry, const std::string& file_date) {
  About about;
  about.name = entry.required<std::string>("name");
  about.title = entry.value_or<std::string>("title", about.name);
  if (const auto aliases = entry.optional_value("aliases")) {
    for (const ValueReader& alias : aliases->items()) {
      about.aliases.push_back(alias.as<std::string>());
    }
  }
  about.source = entry.value_or<std::string>("source", {});
  about.date = entry.value_or<std::string>("date", file_date);
  about.confidence = confidence(entry, "confidence");
  about.notes = entry.value_or<std::string>("notes", {});
  if (const auto facts = entry.optional_value("facts")) {
    ObjectReader map = facts->object();
    for (const YamlKey& key : facts->node().keys) {
      about.facts.emplace_back(key.text, map.required<std::string>(key.text));
    }
  }
  const std::string price = confidence(entry, "price_confidence");
  if (!price.empty()) about.facts.emplace_back("price_confidence", price);
  about.file = std::string(entry.whole().file());
  return about;
}

}  // namespace rigsim::configs
