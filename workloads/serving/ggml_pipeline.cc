#include "workloads/serving/ggml_pipeline.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "workloads/attention_shape.h"
#include "workloads/pass_ops.h"

namespace rigsim::workloads {
namespace {

constexpr std::int64_t kForever = std::int64_t{1} << 40;

ServingHost without_share(ServingHost host) {
  host.step_us = host.per_sequence_us = 0;
  return host;
}

bool alike(const std::vector<StoredTensor>& a, const std::vector<StoredTensor>& b) {
  return std::ranges::equal(a, b, [](const StoredTensor& x, const StoredTensor& y) {
    return x.tensor.role == y.tensor.role && x.type == y.type && x.bytes == y.bytes;
  });
}

/// Launches that take so long together, each its part of it.
std::vector<Launches> in_all(std::vector<Launches> launches, Ticks time) {
  Ticks known = 0;
  for (const Launches& each : launches) known += each.time;
  for (Launches& each : launches) {
    const double part = static_cast<double>(each.time) / static_cast<double>(known);
    known -= each.time;
    each.time = std::min(static_cast<Ticks>(part * static_cast<double>(time)), time);
    time -= each.time;
  }
  return launches;
}

/// The stream of one device: a stream holds so many launches, then the host waits.
class Stream {
 public:
  explicit Stream(const BackendProfile& backend, double slowness)
      : depth_(backend.launch_queue_depth), submit_s_(backend.submit_us * 1e-6 * slowness) {}

  /// The host, free at `host`, launches; they run once `ready` and all before them are done.
  /// Returns when they are.
  Ticks launch(const Launches& launches, Ticks& host, Ticks ready) {
    if (depth_ > 0) host = std::max(host, room_for(launches.count));
    host += to_ticks(sim::from_seconds(launches.count * submit_s_));
    free_ = std::max({free_, host, ready}) + launches.time;
    launched_ += launches.count;
    if (depth_ > 0) ends_.emplace_back(launched_, free_);
    return free_;
  }

 private:
  /// When so many more fit the queue, as LaunchQueue::blocker() has it.
  Ticks room_for(int count) {
    const std::int64_t must_be_done = std::min(launched_ + count - depth_, launched_);
    if (must_be_done <= 0) return 0;
    while (ends_[done_].first < must_be_done) ++done_;
    return ends_[done_].second;
  }

  std::int64_t depth_;
  double submit_s_;
  Ticks free_ = 0;
  std::int64_t launched_ = 0;
  std::vector<std::pair<std::int64_t, Ticks>> ends_;  // launches up to here, and when they are done
  std::size_t done_ = 0;
};

}  // namespace

bool is_ggml_pipeline(const Deployment& deployment) {
  const auto alone = [](const DeployedStage& stage) { return stage.devices.size() == 1; };
  return deployment.engine.style == KernelStyle::kGgml && deployment.stages.size() > 1 &&
         std::ranges::all_of(deployment.stages, alone);
}

GgmlStage::GgmlStage(const Deployment& deployment, PassBodies& bodies, std::size_t stage,
                     const ServingHost& host, Slowness slowness)
    : d_(deployment),
      stage_(deployment.stages[stage]),
      device_(stage_.devices.front()),
      slowness_(slowness.decode),
      cost_(deployment, bodies, stage, without_share(host), slowness) {
  const auto weights = [&](int layer) -> const std::vector<StoredTensor>& {
    return d_.weights.layers[static_cast<std::size_t>(layer)];
  };
  for (int layer = stage_.first_layer; layer < stage_.first_layer + stage_.layer_count; ++layer) {
    const auto known = std::ranges::find_if(
        of_kind_, [&](int other) { return alike(weights(layer), weights(other)); });
    kind_of_.push_back(static_cast<std::size_t>(known - of_kind_.begin()));
    if (known == of_kind_.end()) of_kind_.push_back(layer);
  }
}

LaunchedLayer GgmlStage::priced(std::span<const Kernel> kernels) const {
  LaunchedLayer layer;
  for (const Kernel& kernel : kernels) {
    const sim::Duration alone = price(kernel, d_.rates[device_], table_of(d_, device_)).total();
    const Ticks time =
        slowness_ == 1.0 ? to_ticks(alone) : ticks_of_seconds(sim::to_seconds(alone) * slowness_);
    if (is_attention(kernel)) {
      layer.attention.push_back({kernel.launches, time});
      continue;
    }
    (layer.attention.empty() ? layer.before : layer.behind).push_back({kernel.launches, time});
    layer.time += time;
  }
  return layer;
}

const LaunchedLayer& GgmlStage::layer(std::size_t kind, std::int64_t tokens) {
  const auto [known, made] = layers_.try_emplace({kind, tokens});
  if (!made) return known->second;
  PassShape shape;
  shape.tokens = tokens;
  shape.context = tokens;
  shape.kv_bytes_per_element = d_.kv_bytes_per_element;
  const int layer = of_kind_[kind];
  known->second =
      priced(layer_kernels(d_.model, d_.weights.layers[static_cast<std::size_t>(layer)], layer,
                           shape, d_.engine, d_.backends[device_], d_.rig.devices[device_].device));
  return known->second;
}

const LaunchedLayer& GgmlStage::head(std::int64_t logits) {
  const auto [known, made] = heads_.try_emplace(logits);
  if (!made || !stage_.has_head) return known->second;
  PassShape shape;
  shape.logits = logits;
  known->second = priced(head_kernels(d_.model, d_.weights.head, shape, d_.engine,
                                      d_.backends[device_], d_.rig.devices[device_].device));
  return known->second;
}

Ticks GgmlStage::computing(const MicroBatch& part) {
  Ticks time =
      cost_.attention(part.load, part.chunks) + head(std::max<std::int64_t>(part.logits, 1)).time;
  for (const std::size_t kind : kind_of_) time += layer(kind, part.tokens()).time;
  return time;
}

class GgmlPipeline::Share final : public StepCost {
 public:
  Share(GgmlPipeline& whole, GgmlStage& stage) : whole_(whole), stage_(stage) {}

