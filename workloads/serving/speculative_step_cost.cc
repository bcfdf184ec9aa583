#include "workloads/serving/speculative_step_cost.h"

#include <stdexcept>
#include <utility>

namespace rigsim::workloads {

SpeculativeStepCost::SpeculativeStepCost(const Deployment& target, const Deployment* draft,
                                         std::int64_t tokens, ServingHost host, Slowness slowness)
    : host_(std::move(host)), tokens_(tokens), target_(target, host_, slowness) {
  if (tokens < 1) throw std::invalid_argument("drafted tokens must be >= 1");
  if (draft != nullptr) draft_.emplace(*draft, host_, slowness);
}

Ticks SpeculativeStepCost::drafting(const DecodeLoad& load, std::span<const PromptChunk> chunks) {
  if (!draft_) return 0;
  longer_.assign(chunks.begin(), chunks.end());
  const std::int64_t sequences = load.sequences + std::ssize(chunks);
  std::int64_t kv_tokens = load.kv_tokens + load.sequences;
  for (PromptChunk& each : longer_) kv_tokens += each.cached + ++each.tokens;
  const DecodeLoad first{load.sequences, load.kv_tokens + load.sequences,
                         load.drafts + load.sequences};
  Ticks total = draft_->pass(first, longer_, sequences);
  for (std::int64_t i = 1; i < tokens_; ++i)
    total += draft_->pass({sequences, kv_tokens += sequences}, {}, sequences);
  return total;
}

Ticks SpeculativeStepCost::of(const DecodeLoad& load, std::span<const PromptChunk> chunks) {
  const std::int64_t sequences = load.sequences + std::ssize(chunks);
  const std::int64_t rows = sequences + load.drafts;
  Ticks device = target_.pass(load, chunks, rows) + target_.sampling(rows) + drafting(load, chunks);
  if (!chunks.empty()) device = target_.with_prompts(device);
  return host_.with({device, 0, 1}, host_.share(sequences)).first;
}

}  // namespace rigsim::workloads
