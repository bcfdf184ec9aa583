#include "configs/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "configs/config_error.h"
#include "configs/gguf_header.h"
#include "configs/gguf_model.h"
#include "configs/hf_config.h"
#include "configs/input_file.h"
#include "configs/model_yaml.h"
#include "configs/safetensors_header.h"

namespace rigsim::configs {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLongestConfig = 16U << 20U;
constexpr int kMostParts = 4096;

/// Name of a model whose file is called as all such files are: its folder's.
std::string folder_name(const fs::path& path) {
  const std::string stem = path.stem().string();
  if (stem != "config" && stem != "model" && !stem.starts_with("model-")) return stem;
  const std::string folder = fs::absolute(path).parent_path().filename().string();
  return folder.empty() ? stem : folder;
}

struct OpenFile {
  std::ifstream stream;
  std::uint64_t size = 0;
};

OpenFile open(const fs::path& path) {
  (void)read_file_start(path, 1);  // says why where the file cannot be read
  OpenFile file{std::ifstream(path, std::ios::binary), fs::file_size(path)};
  return file;
}

/// What "NAME-00001-of-00003" says of a split file.
struct PartName {
  std::string name;
  int count = 0;
};

std::optional<PartName> part_name(const std::string& stem) {
  constexpr std::string_view kShape = "-00000-of-00000";
  if (stem.size() <= kShape.size()) return std::nullopt;
  const std::string_view end = std::string_view(stem).substr(stem.size() - kShape.size());
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = end[i] >= '0' && end[i] <= '9';
    if (kShape[i] == '0' ? !digit : end[i] != kShape[i]) return std::nullopt;
  }
  return PartName{stem.substr(0, stem.size() - kShape.size()),
                  std::stoi(std::string(end.substr(10)))};
}

/// All parts of a split file, in order; a file that is not split is its only part.
std::vector<fs::path> parts(const fs::path& path) {
  const auto part = part_name(path.stem().string());
  if (!part) return {path};
  if (part->count < 1 || part->count > kMostParts) {
    throw UnreadableInput(path.string(), fmt::format("a file in {} parts", part->count));
  }
  std::vector<fs::path> out;
  for (int i = 1; i <= part->count; ++i) {
    const std::string name =
        fmt::format("{}-{:05}-of-{:05}{}", part->name, i, part->count, path.extension().string());
    const fs::path file = path.parent_path() / name;
    std::error_code error;
    if (!fs::exists(file, error)) {
      throw UnreadableInput(
          path.string(),
          fmt::format("one of {} parts; part {} ({}) is not beside it", part->count, i, name));
    }
    out.push_back(file);
  }
  return out;
}

void add(ModelFile& file, const std::string& type, const TensorTotal& more) {
  TensorTotal& total = file.by_type[type];
  total.count += more.count;
  total.bytes += more.bytes;
  file.weights += more.bytes;
}

ModelFile read_gguf(const fs::path& path) {
  ModelFile out;
  GgufHeader whole;
  bool first = true;
  for (const fs::path& part : parts(path)) {
    OpenFile file = open(part);
    GgufHeader header = read_gguf_header(file.stream, file.size, part.string());
    for (const GgufTensor& tensor : header.tensors) add(out, tensor.type, {1, tensor.bytes});
    if (first) {
      whole = std::move(header);
    } else {
      std::move(header.tensors.begin(), header.tensors.end(), std::back_inserter(whole.tensors));
    }
    first = false;
  }
  out.model = gguf_model(whole);
  out.weights_format = gguf_weights_format(whole);
  return out;
}

ModelFile read_config(const fs::path& path) {
  return parse_hf_config(read_whole_file(path, kLongestConfig), path.string(), folder_name(path));
}

/// The catalogue's format for plain tensors of the type that most bytes have.
std::optional<std::string> plain_format(const ModelFile& file) {
  const auto most = std::max_element(
      file.by_type.begin(), file.by_type.end(),
      [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
  if (most == file.by_type.end()) return std::nullopt;
  const bool plain = most->first == "BF16" || most->first == "F16" || most->first == "F32";
  return plain ? std::optional(most->first) : std::nullopt;
}

ModelFile read_safetensors_file(const fs::path& path) {
  const fs::path config = path.parent_path() / "config.json";
  std::error_code error;
  if (!fs::exists(config, error)) {
    throw UnreadableInput(path.string(),
                          "a safetensors header does not name the architecture; put the model's "
                          "config.json beside it");
  }
  ModelFile out = read_config(config);
  for (const fs::path& part : parts(path)) {
    OpenFile file = open(part);
    for (const auto& [type, total] : read_safetensors(file.stream, file.size, part.string()))
      add(out, type, total);
  }
  if (const auto plain = plain_format(out)) out.weights_format = plain;
  return out;
}

}  // namespace

ModelFile read_model_file(const fs::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".safetensors") return read_safetensors_file(path);
  if (ending == ".json") return read_config(path);
  if (ending == ".gguf" || read_file_start(path, 4) == "GGUF") return read_gguf(path);
  if (ending == ".yaml" || ending == ".yml") {
    ModelFile out;
    out.model = read_model_yaml(path);
    return out;
  }
  throw UnreadableInput(path.string(),
                        "not a model; read are config.json, .gguf, .safetensors and .yaml");
}

}  // namespace rigsim::configs
