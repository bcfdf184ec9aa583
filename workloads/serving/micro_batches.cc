#include "workloads/serving/micro_batches.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace rigsim::workloads {

std::int64_t MicroBatch::tokens() const {
  std::int64_t total = load.sequences + load.drafts;
  for (const PromptChunk& each : chunks) total += each.tokens;
  return total;
}

std::vector<MicroBatch> micro_batches(const DecodeLoad& load, std::span<const PromptChunk> chunks,
                                      std::int64_t most) {
  if (most < 1)
    throw std::invalid_argument("a micro-batch must have at least 1 token, got " +
                                std::to_string(most));
  std::vector<MicroBatch> parts(1);
  std::int64_t room = most;
  const auto next = [&](std::int64_t wanted) {  // tokens that the last part still takes
    if (room == 0) {
      parts.emplace_back();
      room = most;
    }
    const std::int64_t taken = std::min(wanted, room);
    room -= taken;
    return taken;
  };
  for (DecodeLoad left = load; left.sequences > 0;) {
    const std::int64_t rows = next(left.sequences);
    const DecodeLoad part{rows, left.kv_tokens * rows / left.sequences};
    parts.back().load = part;
    parts.back().logits += rows;
    left = {left.sequences - rows, left.kv_tokens - part.kv_tokens};
  }
  for (const PromptChunk& chunk : chunks) {
    for (std::int64_t done = 0; done < chunk.tokens;) {
      const std::int64_t tokens = next(chunk.tokens - done);
      parts.back().chunks.push_back({tokens, chunk.cached + done});
      done += tokens;
    }
    ++parts.back().logits;
  }
  return parts;
}

}  // namespace rigsim::workloads
