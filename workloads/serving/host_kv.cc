#include "workloads/serving/host_kv.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <string>

#include "sim/flow_network.h"

namespace rigsim::workloads {
namespace {

/// How long one copy of so many bytes takes where each of the devices has one.
double seconds_of_copies(const topology::RigNetwork& rig, const DeployedStage& stage, double bytes,
                         topology::CopyPath (topology::RigNetwork::*path)(std::uint32_t) const) {
  constexpr sim::Bytes kMany{std::int64_t{1} << 30};
  sim::Network network = rig.network();
  sim::Duration latency{};
  std::vector<sim::RouteId> routes;
  for (const std::uint32_t device : stage.devices) {
    const topology::CopyPath way = (rig.*path)(device);
    routes.push_back(network.add_route(way.links, way.extra_latency, way.cap));
    latency = std::max(latency, network.latency(routes.back()));
  }
  sim::FlowNetwork flows(network);
  for (const sim::RouteId route : routes) flows.start(route, kMany, sim::Time{});
  sim::Time end{};
  while (const auto next = flows.next_completion()) {
    end = *next;
    flows.advance(end);
  }
  const double per_byte = sim::to_seconds(end - sim::Time{}) / static_cast<double>(kMany.count());
  return sim::to_seconds(latency) + bytes * per_byte;
}

std::size_t machines(const topology::Rig& rig) {
  std::set<std::uint32_t> hosts;
  for (const topology::Node& node : rig.nodes) {
    if (node.kind == topology::NodeKind::kHost) hosts.insert(node.machine);
  }
  return std::max<std::size_t>(hosts.size(), 1);
}

std::string gib(double bytes) {
  constexpr double kGib = 1024.0 * 1024 * 1024;
  std::string text = std::to_string(bytes / kGib);
  return text.substr(0, text.find('.') + 2) + " GiB";
}

}  // namespace

HostKv host_kv(const Deployment& replica, KvFormat format, sim::Bytes per_device,
               BlockLayout layout) {
  HostKv host;
  const std::int64_t tokens = replica.engine.memory.kv_block_tokens;
  const int tensors = replica.model.mla ? 1 : 2;
  const bool whole = layout == BlockLayout::kWhole;
  std::int64_t fewest = 0;
  for (const DeployedStage& stage : replica.replica(0)) {
    for (const std::uint32_t device : stage.devices) {
      if (!replica.network.has_host_link(device)) {
        throw std::invalid_argument(
            "host memory behind the KV cache needs devices with a memory "
            "of their own; that of " +
            replica.rig.devices[device].name + " is the host's");
      }
    }
    const auto ranks = static_cast<int>(stage.devices.size());
    const std::int64_t layer =
        tokens * layer_kv_bytes_per_token(replica.model, format, ranks).count();
    const std::int64_t bytes = layer * stage.layer_count;
    const std::int64_t blocks = per_device.count() / std::max<std::int64_t>(bytes, 1);
    fewest = host.stages.empty() ? blocks : std::min(fewest, blocks);
    host.block_bytes += sim::Bytes(bytes * ranks);
    const int copies = whole ? 1 : stage.layer_count * tensors;
    const double copy = static_cast<double>(bytes) / copies;
    const auto of_block = [&](auto path) {
      return ticks_of_seconds(copies * seconds_of_copies(replica.network, stage, copy, path));
    };
    host.stages.push_back({of_block(&topology::RigNetwork::device_to_host),
                           of_block(&topology::RigNetwork::host_to_device)});
  }
  host.blocks = fewest;
  return host;
}

void check_host_memory(const Deployment& replica, sim::Bytes per_device, std::int32_t replicas,
                       double most_of_one) {
  const auto memory = static_cast<double>(replica.rig.host.memory.count()) *
                      static_cast<double>(machines(replica.rig));
  if (memory <= 0) return;
  std::size_t devices = 0;
  for (const DeployedStage& stage : replica.replica(0)) devices += stage.devices.size();
  const auto refuse = [&](std::size_t count, const std::string& limit) {
    throw std::invalid_argument(
        "host memory behind the KV cache: " +
        gib(static_cast<double>(count) * static_cast<double>(per_device.count())) + " for " +
        std::to_string(count) + " devices; the rig's hosts have " + gib(memory) + limit);
  };
  const double one = static_cast<double>(devices) * static_cast<double>(per_device.count());
  if (one * replicas > memory) refuse(devices * static_cast<std::size_t>(replicas), "");
  if (one > most_of_one * memory)
    refuse(devices, ", of which the swap space of one replica may take " +
                        gib(most_of_one * memory) + " (vLLM's rule)");
}

}  // namespace rigsim::workloads
