#include "workloads/pass_ops.h"

#include <algorithm>
#include <utility>

#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

bool contains(const Ops& ops, sim::OpId op) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

/// What else there is follows from these.
bool same(const PassCollective& a, const PassCollective& b) {
  return a.request.kind == b.request.kind && a.request.size == b.request.size &&
         a.runner == b.runner && a.launch == b.launch && a.request.devices == b.request.devices;
}

CollectiveRunner runner_of(topology::CollectiveLibrary library) {
  return library == topology::CollectiveLibrary::kVllm ? CollectiveRunner::kVllm
                                                       : CollectiveRunner::kNccl;
}

}  // namespace

Ops joined(const RankOps& ranks) {
  Ops all;
  for (const Ops& each : ranks) {
    for (const sim::OpId op : each) {
      if (!contains(all, op)) all.push_back(op);
    }
  }
  return all;
}

const KernelTable* table_of(const Deployment& deployment, std::uint32_t place) {
  if (place == kHostPlace) return nullptr;
  return find_table(deployment.engine.backend(deployment.backends[place].backend),
                    deployment.rig.devices[place].device);
}

PassOps::PassOps(const Deployment& deployment)
    : d_(deployment),
      builder_(deployment.network.network()),
      copies_(deployment.network, builder_),
      communication_(deployment),
      replica_of_(deployment.rig.devices.size()),
      launched_(deployment.rig.devices.size()),
      last_on_(deployment.rig.devices.size()) {
  for (const auto& device : d_.rig.devices) {
    streams_.push_back(builder_.add_resource());
    builder_.set_slowdown(streams_.back(), device.device.compute_slowdown_under_copy);
  }
  host_cpu_ = builder_.add_resource();
  const std::size_t processes =
      d_.engine.style == KernelStyle::kFused ? d_.rig.devices.size() : std::size_t{0};
  for (std::size_t i = 0; i < static_cast<std::size_t>(d_.plan.dp) + processes; ++i)
    threads_.push_back({builder_.add_resource(), {}});
  for (const DeployedStage& stage : d_.stages) {
    for (const std::uint32_t device : stage.devices) replica_of_[device] = stage.replica;
  }
}

std::size_t PassOps::thread_of(std::uint32_t place) const {
  return d_.engine.style == KernelStyle::kFused ? static_cast<std::size_t>(d_.plan.dp) + place
                                                : replica_of_[place];
}

const DeviceRates& PassOps::rates(std::uint32_t place) const {
  return place == kHostPlace ? d_.host_rates : d_.rates[place];
}

const BackendProfile& PassOps::backend(std::uint32_t place) const {
  return place == kHostPlace ? d_.host_backend : d_.backends[place];
}

const topology::Device& PassOps::device(std::uint32_t place) const {
  return place == kHostPlace ? d_.host_device : d_.rig.devices[place].device;
}

sim::OpId PassOps::record(sim::OpId op, const OpInfo& info) {
  ops_.push_back(info);
  ops_.back().micro_batch = micro_batch_;
  ops_.back().round = round_;
  return op;
}

sim::OpId PassOps::kernel(const Kernel& kernel, std::uint32_t place, bool pipelined,
                          const Ops& after) {
  const KernelCost cost = price(kernel, rates(place), table_of(d_, place));
  const auto stream = place == kHostPlace ? host_cpu_ : streams_[place];
  OpInfo info;
  info.name = kernel.name;
  info.place = place;
  info.source = place;
  info.layer = kernel.layer;
  info.cost = cost;
  info.flops = kernel.flops;
  info.bytes = kernel.weight_bytes + kernel.traffic_bytes;
  std::optional<sim::OpId> submitted;
  if (pipelined && place != kHostPlace) submitted = submit(kernel.launches, place);
  const auto op = record(builder_.add(sim::Exclusive{stream, cost.total()}, after), info);
  if (kernel.kind == KernelKind::kAttentionDecode) {
    attention_.push_back(static_cast<std::uint32_t>(op));
    attention_sequences_.push_back(sequences_);
  }
  in_launch_order(op, place, after);
  if (submitted) {
    builder_.precede(*submitted, op);
    launched_[place].add(kernel.launches, op);
  }
  return op;
}

Ops PassOps::chain(const std::vector<Kernel>& kernels, std::uint32_t place, bool pipelined,
                   Ops ready) {
  for (const Kernel& each : kernels) ready = {kernel(each, place, pipelined, ready)};
  return ready;
}

