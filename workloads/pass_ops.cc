#include "workloads/pass_ops.h"

#include <algorithm>
#include <utility>

namespace rigsim::workloads {
namespace {

bool contains(const Ops& ops, sim::OpId op) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

}  // namespace

const KernelTable* table_of(const Deployment& deployment, std::uint32_t place) {
  if (place == kHostPlace) return nullptr;
  return find_table(deployment.engine.backend(deployment.backends[place].backend),
                    deployment.rig.devices[place].device);
}

PassOps::PassOps(const Deployment& deployment)
    : d_(deployment),
      builder_(deployment.network.network()),
      copies_(deployment.network, builder_),
      launched_(deployment.rig.devices.size()),
      last_on_(deployment.rig.devices.size()) {
  for (const auto& device : d_.rig.devices) {
    streams_.push_back(builder_.add_resource());
    builder_.set_slowdown(streams_.back(), device.device.compute_slowdown_under_copy);
  }
  host_cpu_ = builder_.add_resource();
  host_thread_ = builder_.add_resource();
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
  if (kernel.kind == KernelKind::kAttentionDecode)
    attention_.push_back(static_cast<std::uint32_t>(op));
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

/// The host thread launches `launches` kernels on `place`: after all earlier launches, and once
/// the stream has room.
sim::OpId PassOps::submit(int launches, std::uint32_t place) {
  const auto& profile = backend(place);
  OpInfo info;
  info.op_class = OpClass::kSubmit;
  info.name = "submit";
  const auto time = sim::from_seconds(launches * profile.submit_us * 1e-6);
  const auto op = record(builder_.add(sim::Exclusive{host_thread_, time}), info);
  if (last_submit_) builder_.precede(*last_submit_, op);
  last_submit_ = op;
  if (const auto blocker = launched_[place].blocker(launches, profile.launch_queue_depth)) {
    builder_.precede(*blocker, op);
  }
  return op;
}

sim::OpId PassOps::host_step(sim::Duration duration, const Ops& after) {
  OpInfo info;
  info.op_class = OpClass::kHostStep;
  info.name = "host_step";
  const auto op = record(builder_.add(sim::Exclusive{host_thread_, duration}, after), info);
  if (last_submit_) builder_.precede(*last_submit_, op);
  last_submit_ = op;
  return op;
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

sim::OpId PassOps::exchange(std::string_view name, std::uint32_t place, sim::Duration time,
                            int layer, const Ops& after) {
  OpInfo info;
  info.op_class = OpClass::kExchange;
  info.name = name;
  info.place = place;
  info.source = place;
  info.layer = layer;
  return record(builder_.add(sim::Delay{time}, after), info);
}

sim::OpId PassOps::transfer_in_order(std::string_view name, std::uint32_t from, std::uint32_t to,
                                     sim::Bytes size, int layer, Ops after) {
  if (const auto last = last_on_[to]; last && !contains(after, *last)) after.push_back(*last);
  return transfer(name, from, to, size, layer, after);
}

PassGraph PassOps::finish() && {
  return PassGraph{std::move(builder_).compile(), std::move(ops_), std::move(attention_)};
}

}  // namespace rigsim::workloads
