#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "workloads/model.h"

namespace rigsim::workloads {

/// A model with the counts that its formulae must give.
struct KnownModel {
  Model model;
  std::int64_t parameters = 0;
  std::int64_t active_parameters = 0;
  std::int64_t kv_bytes_per_token_fp16 = 0;  ///< all layers, windows not yet full
};

/// 39 published models and the four LLaMA-1 sizes. Architectures and published counts: the models'
/// config.json and safetensors totals on huggingface.co, compiled 2026-11-22; LLaMA 1: Touvron et
/// al. 2023, table 2.
[[nodiscard]] std::span<const KnownModel> known_models();

/// The one of this name. Throws std::out_of_range.
[[nodiscard]] const Model& known_model(std::string_view name);

}  // namespace rigsim::workloads