/// A stream, and the host's CPU, run their kernels in launch order, whatever became ready first.
void PassOps::in_launch_order(sim::OpId op, std::uint32_t place, const Ops& after) {
  auto& last = place == kHostPlace ? last_on_host_ : last_on_[place];
  if (last && !contains(after, *last)) builder_.precede(*last, op);
  last = op;
}

/// The device's host thread launches `launches` kernels on `place`: after all earlier launches, and
/// once the stream has room.
sim::OpId PassOps::submit(int launches, std::uint32_t place) {
  const auto& profile = backend(place);
  OpInfo info;
  info.op_class = OpClass::kSubmit;
  info.name = "submit";
  const auto time = sim::from_seconds(launches * profile.submit_us * 1e-6);
  HostThread& thread = threads_[thread_of(place)];
  const auto op = record(builder_.add(sim::Exclusive{thread.resource, time}), info);
  if (thread.last) builder_.precede(*thread.last, op);
  thread.last = op;
  if (const auto blocker = launched_[place].blocker(launches, profile.launch_queue_depth)) {
    builder_.precede(*blocker, op);
  }
  return op;
}

sim::OpId PassOps::host_step(std::uint32_t replica, sim::Duration duration, const Ops& after) {
  OpInfo info;
  info.op_class = OpClass::kHostStep;
  info.name = "host_step";
  HostThread& thread = threads_[replica];
  const auto op = record(builder_.add(sim::Exclusive{thread.resource, duration}, after), info);
  if (thread.last) builder_.precede(*thread.last, op);
  thread.last = op;
  return op;
}

void PassOps::block_host(std::uint32_t place, sim::OpId op) {
  HostThread& thread = threads_[thread_of(place)];
  if (thread.last) builder_.precede(*thread.last, op);
  thread.last = op;
}

sim::OpId PassOps::sync(std::uint32_t place, const Ops& after) {
  OpInfo info;
  info.op_class = OpClass::kSync;
  info.name = "boundary_sync";
  const auto time = sim::from_seconds(backend(place).boundary_sync_us * 1e-6);
  return record(builder_.add(sim::Delay{time}, after), info);
}

sim::OpId PassOps::transfer(std::string_view name, std::uint32_t from, std::uint32_t to,
                            sim::Bytes size, int layer, const Ops& after) {
  const auto& copy = from == kHostPlace ? copies_.host_to_device(to)
                     : to == kHostPlace ? copies_.device_to_host(from)
                                        : copies_.between(from, to);
  OpInfo info;
  info.op_class = OpClass::kTransfer;
  info.name = name;
  info.place = to;
  info.source = from;
  info.layer = layer;
  info.bytes = static_cast<double>(size.count());
  info.staged = copy.path.staged;
  const auto op = record(builder_.add(sim::Transfer{copy.route, size}, after), info);
  for (const std::uint32_t place : {from, to}) {
    if (place != kHostPlace) builder_.slow(op, streams_[place]);
  }
  return op;
}

sim::OpId PassOps::send(std::string_view name, std::uint32_t from, std::uint32_t to,
                        sim::Bytes size, topology::LaunchMode launch, int layer, const Ops& after) {
  const auto price = communication_.prices().price(
      {topology::CollectiveKind::kSendRecv, {from, to}, size}, launch);
  const sim::Duration alone = copies_.between(from, to).path.time(size);
  if (!price || price->time <= alone) return transfer(name, from, to, size, layer, after);
  const sim::OpId sent = exchange("send", to, price->time - alone, layer, after);
  ops_.back().cost.launch = std::min(price->launch, price->time - alone);
  return transfer(name, from, to, size, layer, {sent});
}

sim::OpId PassOps::wait(OpClass op_class, std::string_view name, std::uint32_t place,
                        sim::Duration time, int layer, const Ops& after) {
  OpInfo info;
  info.op_class = op_class;
  info.name = name;
  info.place = place;
  info.source = place;
  info.layer = layer;
  return record(builder_.add(sim::Delay{time}, after), info);
}

sim::OpId PassOps::exchange(std::string_view name, std::uint32_t place, sim::Duration time,
                            int layer, const Ops& after) {
  return wait(OpClass::kExchange, name, place, time, layer, after);
}

sim::OpId PassOps::launches(std::uint32_t place, sim::Duration time, int layer, const Ops& after) {
  return wait(OpClass::kSubmit, "launch", place, time, layer, after);
}

sim::OpId PassOps::handover(std::uint32_t place, int layer, const Ops& after) {
  const auto time = sim::from_seconds(backend(place).row_handover_us * 1e-6);
  return wait(OpClass::kHandover, "handover", place, time, layer, after);
}

