#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/op_graph.h"
#include "topology/collective.h"
#include "topology/copy_routes.h"
#include "workloads/communication.h"
#include "workloads/deployment.h"
#include "workloads/launch_queue.h"
#include "workloads/pass_graph.h"

namespace rigsim::workloads {

/// Ops that another waits for.
using Ops = std::vector<sim::OpId>;

/// What each device of a group waits for, in rank order.
using RankOps = std::vector<Ops>;

/// All of them.
[[nodiscard]] Ops joined(const RankOps& ranks);

/// The words that a pass is written in: kernels on the devices' streams, copies, host work, each
/// with what it means. Lowerings say what follows what; this keeps each stream, and the host's
/// thread, in launch order.
class PassOps {
 public:
  /// `deployment` must outlive this.
  explicit PassOps(const Deployment& deployment);

  [[nodiscard]] const Deployment& deployment() const { return d_; }
  [[nodiscard]] const BackendProfile& backend(std::uint32_t place) const;
  [[nodiscard]] const topology::Device& device(std::uint32_t place) const;

  /// A kernel on the stream of `place`. `pipelined`: the host launches it ahead of the device.
  sim::OpId kernel(const Kernel& kernel, std::uint32_t place, bool pipelined, const Ops& after);
  /// One kernel after the other; returns the last (`ready`, where there is none).
  Ops chain(const std::vector<Kernel>& kernels, std::uint32_t place, bool pipelined, Ops ready);

  /// A copy between two places.
  sim::OpId transfer(std::string_view name, std::uint32_t from, std::uint32_t to, sim::Bytes size,
                     int layer, const Ops& after);
  /// The same as the next work of the stream of `to`: nothing launched there before or after it
  /// moves at the same time.
  sim::OpId transfer_in_order(std::string_view name, std::uint32_t from, std::uint32_t to,
                              sim::Bytes size, int layer, Ops after);

  /// What devices do to each other in a time known beforehand (OpClass::kExchange); it ends on
  /// `place`.
  sim::OpId exchange(std::string_view name, std::uint32_t place, sim::Duration time, int layer,
                     const Ops& after);

  /// The host launches kernels on several devices, the last on `place`, in a time known beforehand.
  sim::OpId launches(std::uint32_t place, sim::Duration time, int layer, const Ops& after);

  /// The stream of `place` waits for an event of another device's.
  sim::OpId handover(std::uint32_t place, int layer, const Ops& after);

  /// A collective that the engine itself runs, as an exchange.
  sim::OpId own_collective(std::string_view name, const PassCollective& collective,
                           sim::Duration time, int layer, const Ops& after);

  /// The library's send and receive: a copy, after what the library takes beyond moving the bytes.
  sim::OpId send(std::string_view name, std::uint32_t from, std::uint32_t to, sim::Bytes size,
                 topology::LaunchMode launch, int layer, const Ops& after);

  /// A collective of a group: rank i starts after `ready[i]`; returns what each rank waits for
  /// next. One event that takes the library's uncontended time, and beside it, where other groups
  /// use the same links at the same time, a ring's bytes as flows; where nothing is known of
  /// collectives on this rig, the steps of a ring. Its devices' streams hold it in launch order.
  RankOps collective(std::string_view name, const topology::CollectiveRequest& request,
                     topology::LaunchMode launch, int layer, RankOps ready);

  /// The host that drives `place` launches nothing more before `op` has finished.
  void block_host(std::uint32_t place, sim::OpId op);
  /// The host waits for `place` before it goes on.
  sim::OpId sync(std::uint32_t place, const Ops& after);
  /// The host of `replica` prepares a step once it has launched the one before, and once `after`
  /// has finished.
  sim::OpId host_step(std::uint32_t replica, sim::Duration duration, const Ops& after);

  void precede(sim::OpId before, sim::OpId after) { builder_.precede(before, after); }

  /// Ops from now on belong to the next micro-batch.
  void next_micro_batch() { ++micro_batch_; }
  /// Ops from now on belong to the next decode step (PassGraph::rounds).
  void next_round() { ++round_; }
  /// Kernels from now on work on so many sequences.
  void set_sequences(std::int64_t sequences) { sequences_ = sequences; }

  [[nodiscard]] PassGraph finish() &&;

 private:
  sim::OpId record(sim::OpId op, const OpInfo& info);
  sim::OpId wait(OpClass op_class, std::string_view name, std::uint32_t place, sim::Duration time,
                 int layer, const Ops& after);
  void in_launch_order(sim::OpId op, std::uint32_t place, const Ops& after);
  void hold_streams(const topology::CollectiveRequest& request, const RankOps& done);
  RankOps as_event(const OpInfo& info, const topology::CollectiveRequest& request,
                   sim::Duration time, const RankOps& ready);
  RankOps as_ring(std::string_view name, const topology::CollectiveRequest& request, int layer,
                  const RankOps& ready);
  [[nodiscard]] std::uint32_t number_of(const PassCollective& collective);
  [[nodiscard]] std::size_t thread_of(std::uint32_t place) const;
  sim::OpId submit(int launches, std::uint32_t place);
  [[nodiscard]] const DeviceRates& rates(std::uint32_t place) const;

  const Deployment& d_;
  sim::OpGraphBuilder builder_;
  topology::CopyRoutes copies_;
  std::vector<sim::ResourceId> streams_;
  Communication communication_;
  sim::ResourceId host_cpu_{};
  /// Threads that prepare steps and launch kernels: one per replica, and where each device has a
  /// process of its own (fused engines), one per device behind them.
  struct HostThread {
    sim::ResourceId resource{};
    std::optional<sim::OpId> last{};  // launch or host step
  };
  std::vector<HostThread> threads_;
  std::vector<std::uint32_t> replica_of_;          // by device
  std::vector<LaunchQueue> launched_;              // by device
  std::vector<std::optional<sim::OpId>> last_on_;  // by device
  std::optional<sim::OpId> last_on_host_;
  std::vector<OpInfo> ops_;
  std::vector<std::uint32_t> attention_;
  std::vector<std::int64_t> attention_sequences_;
  std::vector<PassCollective> collectives_;
  std::int64_t sequences_ = 1;
  std::uint32_t micro_batch_ = 0;
  std::uint32_t round_ = 0;
};

/// The measured kernels of the device at `place`; null for the host, which has none.
[[nodiscard]] const KernelTable* table_of(const Deployment& deployment, std::uint32_t place);

}  // namespace rigsim::workloads
