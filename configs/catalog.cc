#include "configs/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "configs/device_yaml.h"
#include "configs/embedded_files.h"
#include "configs/model_yaml.h"
#include "configs/rig_name.h"
#include "configs/rig_yaml.h"

namespace rigsim::configs {
namespace {

using topology::Device;
using topology::DeviceKind;

/// Removes every one of `words` from the front (or the back) of a normalised name.
template <std::size_t N>
std::string stripped(std::string name, const std::array<std::string_view, N>& words, bool front) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view word : words) {
      const bool found = front ? name.starts_with(word) : name.ends_with(word);
      if (!found || name.size() == word.size()) continue;
      name.erase(front ? 0 : name.size() - word.size(), word.size());
      again = true;
    }
  }
  return name;
}

constexpr std::array<std::string_view, 7> kVendorWords = {"nvidia", "geforce", "amd",  "radeon",
                                                          "apple",  "intel",   "tesla"};
constexpr std::array<std::string_view, 5> kModelEndings = {"instruct", "chat", "hf", "base", "it"};

/// Reads one list of entries of a data file.
template <class T, class Read>
void shelve(ObjectReader& file, std::string_view key, const std::string& date, int layer,
            Shelf<T>& shelf, Read&& read) {
  const auto list = file.optional_value(key);
  if (!list) return;
  for (const ValueReader& item : list->items()) {
    ObjectReader entry = item.object();
    About about = read_about(entry, date);
    T value = read(entry, about);
    entry.finish();
    shelf.put({std::move(value), std::move(about)}, layer, item.place());
  }
}

/// Keys of format entries that are facts for the reader; the arithmetic lives in workloads/.
void read_facts(ObjectReader& entry, std::initializer_list<std::string_view> keys, About& about) {
  for (const std::string_view key : keys) {
    const auto value = entry.optional_value(key);
    if (!value) continue;
    if (value->is_scalar()) {
      about.facts.emplace_back(key, value->as<std::string>());
      continue;
    }
    ObjectReader map = value->object();
    for (const YamlKey& inner : value->node().keys) {
      about.facts.emplace_back(fmt::format("{}.{}", key, inner.text),
                               map.required<std::string>(inner.text));
    }
  }
}

/// An entry whose value is a constant of workloads/, found by its name there.
template <class Lookup>
auto known(ObjectReader& entry, const About& about, Lookup&& lookup) {
  return entry.value("name").checked([&] { return lookup(about.name); });
}

workloads::TensorType tensor_type_named(std::string_view name) {
  for (const workloads::TensorTypeInfo& info : workloads::tensor_types()) {
    if (info.name == name) return info.type;
  }
  throw std::invalid_argument(fmt::format("unknown tensor type {}", in_quotes(name)));
}

std::vector<YamlDocument> embedded_documents() {
  std::vector<YamlDocument> documents;
  for (const EmbeddedFile& file : embedded_files()) {
    const bool below =
        file.path.find('/', std::string_view("catalog/").size()) != std::string_view::npos;
    if (below)
      continue;  // engine profiles, measured rows and kernel tables have readers of their own
    documents.push_back(parse_yaml(file.text, std::string(file.path)));
  }
  return documents;
}

std::vector<YamlDocument> user_documents(const std::filesystem::path& directory) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    const auto ending = at->path().extension();
    if (ending == ".yaml" || ending == ".yml") files.push_back(at->path());
  }
  if (error) {
    throw UnreadableInput(
        directory.string(),
        fmt::format("the catalogue directory cannot be read: {}", error.message()));
  }
  std::sort(files.begin(), files.end());
  std::vector<YamlDocument> documents;
  for (const auto& file : files) documents.push_back(read_yaml(file));
  return documents;
}