sim::OpId PassOps::own_collective(std::string_view name, const PassCollective& collective,
                                  sim::Duration time, int layer, const Ops& after) {
  const auto op = exchange(name, collective.request.devices.front(), time, layer, after);
  ops_.back().collective = number_of(collective);
  return op;
}

sim::OpId PassOps::transfer_in_order(std::string_view name, std::uint32_t from, std::uint32_t to,
                                     sim::Bytes size, int layer, Ops after) {
  if (const auto last = last_on_[to]; last && !contains(after, *last)) after.push_back(*last);
  return transfer(name, from, to, size, layer, after);
}

std::uint32_t PassOps::number_of(const PassCollective& collective) {
  const auto known = std::find_if(collectives_.begin(), collectives_.end(),
                                  [&](const auto& other) { return same(collective, other); });
  const auto number = known - collectives_.begin();
  if (known == collectives_.end()) collectives_.push_back(collective);
  return static_cast<std::uint32_t>(number);
}

RankOps PassOps::collective(std::string_view name, const topology::CollectiveRequest& request,
                            topology::LaunchMode launch, int layer, RankOps ready) {
  if (request.devices.size() < 2) return ready;
  for (std::size_t r = 0; r < ready.size(); ++r) {
    const auto last = last_on_[request.devices[r]];
    if (last && !contains(ready[r], *last)) ready[r].push_back(*last);
  }
  const auto price = communication_.prices().price(request, launch);
  RankOps done;
  if (price) {
    OpInfo info;
    info.op_class = OpClass::kCollective;
    info.name = name;
    info.place = request.devices.front();
    info.source = request.devices.front();
    info.layer = layer;
    info.bytes = static_cast<double>(request.size.count());
    info.collective = number_of(
        {request, runner_of(communication_.prices().library()), launch, price->algorithm});
    info.cost.launch = price->launch;
    info.cost.evidence = price->evidence;
    done = as_event(info, request, price->time, ready);
  } else {
    done = as_ring(name, request, layer, ready);
  }
  hold_streams(request, done);
  return done;
}

/// One event for all ranks. Where the links are shared, what the library needs beyond moving the
/// bytes comes first, and then a ring's bytes as flows: alone, that takes the library's time too
/// (or the links' where the library claims to be faster).
RankOps PassOps::as_event(const OpInfo& info, const topology::CollectiveRequest& request,
                          sim::Duration time, const RankOps& ready) {
  const std::size_t n = request.devices.size();
  const bool flows = communication_.contended(request.devices);
  const sim::Bytes bytes = ring_bytes(request);
  if (flows) time = std::max(time - slowest_ring_copy(d_.network, request), sim::Duration::zero());
  const sim::OpId op = record(builder_.add(sim::Delay{time}, joined(ready)), info);
  if (!flows) return RankOps(n, Ops{op});
  Ops moved;
  for (std::size_t r = 0; r < n; ++r) {
    moved.push_back(transfer(info.name, request.devices[r], request.devices[(r + 1) % n], bytes,
                             info.layer, {op}));
    ops_.back().collective = info.collective;
  }
  return RankOps(n, moved);
}

/// The steps of a ring, in each of which every device sends 1/n of the data to its neighbour:
/// 2 (n - 1) of an all-reduce, n - 1 of the others.
RankOps PassOps::as_ring(std::string_view name, const topology::CollectiveRequest& request,
                         int layer, const RankOps& ready) {
  const std::size_t n = request.devices.size();
  const sim::Bytes chunk(divide_up(request.size.count(), static_cast<std::int64_t>(n)));
  const std::size_t steps =
      request.kind == topology::CollectiveKind::kAllReduce ? 2 * (n - 1) : n - 1;
  RankOps waiting = ready;
  for (std::size_t step = 0; step < steps; ++step) {
    RankOps next(n);
    for (std::size_t r = 0; r < n; ++r) {
      const std::size_t to = (r + 1) % n;
      const auto op =
          transfer(name, request.devices[r], request.devices[to], chunk, layer, waiting[r]);
      for (const auto before : waiting[to]) builder_.precede(before, op);
      next[to] = {op};
    }
    waiting = std::move(next);
  }
  return waiting;
}

/// What is launched on the ranks' streams from now on waits for the collective.
void PassOps::hold_streams(const topology::CollectiveRequest& request, const RankOps& done) {
  for (std::size_t r = 0; r < done.size(); ++r) {
    if (!done[r].empty()) last_on_[request.devices[r]] = done[r].back();
  }
}

PassGraph PassOps::finish() && {
  return PassGraph{std::move(builder_).compile(),   std::move(ops_),         std::move(attention_),
                   std::move(attention_sequences_), std::move(collectives_), round_ + 1};
}

}  // namespace rigsim::workloads
