#include "workloads/serving/pass_step_cost.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "workloads/attention_shape.h"
#include "workloads/fused_kernels.h"
#include "workloads/pass_ops.h"
#include "workloads/serving/mixed_attention.h"

namespace rigsim::workloads {
namespace {

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

}  // namespace

bool is_attention(const Kernel& kernel) {
  return kernel.kind == KernelKind::kAttentionDecode || kernel.kind == KernelKind::kAttentionGemm ||
         kernel.name == std::string_view("softmax");
}

std::vector<std::int64_t> vllm_capture_sizes() {
  std::vector<std::int64_t> sizes{1, 2, 4};
  for (std::int64_t size = 8; size < 256; size += 8) sizes.push_back(size);
  for (std::int64_t size = 256; size <= 512; size += 16) sizes.push_back(size);
  return sizes;
}

PassStepCost::PassStepCost(const Deployment& deployment, PassBodies& bodies, std::size_t stage,
                           ServingHost host, Slowness slowness)
    : d_(deployment),
      bodies_(bodies),
      stage_(stage),
      host_(std::move(host)),
      slowness_(slowness),
      knots_(context_knots()) {
  if (!(slowness.decode > 0) || !(slowness.prompt > 0))
    throw std::invalid_argument("slowness must be > 0");
  const auto windowed = [&](int layer) {
    return d_.engine.memory.windows && is_windowed_layer(d_.model, layer);
  };
  const int first = this->stage().first_layer;
  for (int layer = first; layer < first + this->stage().layer_count; ++layer) {
    const auto alike = std::ranges::find_if(
        groups_, [&](const LayerGroup& group) { return windowed(layer) == windowed(group.layer); });
    if (alike == groups_.end()) {
      groups_.push_back({layer, 1});
    } else {
      ++alike->count;
    }
  }
}

PassStepCost::PassStepCost(const Deployment& deployment, std::unique_ptr<PassBodies> bodies,
                           ServingHost host, Slowness slowness)
    : PassStepCost(deployment, *bodies, 0, std::move(host), slowness) {
  own_ = std::move(bodies);
}

PassStepCost::PassStepCost(const Deployment& deployment, ServingHost host, Slowness slowness)
    : PassStepCost(deployment,
                   std::make_unique<PassBodies>(deployment, host.captured, slowness.decode), host,
                   slowness) {
  if (deployment.stages.size() != 1)
    throw std::invalid_argument("a pipeline's steps have a cost for each stage");
}

Ticks PassStepCost::on_device(sim::Duration duration) const {
  if (slowness_.decode == 1.0) return to_ticks(duration);
  return ticks_of_seconds(sim::to_seconds(duration) * slowness_.decode);
}

/// Everything but attention.
Ticks PassStepCost::body(std::int64_t tokens, std::int64_t logits) {
  const Ticks body = bodies_.stage(stage_, tokens);
  return stage_ + 1 == bodies_.stages() ? body + bodies_.head(logits) : body;
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

/// Attention of all layers: of unlike devices the slowest, of a row split the first, which has it
/// all.
Ticks PassStepCost::attention_of(const PassShape& shape) const {
  Ticks slowest = 0;
  const bool by_rows = stage().split == SplitMode::kRow;
  for (const std::uint32_t device :
       std::span(stage().devices).first(by_rows ? 1 : stage().devices.size())) {
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
  for (const std::uint32_t device : stage().devices) {
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

/// The queries of one sequence share what is read of its cache; what they compute is their own.
Ticks PassStepCost::several_queries(const DecodeLoad& load) const {
  const PassShape shape =
      shape_of(load.sequences + load.drafts, load.sequences, load.kv_tokens / load.sequences);
  Ticks slowest = 0;
  for (const std::uint32_t device : stage().devices) {
    Ticks total = 0;
    for (const LayerGroup& group : groups_) {
      Kernel kernel = decode_attention(d_.model, group.layer, shape, d_.engine);
      kernel.kind = KernelKind::kAttentionGemm;
      kernel.traffic_bytes = 0;  // what they share is priced where each has one
      total += group.count * on_device(price(kernel, d_.rates[device]).total());
    }
    slowest = std::max(slowest, total);
  }
  return slowest;
}

Ticks PassStepCost::chunk_attention(const PromptChunk& chunk) const {
  return attention_of(shape_of(chunk.tokens, 1, chunk.cached + chunk.tokens));
}

Ticks ServingHost::share(std::int64_t sequences) const {
  return ticks_of_seconds((step_us + per_sequence_us * static_cast<double>(sequences)) * 1e-6);
}

StepRun ServingHost::with(StepRun device, Ticks share) const {
  if (!overlapped) return {device.first + share, device.slope, device.steps};
  StepRun run{std::max(device.first, share), device.slope, device.steps};
  if (run.slope == 0) return run;
  // The longer of the two counts, until the contexts have grown so far that it is the other one.
  const Ticks ahead = device.first - share;
  if ((ahead < 0) != (run.slope < 0) && ahead != 0)
    run.steps = static_cast<std::int64_t>(std::min<Ticks>(-ahead / run.slope + 1, run.steps));
  if (ahead < 0 || (ahead == 0 && run.slope < 0)) run.slope = 0;
  return run;
}

/// The last stage draws, every device of its group for itself: the slowest memory counts.
Ticks PassStepCost::sampling(std::int64_t rows) const {
  const SamplingCost& cost = host_.sampling;
  const DeployedStage& stage = d_.stages[stage_];
  if ((cost.step_us == 0 && cost.logit_bytes == 0) || !stage.has_head) return 0;
  double bandwidth = d_.rates[stage.devices.front()].datasheet_bandwidth;
  for (const std::uint32_t device : stage.devices)
    bandwidth = std::min(bandwidth, d_.rates[device].datasheet_bandwidth);
  const double bytes =
      cost.logit_bytes * static_cast<double>(rows) * static_cast<double>(d_.model.vocab);
  return ticks_of_seconds(slowness_.decode * (cost.step_us * 1e-6 + bytes / bandwidth));
}

StepRun PassStepCost::attention(const DecodeLoad& load) {
  const Segment segment = this->segment(load);
  return {segment.value, segment.per_token * load.sequences, segment.steps};
}

Ticks PassStepCost::drawing(std::int64_t sequences) {
  const bool last = stage_ + 1 == bodies_.stages();
  return (last ? bodies_.head(sequences) : 0) + sampling(sequences);
}

StepRun PassStepCost::decode(const DecodeLoad& load) {
  const std::int64_t n = load.sequences;
  StepRun device = attention(load);
  device.first += body(n, n) + sampling(n);
  return host_.with(device, host_.share(n));
}

Ticks PassStepCost::attention(const DecodeLoad& load, std::span<const PromptChunk> chunks) {
  Ticks attention = load.sequences > 0 ? segment(load).value : 0;
  if (load.sequences > 0 && (load.drafts > 0 || !chunks.empty()))
    attention = std::max(attention, beside_chunks(load));
  if (load.drafts > 0) attention = std::max(attention, several_queries(load));
  for (const PromptChunk& each : chunks) attention += chunk_attention(each);
  return attention;
}

Ticks PassStepCost::pass(const DecodeLoad& load, std::span<const PromptChunk> chunks,
                         std::int64_t logits) {
  std::int64_t tokens = load.sequences + load.drafts;
  for (const PromptChunk& each : chunks) tokens += each.tokens;
  return body(tokens, logits) + attention(load, chunks);
}

Ticks PassStepCost::with_prompts(Ticks device) const {
  if (slowness_.prompt == slowness_.decode) return device;
  return ticks_of_seconds(to_seconds(device) * slowness_.prompt / slowness_.decode);
}

Ticks PassStepCost::mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) {
  const bool cut = d_.engine.style == KernelStyle::kGgml;
  Ticks device = 0;
  for (const MicroBatch& each :
       micro_batches(load, chunks, cut ? d_.engine.micro_batch_tokens : kLongestContext))
    device += pass(each.load, each.chunks, each.logits);
  const std::int64_t sequences = load.sequences + static_cast<std::int64_t>(chunks.size());
  device = with_prompts(device + sampling(sequences));
  return host_.with({device, 0, 1}, host_.share(sequences)).first;
}

}  // namespace rigsim::workloads
