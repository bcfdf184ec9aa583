#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/units.h"
#include "topology/collective.h"
#include "workloads/pass_graph.h"

namespace rigsim::workloads {

/// The number format whose peak rate bounds a compute node.
enum class MathFormat : std::uint8_t { kF16, kBf16, kF32, kFp8, kFp4, kInt8 };

inline constexpr std::array kMathFormats{MathFormat::kF16, MathFormat::kBf16, MathFormat::kF32,
                                         MathFormat::kFp8, MathFormat::kFp4,  MathFormat::kInt8};

[[nodiscard]] std::string_view to_string(MathFormat format);

/// Work that keeps one stream of a device busy: for `duration` where one is given, else for the
/// larger of FLOPs over the peak rate and bytes over the memory bandwidth.
struct ComputeNode {
  std::uint32_t device = 0;        ///< index into OpGraphDocument::devices
  std::string stream = "compute";  ///< nodes of one device and stream run one at a time
  std::optional<sim::Duration> duration{};
  double flops = 0;
  sim::Bytes bytes{};  ///< memory traffic
  MathFormat format = MathFormat::kF16;

  friend bool operator==(const ComputeNode&, const ComputeNode&) = default;
};

/// A copy between two devices, or between a device and the host's memory.
struct TransferNode {
  std::uint32_t from = 0;  ///< index into OpGraphDocument::devices, or kHostPlace
  std::uint32_t to = 0;    ///< as `from`, and another
  sim::Bytes size{};
  bool staged = false;  ///< through host memory, even where the pair may copy directly

  friend bool operator==(const TransferNode&, const TransferNode&) = default;
};

/// A collective of several devices; it starts when all it waits for is done.
struct CollectiveNode {
  topology::CollectiveKind kind = topology::CollectiveKind::kAllReduce;
  std::vector<std::uint32_t> devices{};  ///< indices into OpGraphDocument::devices, in rank order
  sim::Bytes size{};                     ///< as topology::CollectiveRequest::size
  /// None: the runner chooses. Beside a duration: what it chose.
  std::optional<topology::Algorithm> algorithm{};
  /// What it takes alone, on the rig of OpGraphDocument::priced_on where there is one.
  std::optional<sim::Duration> duration{};
  CollectiveRunner runner = CollectiveRunner::kNccl;
  topology::LaunchMode launch = topology::LaunchMode::kGraph;
  /// What a ring's ranks send moves as flows that share links, as the last part of that time.
  bool shares_links = false;

  friend bool operator==(const CollectiveNode&, const CollectiveNode&) = default;
};

/// Time that passes and occupies nothing.
struct DelayNode {
  sim::Duration duration{};

  friend bool operator==(const DelayNode&, const DelayNode&) = default;
};

/// Work that keeps one of the host's threads busy.
struct HostNode {
  sim::Duration duration{};
  std::string stream = "cpu";  ///< nodes of one stream run one at a time

  friend bool operator==(const HostNode&, const HostNode&) = default;
};

using NodeWork = std::variant<ComputeNode, TransferNode, CollectiveNode, DelayNode, HostNode>;

/// "compute", "transfer", "collective", "delay" or "host".
[[nodiscard]] std::string_view kind_name(const NodeWork& work);

/// One op of a user's graph.
struct GraphNode {
  std::string name;  ///< unique in the document
  NodeWork work{};
  std::vector<std::uint32_t> after{};  ///< indices of the nodes that must finish before

  friend bool operator==(const GraphNode&, const GraphNode&) = default;
};

/// The rig that a document's durations hold for.
struct PricedOn {
  std::string rig;                   ///< its name
  std::vector<std::string> devices;  ///< [the rig's devices] their types, "RTX 4090"
  std::string digest;                ///< of all that defines it but its name: equal for equal rigs

  friend bool operator==(const PricedOn&, const PricedOn&) = default;
};

/// A user's op graph, by itself: what is to be done and what waits for what, on devices that a rig
/// later supplies by name. Where several nodes could start, the first in the list does.
struct OpGraphDocument {
  std::string title{};
  std::vector<std::string> devices{};
  std::vector<GraphNode> nodes{};
  std::optional<PricedOn> priced_on{};  ///< none: the user's own durations, for any rig

  friend bool operator==(const OpGraphDocument&, const OpGraphDocument&) = default;
};

/// The nodes of one circle of dependencies, each before the next and the last before the first;
/// begins with the lowest index. Empty where there is none. Dependencies must be in range.
[[nodiscard]] std::vector<std::uint32_t> find_cycle(const OpGraphDocument& document);

/// "a -> b -> a", shortened in the middle where it is long.
[[nodiscard]] std::string describe_cycle(const OpGraphDocument& document,
                                         const std::vector<std::uint32_t>& cycle);

/// Throws std::invalid_argument, naming the node, unless: device names and node names are given and
/// unique, no device named "host"; every index is in range; durations are at most 100 days, sizes
/// and bytes at most 1 PiB, FLOPs finite, none negative; a compute node has a duration, FLOPs or
/// bytes; a transfer has two different ends, one between devices only is staged; the devices of a
/// collective differ, and what llama.cpp runs itself is an all-reduce of two; no node waits for
/// itself or in a circle.
void validate(const OpGraphDocument& document);

}  // namespace rigsim::workloads
