#include "workloads/weights_format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace rigsim::workloads {
namespace {

std::vector<WeightsFormat> make_known_formats() {
  using enum TensorType;
  std::vector<WeightsFormat> formats;
  for (int i = 0; i <= static_cast<int>(GgufMix::kIq4_XS); ++i) {
    const GgufMix mix{static_cast<std::uint8_t>(i)};
    formats.push_back({std::string(to_string(mix)), GgufFile{.mix = mix}});
  }
  for (const TensorType type :
       {kGptq4G128, kGptq3G128, kAwq4G128, kRtn4G128, kNf4, kNf4DoubleQuantised, kBnbFp4, kBnbInt8,
        kInt8Channel, kFp8Tensor, kFp8Block128, kMxfp8, kMxfp4}) {
    formats.push_back({std::string(info(type).name), LinearLayers{.type = type}});
  }
  // llama.cpp's file type of that name: experts in MXFP4, all else in Q8_0 (gpt-oss-120b: 59.02
  // GiB).
  formats.push_back({"MXFP4_MOE", LinearLayers{.type = kMxfp4, .rest = kQ8_0}});
  formats.push_back({"NVFP4", LinearLayers{.type = kNvfp4Block16}});
  return formats;
}

bool is_quantised(const Model& model, TensorRole role) {
  if (model.family == ModelFamily::kGptOss) {
    return role == TensorRole::kExpertGate || role == TensorRole::kExpertUp ||
           role == TensorRole::kExpertDown;
  }
  return is_linear(role);
}

TensorType type_in(GgufFile file, const Model& model, const Tensor& tensor) {
  return tensor_type(file, model, tensor);
}

TensorType type_in(const LinearLayers& format, const Model& model, const Tensor& tensor) {
  return is_quantised(model, tensor.role) ? format.type : format.rest;
}

}  // namespace

std::span<const WeightsFormat> known_weights_formats() {
  static const std::vector<WeightsFormat> formats = make_known_formats();
  return formats;
}

const WeightsFormat& weights_format(std::string_view name) {
  const auto formats = known_weights_formats();
  const auto found = std::ranges::find(formats, name, &WeightsFormat::name);
  if (found == formats.end()) {
    std::vector<std::string_view> names;
    for (const WeightsFormat& format : formats) names.push_back(format.name);
    throw std::invalid_argument(
        fmt::format("unknown weights format \"{}\"; known: {}", name, fmt::join(names, ", ")));
  }
  return *found;
}

TensorType tensor_type(const WeightsFormat& format, const Model& model, const Tensor& tensor) {
  return std::visit([&](const auto& rule) { return type_in(rule, model, tensor); }, format.rule);
}

sim::Bytes tensor_bytes(const WeightsFormat& format, const Model& model, const Tensor& tensor) {
  return stored_bytes(tensor_type(format, model, tensor), tensor);
}

sim::Bytes weight_bytes(const Model& model, const WeightsFormat& format) {
  sim::Bytes total;
  for (const Tensor& tensor : tensors(model)) total += tensor_bytes(format, model, tensor);
  return total;
}

double bits_per_weight(const Model& model, const WeightsFormat& format) {
  return 8.0 * static_cast<double>(weight_bytes(model, format).count()) /
         static_cast<double>(parameter_count(model));
}

}  // namespace rigsim::workloads
