#include "workloads/serving/kv_transfers.h"

#include <cmath>

namespace rigsim::workloads {

KvTransfers::KvTransfers(const KvLinks& links) : links_(links), flows_(links.network) {}

void KvTransfers::start(std::uint32_t request, std::int32_t prefill, std::int32_t decode,
                        std::int64_t tokens, Ticks now) {
  const auto pair = static_cast<std::size_t>(prefill * links_.decode_replicas + decode);
  if (missing_.size() <= request) missing_.resize(request + 1);
  missing_[request] = static_cast<std::int32_t>(links_.ranks());
  for (std::size_t rank = 0; rank < links_.ranks(); ++rank) {
    const sim::RouteId route = links_.routes[pair * links_.ranks() + rank];
    const double bytes = std::ceil(links_.bytes_per_token[rank] * static_cast<double>(tokens));
    const sim::FlowId flow =
        flows_.start(route, sim::Bytes(static_cast<std::int64_t>(bytes)), to_time(now));
    if (parts_.size() <= index_of(flow)) parts_.resize(index_of(flow) + 1);
    parts_[index_of(flow)] = {request, links_.network.latency(route)};
  }
}

std::optional<Ticks> KvTransfers::next() {
  std::optional<Ticks> first;
  if (const auto end = flows_.next_completion()) first = to_ticks(*end);
  if (!landing_.empty() && (!first || landing_.top().first < *first)) first = landing_.top().first;
  return first;
}

const std::vector<std::uint32_t>& KvTransfers::advance(Ticks now) {
  there_.clear();
  if (const auto end = flows_.next_completion(); end && to_ticks(*end) == now) {
    for (const sim::FlowId flow : flows_.advance(*end)) {
      const Part& part = parts_[index_of(flow)];
      landing_.emplace(now + to_ticks(part.latency), part.request);
    }
  }
  for (; !landing_.empty() && landing_.top().first <= now; landing_.pop()) {
    const std::uint32_t request = landing_.top().second;
    if (--missing_[request] == 0) there_.push_back(request);
  }
  return there_;
}

}  // namespace rigsim::workloads
