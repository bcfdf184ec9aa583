// Feeds an importer of topologies whatever libFuzzer makes up. Built once for each format, with
// RIGSIM_FUZZ_FORMAT smi, rocm, nccl or hwloc; the format's reader is asked directly, so that no
// mutation is lost on being recognised. Refusals by the promised exceptions are right; anything
// else that is thrown, a rig that cannot be read back from its YAML, a crash or a leak is a
// finding.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/rig_yaml.h"
#include "configs/topology_import/topology_import.h"

namespace {

using namespace rigsim::configs;  // NOLINT(google-build-using-namespace)

const Catalog& catalog() {
  static const Catalog loaded = Catalog::load();
  return loaded;
}

enum class Format { smi, rocm, nccl, hwloc };
constexpr Format kFormat = Format::RIGSIM_FUZZ_FORMAT;

/// The input as a file that is recognised as of the format.
std::string as_file(std::string text) {
  switch (kFormat) {
    case Format::smi:
      return text;
    case Format::rocm:
      return "ROCm System Management Interface\n" + text;
    case Format::nccl:
      return text.starts_with("<") ? text : "<system version=\"1\">" + text + "</system>";
    case Format::hwloc:
      return text.starts_with("<") ? text : "<topology version=\"2.0\">" + text + "</topology>";
  }
  return text;
}

void check_that_it_comes_back(const ImportedRig& imported) {
  const YamlDocument document = parse_yaml(to_yaml(imported), "fuzz.yaml");
  ObjectReader entry = ValueReader(document).object();
  const auto rig = read_rig(entry, catalog());
  entry.finish();
  if (to_yaml(rig) == to_yaml(imported.rig)) return;
  std::fputs("the rig is another one after writing and reading\n", stderr);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  const bool named = size % 2 == 0;
  const ImportFile file{"fuzz", as_file(std::move(text))};
  ImportedRig imported;
  try {
    const auto device = named ? std::optional<std::string>() : std::optional<std::string>("a6000");
    imported = import_topology({&file, 1}, {"fuzz", device}, catalog());
  } catch (const UnreadableInput&) {
    return 0;
  } catch (const ConfigError&) {
    return 0;
  }
  if (imported.rig.cables.size() < 200) check_that_it_comes_back(imported);
  return 0;
}
