#include "workloads/serving/pass_joint_cost.h"

#include <algorithm>

namespace rigsim::workloads {
namespace {

constexpr std::int64_t kForever = std::int64_t{1} << 40;

/// Of a replica, with the one token of a batch that only runs along.
std::int64_t tokens_run(const RankLoad& rank) { return std::max<std::int64_t>(rank.tokens(), 1); }

}  // namespace

PassJointCost::PassJointCost(const Deployment& deployment, PassBodies& bodies,
                             const ServingHost& host, Slowness slowness)
    : bodies_(bodies), host_(host), parts_(deployment, bodies, 0, host, slowness) {}

StepRun PassJointCost::attention(const RankLoad& rank) {
  if (!rank.chunks.empty()) return {parts_.attention(rank.decode, rank.chunks), 0, 1};
  if (rank.decode.sequences == 0) return {0, 0, kForever};
  return parts_.attention(rank.decode);
}

/// Adds to own_ what unlike token counts make different; returns what all share.
Ticks PassJointCost::add_dense(std::span<const RankLoad> ranks) {
  const std::int64_t most = tokens_run(*std::ranges::max_element(ranks, {}, tokens_run));
  if (bodies_.captured(most)) return bodies_.stage(0, most);
  std::int64_t all = 0;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const std::int64_t tokens = bodies_.padded(tokens_run(ranks[r]));
    all += tokens;
    own_[r].first += bodies_.stage(0, tokens) - bodies_.experts(tokens * std::ssize(ranks));
  }
  return bodies_.experts(all);
}

StepRun PassJointCost::price(std::span<const RankLoad> ranks, std::span<StepRun> waits) {
  own_.clear();
  drawing_.clear();
  Ticks host = 0;
  bool prompts = false;
  for (const RankLoad& rank : ranks) {
    own_.push_back(attention(rank));
    drawing_.push_back(rank.sequences() > 0 ? parts_.drawing(rank.sequences()) : 0);
    host = std::max(host, host_.share(rank.sequences()));
    prompts = prompts || !rank.chunks.empty();
  }
  const Ticks shared = add_dense(ranks);
  const StepRun longest = slowest(own_);
  const Ticks drawing = std::ranges::max(drawing_);
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    waits[r] = {longest.first - own_[r].first + drawing - drawing_[r],
                longest.slope - own_[r].slope, longest.steps};
    if (prompts) waits[r].first = parts_.with_prompts(waits[r].first);
  }
  StepRun device = longest;
  device.first += shared + drawing;
  if (prompts) device = {parts_.with_prompts(device.first), 0, 1};
  return host_.with(device, host);
}

}  // namespace rigsim::workloads
