#include "topology/collective.h"

#include <stdexcept>

namespace rigsim::topology {

double bus_factor(CollectiveKind kind, std::size_t ranks) {
  if (ranks == 0) throw std::invalid_argument("bus factor: a collective needs at least one rank");
  const auto n = static_cast<double>(ranks);
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return 2 * (n - 1) / n;
    case CollectiveKind::kReduceScatter:
    case CollectiveKind::kAllGather:
    case CollectiveKind::kAllToAll:
      return (n - 1) / n;
    case CollectiveKind::kBroadcast:
    case CollectiveKind::kSendRecv:
      return 1;
  }
  throw std::logic_error("unknown kind of collective");
}

std::string_view to_string(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return "all_reduce";
    case CollectiveKind::kReduceScatter:
      return "reduce_scatter";
    case CollectiveKind::kAllGather:
      return "all_gather";
    case CollectiveKind::kBroadcast:
      return "broadcast";
    case CollectiveKind::kAllToAll:
      return "all_to_all";
    case CollectiveKind::kSendRecv:
      return "send_recv";
  }
  throw std::logic_error("unknown kind of collective");
}

std::string_view to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRing:
      return "ring";
    case Algorithm::kTree:
      return "tree";
    case Algorithm::kHalvingDoubling:
      return "halving_doubling";
    case Algorithm::kOneShot:
      return "one_shot";
    case Algorithm::kTwoShot:
      return "two_shot";
    case Algorithm::kNvls:
      return "nvls";
    case Algorithm::kPat:
      return "pat";
    case Algorithm::kHierarchical:
      return "hierarchical";
    case Algorithm::kDirect:
      return "direct";
  }
  throw std::logic_error("unknown algorithm of a collective");
}

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::kNone:
      return "none";
    case Protocol::kLl:
      return "ll";
    case Protocol::kLl128:
      return "ll128";
    case Protocol::kSimple:
      return "simple";
  }
  throw std::logic_error("unknown protocol of a collective");
}

std::string_view to_string(LaunchMode mode) {
  switch (mode) {
    case LaunchMode::kEager:
      return "eager";
    case LaunchMode::kGraph:
      return "graph";
  }
  throw std::logic_error("unknown launch mode");
}

}  // namespace rigsim::topology
