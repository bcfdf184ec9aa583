#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/serving/step_cost.h"

namespace rigsim::workloads {

/// The part of a step that goes through the layers at once.
struct MicroBatch {
  DecodeLoad load;
  std::vector<PromptChunk> chunks;
  std::int64_t logits = 0;  ///< rows that get logits: decoding ones, and where a chunk ends

  [[nodiscard]] std::int64_t tokens() const;
};

/// Cuts a step, decoding rows first and then the chunks in turn, into parts of at most `most`
/// tokens, the last one shorter (llama.cpp's llama_batch_allocr::split_simple). Contexts of rows
/// that part count as equal. Throws std::invalid_argument unless most >= 1.
[[nodiscard]] std::vector<MicroBatch> micro_batches(const DecodeLoad& load,
                                                    std::span<const PromptChunk> chunks,
                                                    std::int64_t most);

}  // namespace rigsim::workloads