bool has_file_ending(std::string_view name) {
  constexpr std::array<std::string_view, 5> kEndings = {".yaml", ".yml", ".json", ".gguf",
                                                        ".safetensors"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace

bool is_file_name(std::string_view name) {
  return name.find('/') != std::string_view::npos || has_file_ending(name);
}

Catalog Catalog::load(const std::optional<std::filesystem::path>& directory) {
  Catalog catalog;
  catalog.add_layer(embedded_documents(), 0);
  if (directory) catalog.add_layer(user_documents(*directory), 1);
  return catalog;
}

/// Devices first, then what is made of them, whatever the order of files.
void Catalog::add_layer(std::span<const YamlDocument> documents, int layer) {
  std::vector<std::pair<ObjectReader, std::string>> files;
  for (const YamlDocument& document : documents) {
    ObjectReader file = ValueReader(document).object();
    std::string date = file.value_or<std::string>("date", {});
    (void)file.optional_value("sources");
    files.emplace_back(std::move(file), std::move(date));
  }
  for (auto& [file, date] : files) {
    shelve(file, "devices", date, layer, devices_,
           [](ObjectReader& entry, const About&) { return read_device(entry); });
    shelve(file, "models", date, layer, models_, [](ObjectReader& entry, About& about) {
      read_facts(entry, {"published_source"}, about);
      return read_model(entry);
    });
    shelve(file, "tensor_types", date, layer, tensor_types_, [](ObjectReader& entry, About& about) {
      read_facts(entry, {"block_weights", "block_bytes", "bits_per_weight"}, about);
      return known(entry, about, tensor_type_named);
    });
    shelve(file, "weights_formats", date, layer, weights_formats_,
           [](ObjectReader& entry, About& about) {
             read_facts(entry,
                        {"kind", "family", "base_type", "bits_per_weight", "rule", "published_size",
                         "quality"},
                        about);
             return known(entry, about, workloads::weights_format);
           });
    shelve(file, "kv_formats", date, layer, kv_formats_, [](ObjectReader& entry, About& about) {
      read_facts(entry, {"block_weights", "block_bytes", "bits_per_value"}, about);
      return known(entry, about, workloads::kv_format);
    });
  }
  for (auto& [file, date] : files) {
    shelve(file, "hosts", date, layer, hosts_,
           [this](ObjectReader& entry, const About&) { return read_host(entry, *this); });
  }
  for (auto& [file, date] : files) {
    shelve(file, "rigs", date, layer, rigs_,
           [this](ObjectReader& entry, const About&) { return read_rig(entry, *this); });
    file.finish();
  }
}

const Entry<Device>* Catalog::find_device(std::string_view name) const {
  const Entry<Device>* found = devices_.find(name);
  return found != nullptr ? found : devices_.find(stripped(normalised(name), kVendorWords, true));
}

const Entry<topology::Host>* Catalog::find_host(std::string_view name) const {
  return hosts_.find(name);
}

const Entry<topology::Rig>* Catalog::find_rig(std::string_view name) const {
  return rigs_.find(name);
}

const Entry<workloads::Model>* Catalog::find_model(std::string_view name) const {
  if (const auto* found = models_.find(name)) return found;
  for (const Entry<workloads::Model>& entry : models_.entries()) {
    const std::string& id = entry.value.hf_id;
    if (!id.empty() && (id == name || id.substr(id.rfind('/') + 1) == name)) return &entry;
  }
  const auto plain = [](std::string_view text) {
    return stripped(normalised(text), kModelEndings, false);
  };
  const std::string wanted = plain(name);
  for (const Entry<workloads::Model>& entry : models_.entries()) {
    const std::string& id = entry.value.hf_id;
    if (!id.empty() && (plain(id) == wanted || plain(id.substr(id.rfind('/') + 1)) == wanted))
      return &entry;
  }
  return models_.find(wanted);
}

const Device& Catalog::device(std::string_view name) const {
  const Entry<Device>* found = find_device(name);
  if (found == nullptr) throw std::invalid_argument(devices_.unknown(name));
  return found->value;
}

const topology::Host& Catalog::host(std::string_view name) const { return hosts_.at(name).value; }

const workloads::WeightsFormat& Catalog::weights_format(std::string_view name) const {
  return weights_formats_.at(name).value;
}

workloads::KvFormat Catalog::kv_format(std::string_view name) const {
  return kv_formats_.at(name).value;
}

topology::Rig Catalog::rig(std::string_view name) const {
  if (is_file_name(name)) return read_rig_file(std::filesystem::path(name), *this);
  return named_rig(name, *this);
}

workloads::Model Catalog::model(std::string_view name) const { return model_file(name).model; }

ModelFile Catalog::model_file(std::string_view name) const {
  if (const Entry<workloads::Model>* found = find_model(name)) {
    return {.model = found->value, .weights_format = {}, .by_type = {}, .weights = {}};
  }
  // "org/name" that is no file is a model that is not known here.
  const bool is_id = !has_file_ending(name) && std::ranges::count(name, '/') == 1;
  std::error_code error;
  if (is_file_name(name) && (!is_id || std::filesystem::exists(name, error)))
    return read_model_file(std::filesystem::path(name));
  throw std::invalid_argument(models_.unknown(name));
}

topology::Host Catalog::default_host(std::span<const topology::InstalledDevice> devices) const {
  const bool any_off_pcie = std::any_of(devices.begin(), devices.end(), [](const auto& installed) {
    return installed.device.kind != DeviceKind::kGpu || installed.device.unified_memory;
  });
  if (any_off_pcie)
    return {.name = "none",
            .memory = {},
            .memory_bandwidth = {},
            .cores = 0,
            .cpu = {},
            .cpu_vendor = {}};
  const bool board = std::any_of(devices.begin(), devices.end(), [](const auto& installed) {
    return topology::is_on_board(installed.device.peer_link.kind);
  });
  return host(board ? "server" : devices.size() > 2 ? "workstation" : "desktop");
}

}  // namespace rigsim::configs