  StepRun decode(const DecodeLoad& load) override { return stage_.cost().decode(load); }
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override {
    Ticks time = stage_.cost().sampling(load.sequences + std::ssize(chunks));
    for (const MicroBatch& part : whole_.parts(load, chunks)) time += stage_.computing(part);
    return whole_.of_prompts(time);
  }

 private:
  GgmlPipeline& whole_;
  GgmlStage& stage_;
};

GgmlPipeline::GgmlPipeline(const Deployment& deployment, PassBodies& bodies, ServingHost host,
                           Slowness slowness)
    : d_(deployment), host_(std::move(host)), slowness_(slowness) {
  for (std::size_t s = 0; s < d_.stages.size(); ++s) {
    stages_.emplace_back(d_, bodies, s, host_, slowness);
    owned_.push_back(std::make_unique<Share>(*this, stages_.back()));
    shares_.push_back(owned_.back().get());
    if (s == 0) continue;
    const std::uint32_t from = stages_[s - 1].device();
    const std::uint32_t to = stages_[s].device();
    const topology::CopyPath path = d_.network.route(from, to);
    boundaries_.push_back(
        {ticks_of_seconds(d_.backends[from].boundary_sync_us * 1e-6 * slowness.decode),
         ticks_of_seconds(sim::to_seconds(path.fixed_cost) * slowness.decode),
         path.uncontended.count() / slowness.decode,
         path.staged && d_.backends[to].staged_copy_blocks});
  }
}

Ticks GgmlPipeline::copy(const Boundary& boundary, std::int64_t tokens) const {
  const auto bytes = static_cast<double>(hidden_state_bytes(d_.model, tokens, d_.engine).count());
  return boundary.fixed + ticks_of_seconds(bytes / boundary.bytes_per_second);
}

std::vector<MicroBatch> GgmlPipeline::parts(const DecodeLoad& load,
                                            std::span<const PromptChunk> chunks) const {
  return micro_batches(load, chunks, d_.engine.micro_batch_tokens);
}

/// Of a time on devices that are `slowness.decode` times as slow.
Ticks GgmlPipeline::of_prompts(Ticks time) const {
  if (slowness_.prompt == slowness_.decode) return time;
  return ticks_of_seconds(to_seconds(time) * slowness_.prompt / slowness_.decode);
}

StepRun GgmlPipeline::decode(const DecodeLoad& load) {
  StepRun run{0, 0, kForever};
  for (GgmlStage& stage : stages_) {
    const StepRun own = stage.cost().decode(load);
    run = {run.first + own.first, run.slope + own.slope, std::min(run.steps, own.steps)};
  }
  for (const Boundary& each : boundaries_) run.first += each.sync + copy(each, load.sequences);
  return host_.with(run, host_.share(load.sequences));
}

Ticks GgmlPipeline::mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) {
  std::vector<MicroBatch> all;
  const auto next = std::ranges::find_if(chunks, [](const auto& each) { return each.behind > 0; });
  if (next != chunks.end()) {
    const std::array before{PromptChunk{next->behind, next->cached - next->behind}};
    all = parts({}, before);
  }
  const std::size_t first = all.size();
  for (MicroBatch& part : parts(load, chunks)) all.push_back(std::move(part));

  std::vector<Stream> streams;
  for (GgmlStage& stage : stages_)
    streams.emplace_back(d_.backends[stage.device()], slowness_.decode);
  Ticks host = 0, begin = 0, end = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const MicroBatch& part = all[i];
    Ticks ready = 0;
    for (std::size_t s = 0; s < stages_.size(); ++s) {
      if (s > 0) {
        const Boundary& boundary = boundaries_[s - 1];
        ready += boundary.sync + copy(boundary, part.tokens());
        if (boundary.blocks_host) host = std::max(host, ready);
      }
      GgmlStage& stage = stages_[s];
      const auto launch = [&](std::span<const Launches> launches) {
        for (const Launches& each : launches) ready = streams[s].launch(each, host, ready);
      };
      Ticks attention = stage.cost().attention(part.load, part.chunks);
      auto layers_left = std::ssize(stage.kinds());
      for (const std::size_t kind : stage.kinds()) {
        const LaunchedLayer& layer = stage.layer(kind, part.tokens());
        const Ticks own = attention / layers_left--;
        attention -= own;
        launch(layer.before);
        launch(in_all(layer.attention, own));
        launch(layer.behind);
      }
      launch(stage.head(std::max<std::int64_t>(part.logits, 1)).before);
    }
    if (i < first) begin = ready;
    end = ready;
  }
  const std::int64_t sequences = load.sequences + std::ssize(chunks);
  end += stages_.back().cost().sampling(sequences);
  return host_.with({of_prompts(end - begin), 0, 1}, host_.share(sequences)).first;
}

}  // namespace rigsim::workloads
