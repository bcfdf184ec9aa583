#include "workloads/serving/serving_work.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "sim/executor.h"
#include "workloads/attention_shape.h"
#include "workloads/pass_graph.h"
#include "workloads/serving/ggml_pipeline.h"
#include "workloads/time_share.h"

namespace rigsim::workloads {
namespace {

/// The dense matrix rate at 16 bits, or what comes nearest.
double matrix_rate(const topology::Device& device) {
  const topology::PeakRates& peak = device.peak;
  for (const auto& rate :
       {peak.bf16_tensor, peak.fp16_tensor_fp32acc, peak.fp16_nontensor, peak.fp32}) {
    if (rate) return rate->count();
  }
  return 0;
}

bool is_matrix(const Tensor& tensor) {
  return is_linear(tensor.role) || tensor.role == TensorRole::kRouter ||
         tensor.role == TensorRole::kOutput || tensor.role == TensorRole::kTokenEmbedding;
}

}  // namespace

Wide capped_series(std::int64_t first, std::int64_t growth, std::int64_t steps, std::int64_t most) {
  if (growth == 0 || first >= most) return Wide{std::min(first, most)} * steps;
  const std::int64_t below = std::min((most - first + growth - 1) / growth, steps);
  return series(first, growth, below) + Wide{most} * (steps - below);
}

StepWork& StepWork::operator+=(const StepWork& other) {
  flops += other.flops;
  bytes += other.bytes;
  link += other.link;
  return *this;
}

ServingWork::ServingWork(const ServingSetup& setup)
    : ServingWork(setup.deployment, setup.host, setup.config.in_flight) {
  if (!setup.draft) return;
  draft_.reset(new ServingWork(*setup.draft, setup.host, 1));
  drafts_ = setup.speculating->choice.tokens;
}

ServingWork::ServingWork(const Deployment& deployment, const ServingHost& host,
                         std::int32_t in_flight)
    : d_(deployment), host_(host), in_flight_(in_flight) {
  for (const DeployedStage& stage : d_.replica(0)) {
    for (const std::uint32_t device : stage.devices) {
      const topology::Device& what = d_.rig.devices[device].device;
      peak_flops_ += matrix_rate(what);
      peak_bandwidth_ += what.memory_bandwidth.count();
    }
  }
  add_layers();
  add_attention();
}

void ServingWork::add_layers() {
  for (const auto& layer : d_.weights.layers) {
    for (const StoredTensor& stored : layer) {
      const bool routed = is_routed_expert(stored.tensor.role);
      (routed ? expert_bytes_ : dense_bytes_) += stored.bytes.count();
      if (!is_matrix(stored.tensor)) continue;
      const std::int64_t one = stored.tensor.rows * stored.tensor.cols;
      layer_flops_ += 2 * one * (routed ? d_.model.experts->active : stored.tensor.count);
    }
  }
  for (const StoredTensor& stored : d_.weights.head) {
    dense_bytes_ += stored.bytes.count();
    if (is_matrix(stored.tensor)) head_flops_ += 2 * stored.tensor.weights();
  }
}

void ServingWork::add_attention() {
  PassShape shape;
  shape.kv_bytes_per_element = d_.kv_bytes_per_element;
  for (int layer = 0; layer < d_.model.layers; ++layer) {
    const std::int64_t window = d_.engine.memory.windows && is_windowed_layer(d_.model, layer)
                                    ? d_.model.sliding_window
                                    : 0;
    const auto alike = std::ranges::find(groups_, window, &AttentionGroup::window);
    if (alike != groups_.end()) {
      ++alike->layers;
      continue;
    }
    const AttentionShape attention = attention_shape(d_.model, layer, shape, d_.engine);
    constexpr double kFlopsPerWidth = 4;  // 2 for a key, 2 for a value: the width is their mean
    groups_.push_back(
        {1, window, std::llround(kFlopsPerWidth * attention.query_width), attention.kv_row_bytes});
  }
}

/// Of `group_tokens` of all replicas, where these share their experts: also where none are its own.
Wide ServingWork::weight_bytes(std::int64_t tokens, std::int64_t group_tokens) const {
  const std::int64_t dense = tokens > 0 ? dense_bytes_ : 0;
  if (expert_bytes_ == 0) return dense;
  const Experts& experts = *d_.model.experts;
  const double touched = group_tokens > 0 ? touched_experts(experts, group_tokens) / d_.plan.dp
                                          : touched_experts(experts, tokens);
  const double share = touched / experts.count;
  return dense + std::llround(share * static_cast<double>(expert_bytes_));
}

namespace {

/// Of the critical path, what moves the hidden state from stage to stage.
double between_stages(const PassGraph& pass, const sim::Executor& executor) {
  double seconds = 0;
  for (const auto& step : executor.critical_path()) {
    const OpInfo& info = pass.ops[static_cast<std::size_t>(step.op)];
    if (info.name == std::string_view("hidden_state") || info.name == std::string_view("send"))
      seconds += sim::to_seconds(step.end - step.start - info.cost.launch);
  }
  return seconds;
}

}  // namespace

/// The pass whose links are looked at instead of one of so many tokens.
std::int64_t ServingWork::looked_at(std::int64_t tokens) const {
  const std::vector<std::int64_t>& sizes = host_.captured;
  // Copies of the micro-batches behind the first hide behind what computes.
  if (is_ggml_pipeline(d_)) tokens = std::min(tokens, d_.engine.micro_batch_tokens);
  const auto captured = std::ranges::lower_bound(sizes, tokens);
  if (captured != sizes.end()) return *captured;
  constexpr std::int64_t kGrid = 64;
  return tokens <= kGrid ? tokens : (tokens + kGrid - 1) / kGrid * kGrid;
}

/// What the critical path of a pass of so many tokens waits for links; of several steps on their
/// way the mean stage's share, without what passes between the stages.
Ticks ServingWork::link(std::int64_t tokens) {
  const std::span<const DeployedStage> stages = d_.replica(0);
  const bool alone = d_.plan.dp == 1 && std::ranges::all_of(stages, [](const DeployedStage& stage) {
                       return stage.devices.size() < 2;
                     });
  const bool copies_count = stages.size() > 1 && in_flight_ == 1;
  if (!copies_count && alone) return 0;
  const std::int64_t at = looked_at(tokens);
  const auto [known, made] = links_.try_emplace(at, 0);
  if (made) {
    const PassGraph pass = lower_step(d_, at, 1);
    sim::Executor executor(pass.graph);
    executor.run(pass.graph.costs());
    double link_s = attribute(pass, executor, d_.rig.devices.size()).critical_path.link_s;
    if (in_flight_ > 1)
      link_s = std::max(link_s - between_stages(pass, executor), 0.0) /
               static_cast<double>(d_.stages.size());
    known->second = ticks_of_seconds(link_s);
  }
  return known->second;
}

/// In lock step all sit in the same collectives: of as many tokens as the one with most has where
/// they replay captured graphs, else of the mean.
std::int64_t ServingWork::tokens_of_each(const StepRecord& steps) const {
  const std::vector<std::int64_t>& sizes = host_.captured;
  if (!sizes.empty() && steps.group_most <= sizes.back()) return steps.group_most;
  return std::max<std::int64_t>((steps.group_tokens + d_.plan.dp - 1) / d_.plan.dp, 1);
}

StepWork ServingWork::of(const StepRecord& steps) {
  StepWork work = of_passes(steps, steps.decodes + steps.drafts + steps.chunks);
  if (draft_) work += drafting(steps);
  return work;
}

/// The first pass has a token more of each sequence, the others one of each.
StepWork ServingWork::drafting(const StepRecord& step) {
  const std::int64_t sequences = step.decodes + step.chunks;
  StepRecord first = step;
  first.drafts += step.decodes;
  first.draft_pairs += step.kv_tokens;
  first.kv_tokens += step.decodes;
  first.prompt_tokens += step.chunks;
  first.prompt_pairs += step.prompt_kv_tokens + step.chunks;
  first.prompt_kv_tokens += step.chunks;
  StepWork work = draft_->of_passes(first, sequences);
  if (drafts_ == 1) return work;
  StepRecord others;
  others.steps = drafts_ - 1;
  others.decodes = sequences;
  others.kv_tokens = first.kv_tokens + first.prompt_kv_tokens + sequences;
  return work += draft_->of_passes(others, sequences);
}

StepWork ServingWork::of_passes(const StepRecord& s, std::int64_t logits) {
  const std::int64_t tokens = s.decodes + s.drafts + s.prompt_tokens;
  StepWork work;
  if (tokens == 0 && s.group_most == 0) return work;
  work.flops = Wide{tokens} * s.steps * layer_flops_ + Wide{logits} * s.steps * head_flops_;
  work.bytes = weight_bytes(tokens, s.group_tokens) * s.steps;
  for (const AttentionGroup& group : groups_) {
    const std::int64_t window =
        group.window > 0 ? group.window : std::numeric_limits<std::int64_t>::max() / 2;
    const Wide whole_window = Wide{window} * std::max<std::int64_t>(s.decodes, 1);
    constexpr Wide kMost = std::numeric_limits<std::int64_t>::max() / 2;
    const Wide met = capped_series(s.kv_tokens, s.decodes, s.steps,
                                   static_cast<std::int64_t>(std::min(whole_window, kMost)));
    const Wide pairs = met + std::min<Wide>(s.draft_pairs, Wide{window} * s.drafts) +
                       std::min<Wide>(s.prompt_pairs, Wide{window} * s.prompt_tokens);
    work.flops += pairs * group.layers * group.flops_per_pair;
    const Wide rows = met + s.prompt_kv_tokens + Wide{tokens} * s.steps;
    const auto row_bytes = std::llround(group.bytes_per_token * static_cast<double>(group.layers));
    work.bytes += rows * row_bytes;
  }
  work.link = link(s.group_most > 0 ? tokens_of_each(s) : tokens) * s.steps;
  return work;
}

}  // namespace rigsim::workloads
