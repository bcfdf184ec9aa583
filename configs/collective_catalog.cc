#include "configs/collective_catalog.h"

#include <fmt/format.h>

#include <stdexcept>
#include <string>

#include "configs/embedded_files.h"

namespace rigsim::configs {
namespace {

EmbeddedFile shipped(std::string_view name) {
  const std::string path = "catalog/collectives/" + std::string(name);
  for (const EmbeddedFile& file : embedded_files())
    if (file.path == path) return file;
  throw std::logic_error(fmt::format("no built-in file {}", path));
}

}  // namespace

YamlDocument collective_yaml(std::string_view name) {
  const EmbeddedFile file = shipped(name);
  return parse_yaml(file.text, std::string(file.path));
}

CsvTable collective_csv(std::string_view name) {
  const EmbeddedFile file = shipped(name);
  return parse_csv(file.text, std::string(file.path));
}

}  // namespace rigsim::configs
