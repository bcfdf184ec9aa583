#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "sim/op_graph.h"
#include "topology/collective_time.h"

namespace rigsim::topology {

/// The route of a copy between two devices, in the network of the graph that is being built.
using RouteOf = std::function<sim::RouteId(std::uint32_t from, std::uint32_t to)>;

/// What `route` costs a message alone: its latency, and the least of its links and its cap.
[[nodiscard]] LinkCost link_cost(const sim::Network& network, sim::RouteId route);

/// Builds the ops of messages between ranks, step by step. A rank takes its steps in order: a
/// message waits until its sender has received (and added up) and sent what earlier steps gave it
/// to do, and until its receiver has received. Sending and receiving go side by side.
class RankSteps {
 public:
  /// A message of one step.
  struct Message {
    std::uint32_t from = 0;  ///< rank
    std::uint32_t to = 0;    ///< rank
    sim::Bytes size{};       ///< of the wire
    sim::Bytes reduced{};    ///< how much of it the receiver adds to what it has
    sim::Duration before{};  ///< passes before the message leaves
  };

  /// Rank i is `devices[i]`, and starts after `ready[i]`, or at once where `ready` is empty.
  /// `graph`, `route` and `devices` must outlive this.
  RankSteps(sim::OpGraphBuilder& graph, const RouteOf& route,
            std::span<const std::uint32_t> devices, std::span<const sim::OpId> ready,
            std::optional<sim::Bandwidth> reduction);

  [[nodiscard]] sim::RouteId route(std::uint32_t from, std::uint32_t to) const;
  [[nodiscard]] LinkCost link(std::uint32_t from, std::uint32_t to) const;

  void send(const Message& message);
  void end_step();
  /// All of `ranks` wait for each other here.
  void join(std::span<const std::uint32_t> ranks);
  void join_all();

  /// By rank: the op after which it is done.
  [[nodiscard]] std::vector<sim::OpId> done();

 private:
  using MaybeOp = std::optional<sim::OpId>;

  // What a rank did last, sending or receiving, and what the current step adds.
  struct Side {
    std::vector<MaybeOp> last;
    std::vector<std::uint32_t> messages;
    std::vector<sim::Bytes> reduced;
  };
  struct Sent {
    std::uint32_t from;
    std::uint32_t to;
    sim::OpId op;
  };

  void collect(Side& side, std::uint32_t rank, sim::OpId op);
  [[nodiscard]] MaybeOp delayed(std::span<const sim::OpId> after, sim::Duration time);

  sim::OpGraphBuilder* graph_;
  const RouteOf* route_;
  std::span<const std::uint32_t> devices_;
  std::optional<sim::Bandwidth> reduction_;
  Side sent_;
  Side received_;
  std::vector<Sent> step_;
  // The latest op that only lets time pass, for messages that wait for the same.
  struct Wait {
    MaybeOp after;
    sim::Duration time{};
    sim::OpId op{};
  };
  std::optional<Wait> wait_;
};

}  // namespace rigsim::topology
