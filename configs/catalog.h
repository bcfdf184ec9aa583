#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "configs/catalog_entry.h"
#include "configs/model_file.h"
#include "configs/shelf.h"
#include "topology/device.h"
#include "topology/rig.h"
#include "workloads/kv_cache.h"
#include "workloads/model.h"
#include "workloads/tensor_type.h"
#include "workloads/weights_format.h"

namespace rigsim::configs {

/// Everything that has a name: the data built into the program, extended by a user's directory.
class Catalog {
 public:
  /// The built-in data; then every *.yaml of `directory` in the order of their names, whose entries
  /// replace built-in ones of the same name.
  /// Throws ConfigError (file:line:column: key) for wrong data, UnreadableInput where the directory
  /// or a file cannot be read.
  [[nodiscard]] static Catalog load(
      const std::optional<std::filesystem::path>& directory = std::nullopt);

  [[nodiscard]] std::span<const Entry<topology::Device>> devices() const {
    return devices_.entries();
  }
  [[nodiscard]] std::span<const Entry<topology::Host>> hosts() const { return hosts_.entries(); }
  [[nodiscard]] std::span<const Entry<topology::Rig>> rigs() const { return rigs_.entries(); }
  [[nodiscard]] std::span<const Entry<workloads::Model>> models() const {
    return models_.entries();
  }
  [[nodiscard]] std::span<const Entry<workloads::TensorType>> tensor_types() const {
    return tensor_types_.entries();
  }
  [[nodiscard]] std::span<const Entry<workloads::WeightsFormat>> weights_formats() const {
    return weights_formats_.entries();
  }
  [[nodiscard]] std::span<const Entry<workloads::KvFormat>> kv_formats() const {
    return kv_formats_.entries();
  }

  /// The entry of a name or alias; null where there is none. Vendor words in front of a device
  /// ("NVIDIA GeForce RTX 4090") and "instruct", "chat", "hf" after a model are passed over.
  [[nodiscard]] const Entry<topology::Device>* find_device(std::string_view name) const;
  [[nodiscard]] const Entry<topology::Host>* find_host(std::string_view name) const;
  [[nodiscard]] const Entry<topology::Rig>* find_rig(std::string_view name) const;
  [[nodiscard]] const Entry<workloads::Model>* find_model(std::string_view name) const;

  /// What a name stands for. Throws std::invalid_argument with the nearest names where there is
  /// none.
  [[nodiscard]] const topology::Device& device(std::string_view name) const;
  [[nodiscard]] const topology::Host& host(std::string_view name) const;
  [[nodiscard]] const workloads::WeightsFormat& weights_format(std::string_view name) const;
  [[nodiscard]] workloads::KvFormat kv_format(std::string_view name) const;

  /// A rig by name, by the grammar of rig_name.h, or from a user's file (a name with a "/" or
  /// ending in .yaml, .yml or .json). It is called what `name` says (a file: what the file says).
  /// Throws std::invalid_argument for unknown names and rigs that cannot be wired, ConfigError and
  /// UnreadableInput for files.
  [[nodiscard]] topology::Rig rig(std::string_view name) const;

  /// A model by name or Hugging Face id, or from a user's file (a name with a "/" that is no such
  /// id, or ending in .yaml, .yml, .json, .gguf or .safetensors). Throws as rig().
  [[nodiscard]] workloads::Model model(std::string_view name) const;

  /// As model(), with what a user's file says of its weights; of a name only the model.
  [[nodiscard]] ModelFile model_file(std::string_view name) const;

  /// The host of a rig that names none: see catalog/hosts.yaml. A machine that is its own host
  /// (an Apple SoC, a CPU) gets one without memory of its own.
  [[nodiscard]] topology::Host default_host(
      std::span<const topology::InstalledDevice> devices) const;

  /// Message for a device name that nobody knows.
  [[nodiscard]] std::string unknown_device(std::string_view name) const {
    return devices_.unknown(name);
  }

 private:
  Catalog() = default;
  void add_layer(std::span<const YamlDocument> documents, int layer);

  Shelf<topology::Device> devices_{"device", "devices"};
  Shelf<topology::Host> hosts_{"host", "hosts"};
  Shelf<topology::Rig> rigs_{"rig", "rigs"};
  Shelf<workloads::Model> models_{"model", "models"};
  Shelf<workloads::TensorType> tensor_types_{"tensor type", "tensor-types"};
  Shelf<workloads::WeightsFormat> weights_formats_{"weights format", "weights"};
  Shelf<workloads::KvFormat> kv_formats_{"KV cache format", "kv"};
};

/// Whether a name given for a rig, a model or the like means a file: it has a "/" or one of the
/// endings .yaml, .yml, .json, .gguf, .safetensors.
[[nodiscard]] bool is_file_name(std::string_view name);

}  // namespace rigsim::configs
