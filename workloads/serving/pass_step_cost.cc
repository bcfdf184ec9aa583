#include "workloads/serving/pass_step_cost.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "sim/executor.h"
#include "workloads/attention_shape.h"
#include "workloads/fused_kernels.h"
#include "workloads/pass_graph.h"
#include "workloads/pass_ops.h"
#include "workloads/serving/mixed_attention.h"

namespace rigsim::workloads {
namespace {

constexpr std::int64_t kTokenGrid = 64;  // beyond the captured sizes
constexpr std::int64_t kFirstOctave =
    256;  // mean contexts: every 64 below, four to an octave above
constexpr std::int64_t kLongestContext = std::int64_t{1} << 24;

std::vector<std::int64_t> context_knots() {
  std::vector<std::int64_t> knots{1};
  for (std::int64_t c = 64; c < kFirstOctave; c += 64) knots.push_back(c);
  for (std::int64_t octave = kFirstOctave; octave < kLongestContext; octave *= 2) {
    for (std::int64_t quarter = 4; quarter < 8; ++quarter) knots.push_back(octave / 4 * quarter);
  }
  knots.push_back(kLongestContext);
  return knots;
}

bool is_attention(const Kernel& kernel) {
  return kernel.kind == KernelKind::kAttentionDecode || kernel.kind == KernelKind::kAttentionGemm ||
         kernel.name == std::string_view("softmax");
}

}  // namespace

std::vector<std::int64_t> vllm_capture_sizes() {
  std::vector<std::int64_t> sizes{1, 2, 4};
  for (std::int64_t size = 8; size < 256; size += 8) sizes.push_back(size);
  for (std::int64_t size = 256; size <= 512; size += 16) sizes.push_back(size);
  return sizes;
}

PassStepCost::PassStepCost(const Deployment& deployment, ServingHost host, Slowness slowness)
    : d_(deployment), host_(std::move(host)), slowness_(slowness), knots_(context_knots()) {
  if (!(slowness.decode > 0) || !(slowness.prompt > 0))
    throw std::invalid_argument("slowness must be > 0");
  if (d_.stages.size() != 1 || d_.stages.front().on_host)
    throw std::invalid_argument(
        "serving is simulated for a model that stands whole on one device or one tensor-parallel "
        "group");
  for (int layer = 0; layer < d_.model.layers; ++layer) {
    const bool windowed = d_.engine.memory.windows && is_windowed_layer(d_.model, layer);
    const auto alike = std::ranges::find_if(groups_, [&](const LayerGroup& group) {
      return windowed == (d_.engine.memory.windows && is_windowed_layer(d_.model, group.layer));
    });
    if (alike == groups_.end()) {
      groups_.push_back({layer, 1});
    } else {
      ++alike->count;
    }
  }
}

Ticks PassStepCost::on_device(sim::Duration duration) const {
  if (slowness_.decode == 1.0) return to_ticks(duration);
  return ticks_of_seconds(sim::to_seconds(duration) * slowness_.decode);
}

/// The device time of a pass without attention.
Ticks PassStepCost::pass(std::int64_t tokens, std::int64_t logits) const {
  const PassGraph graph = lower_step(d_, tokens, logits);
  sim::Costs costs = graph.graph.costs();
  for (const std::uint32_t op : graph.attention) costs.amount[op] = 0;
  sim::Executor executor(graph.graph);
  return on_device(executor.run<sim::KeepPath::kNo>(costs) - sim::Time{});
}

std::int64_t PassStepCost::padded(std::int64_t tokens) const {
  const auto size = std::ranges::lower_bound(host_.captured, tokens);
  return size == host_.captured.end() ? tokens : *size;
}

Ticks PassStepCost::body_at(std::int64_t tokens) {
  const auto [known, made] = bodies_.try_emplace(tokens, 0);
  if (made) known->second = pass(tokens, 1);
  return known->second;
}

/// Everything but attention, with one row of logits.
Ticks PassStepCost::body(std::int64_t tokens) {
  const std::int64_t captured = host_.captured.empty() ? 0 : host_.captured.back();
  if (tokens <= std::max(captured, kTokenGrid)) return body_at(padded(tokens));
  const std::int64_t low = std::max(tokens / kTokenGrid * kTokenGrid, captured + 1);
  if (low == tokens) return body_at(low);
  const std::int64_t high = (tokens / kTokenGrid + 1) * kTokenGrid;
  const Ticks from = body_at(low);
  return from + (body_at(high) - from) * (tokens - low) / (high - low);
}

/// What so many rows of logits cost more than one.
Ticks PassStepCost::head(std::int64_t logits) {
  if (heads_.size() <= static_cast<std::size_t>(logits))
    heads_.resize(static_cast<std::size_t>(logits) + 1);
  std::optional<Ticks>& known = heads_[static_cast<std::size_t>(logits)];
  if (!known) known = pass(1, std::max<std::int64_t>(logits, 1)) - body_at(1);
  return *known;
}

PassShape PassStepCost::shape_of(std::int64_t tokens, std::int64_t sequences,
                                 std::int64_t context) const {
  PassShape shape;
  shape.tokens = tokens;
  shape.sequences = sequences;
  shape.context = context;
  shape.logits = 0;
  shape.kv_bytes_per_element = d_.kv_bytes_per_element;
  shape.tensor_parallel = d_.tensor_parallel();
  return shape;
}

std::vector<Kernel> PassStepCost::attention_kernels(std::uint32_t device, int layer,
                                                    const PassShape& shape) const {
  if (is_decode(shape)) return {decode_attention(d_.model, layer, shape, d_.engine)};
  if (d_.engine.style == KernelStyle::kFused)
    return {fused_prompt_attention(d_.model, layer, shape, d_.engine)};
  std::vector<Kernel> kernels =
      layer_kernels(d_.model, d_.weights.layers[static_cast<std::size_t>(layer)], layer, shape,
                    d_.engine, d_.backends[device], d_.rig.devices[device].device);
  std::erase_if(kernels, [](const Kernel& kernel) { return !is_attention(kernel); });
  return kernels;
}

/// Attention of all layers: of unlike devices the slowest.
Ticks PassStepCost::attention_of(const PassShape& shape) const {
  Ticks slowest = 0;
  for (const std::uint32_t device : d_.stages.front().devices) {
    Ticks total = 0;
    for (const LayerGroup& group : groups_) {
      for (const Kernel& kernel : attention_kernels(device, group.layer, shape))
        total +=
            group.count * on_device(price(kernel, d_.rates[device], table_of(d_, device)).total());
    }
    slowest = std::max(slowest, total);
  }
  return slowest;
}

Ticks PassStepCost::decode_attention_at(std::int64_t sequences, std::size_t knot) {
  const auto n = static_cast<std::size_t>(sequences);
  if (decode_.size() <= n) decode_.resize(n + 1);
  decode_[n].resize(knots_.size());
  std::optional<Ticks>& known = decode_[n][knot];
  if (!known) known = attention_of(shape_of(sequences, sequences, knots_[knot]));
  return *known;
}

/// The line between the knots on either side of the load's mean context.
PassStepCost::Segment PassStepCost::segment(const DecodeLoad& load) {
  const std::int64_t n = load.sequences;
  const auto above = std::ranges::upper_bound(knots_, load.kv_tokens / n);
  const auto knot = static_cast<std::size_t>(
      std::clamp<std::ptrdiff_t>(above - knots_.begin(), 1, std::ssize(knots_) - 1));
  const std::int64_t low = n * knots_[knot - 1];
  const std::int64_t high = n * knots_[knot];
  const Ticks from = decode_attention_at(n, knot - 1);
  const Ticks per_token = (decode_attention_at(n, knot) - from) / (high - low);
  return {from + per_token * (load.kv_tokens - low), per_token,
          std::max<std::int64_t>((high - load.kv_tokens + n - 1) / n, 1)};
}

/// Attention of decoding sequences in one call with chunks of prompts, if that has a price of its
/// own.
Ticks PassStepCost::beside_chunks(const DecodeLoad& load) const {
  if (d_.engine.style != KernelStyle::kFused) return 0;
  const PassShape shape = shape_of(load.sequences, load.sequences, load.kv_tokens / load.sequences);
  Ticks slowest = 0;
  for (const std::uint32_t device : d_.stages.front().devices) {
    Ticks total = 0;
    for (const LayerGroup& group : groups_) {
      const Kernel kernel = decode_attention(d_.model, group.layer, shape, d_.engine);
      total += group.count *
               ticks_of_seconds(slowness_.decode *
                                mixed_decode_seconds(kernel, d_.model, d_.kv_bytes_per_element,
                                                     d_.rig.devices[device].device));
    }
    slowest = std::max(slowest, total);
  }
  return slowest;
}

Ticks PassStepCost::chunk_attention(const PromptChunk& chunk) const {
  return attention_of(shape_of(chunk.tokens, 1, chunk.cached + chunk.tokens));
}

/// Every device of a group chooses for itself: the slowest memory counts.
Ticks PassStepCost::sampling(std::int64_t sequences) const {
  const SamplingCost& cost = host_.sampling;
  if (cost.step_us == 0 && cost.logit_bytes == 0) return 0;
  double bandwidth = d_.rates[d_.stages.front().devices.front()].datasheet_bandwidth;
  for (const std::uint32_t device : d_.stages.front().devices)
    bandwidth = std::min(bandwidth, d_.rates[device].datasheet_bandwidth);
  const double bytes =
      cost.logit_bytes * static_cast<double>(sequences) * static_cast<double>(d_.model.vocab);
  return ticks_of_seconds(slowness_.decode * (cost.step_us * 1e-6 + bytes / bandwidth));
}

Ticks PassStepCost::host_share(std::int64_t sequences) const {
  return ticks_of_seconds((host_.step_us + host_.per_sequence_us * static_cast<double>(sequences)) *
                          1e-6);
}

Ticks PassStepCost::with_host(Ticks device, std::int64_t sequences) const {
  const Ticks host = host_share(sequences);
  return host_.overlapped ? std::max(device, host) : device + host;
}

StepRun PassStepCost::decode(const DecodeLoad& load) {
  const std::int64_t n = load.sequences;
  const Segment attention = segment(load);
  const Ticks device = body(n) + head(n) + attention.value + sampling(n);
  StepRun run{with_host(device, n), attention.per_token * n, attention.steps};
  if (!host_.overlapped || run.slope == 0) return run;
  // The longer of the two counts, until the contexts have grown so far that it is the other one.
  const Ticks ahead = device - host_share(n);
  if ((ahead < 0) != (run.slope < 0) && ahead != 0)
    run.steps = static_cast<std::int64_t>(std::min<Ticks>(-ahead / run.slope + 1, run.steps));
  if (ahead < 0 || (ahead == 0 && run.slope < 0)) run.slope = 0;
  return run;
}

Ticks PassStepCost::mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) {
  std::int64_t tokens = load.sequences;
  Ticks attention = 0;
  if (load.sequences > 0) attention = std::max(segment(load).value, beside_chunks(load));
  for (const PromptChunk& each : chunks) {
    tokens += each.tokens;
    attention += chunk_attention(each);
  }
  const auto sequences = load.sequences + static_cast<std::int64_t>(chunks.size());
  Ticks device = body(tokens) + head(sequences) + attention + sampling(sequences);
  if (slowness_.prompt != slowness_.decode)
    device = ticks_of_seconds(to_seconds(device) * slowness_.prompt / slowness_.decode);
  return with_host(device, sequences);
}

}  // namespace rigsim::workloads
