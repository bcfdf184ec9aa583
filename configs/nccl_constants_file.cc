#include "configs/nccl_constants_file.h"

#include <cmath>
#include <string_view>

#include "configs/collective_catalog.h"
#include "configs/yaml_reader.h"

namespace rigsim::configs {
namespace {

using topology::kNcclGenerations;
using topology::NcclConstants;
using topology::NcclLatency;
using topology::PerProtocol;

constexpr std::array<std::string_view, kNcclGenerations> kGenerations{"volta", "ampere", "hopper",
                                                                      "blackwell"};

double share(const ValueReader& value) {
  const auto number = value.as<double>();
  if (!std::isfinite(number) || number < 0) value.fail("must be a number >= 0");
  return number;
}

PerProtocol<sim::Duration> read_wires(const ValueReader& value) {
  ObjectReader map = value.object();
  PerProtocol<sim::Duration> out;
  out.ll = map.required<sim::Duration>("ll");
  out.ll128 = map.required<sim::Duration>("ll128");
  out.simple = map.required<sim::Duration>("simple");
  map.finish();
  return out;
}

NcclLatency read_latency(const ValueReader& value) {
  ObjectReader map = value.object();
  NcclLatency out;
  out.ring = read_wires(map.value("ring"));
  out.tree = read_wires(map.value("tree"));
  out.nvls = map.required<sim::Duration>("nvls", Zero::kAllowed);
  out.nvls_tree = map.required<sim::Duration>("nvls_tree", Zero::kAllowed);
  out.pat = map.required<sim::Duration>("pat", Zero::kAllowed);
  map.finish();
  return out;
}

/// A map from generation to value.
template <class T, class Read>
std::array<T, kNcclGenerations> by_generation(const ValueReader& value, Read read) {
  ObjectReader map = value.object();
  std::array<T, kNcclGenerations> out{};
  for (std::size_t i = 0; i < kNcclGenerations; ++i) out[i] = read(map.value(kGenerations[i]));
  map.finish();
  return out;
}

std::vector<double> read_numbers(const ValueReader& value) {
  std::vector<double> out;
  for (const ValueReader& item : value.some_items()) {
    const double number = share(item);
    if (!(number > 0)) item.fail("must be > 0");
    out.push_back(number);
  }
  return out;
}

void read_latencies(ObjectReader& map, NcclConstants& out) {
  out.base = read_latency(map.value("base"));
  ObjectReader hops = map.value("hops").object();
  out.nvlink_hop = read_latency(hops.value("nvlink"));
  out.pcie_hop = read_latency(hops.value("pcie"));
  out.network_hop = read_latency(hops.value("network"));
  hops.finish();
  out.network_overhead = map.required<sim::Duration>("network_overhead");
}

void read_bandwidths(ObjectReader& map, NcclConstants& out) {
  out.ll_cap = by_generation<sim::Bandwidth>(
      map.value("ll_cap"), [](const ValueReader& v) { return v.as<sim::Bandwidth>(); });
  out.ll_cap_two_machines = map.required<sim::Bandwidth>("ll_cap_two_machines");
  out.ll_cap_more_machines = map.required<sim::Bandwidth>("ll_cap_more_machines");
  out.ring_ll_share = share(map.value("ring_ll_share"));
  out.ring_ll128_share = share(map.value("ring_ll128_share"));
  out.tree_simple_share = share(map.value("tree_simple_share"));
  out.tree_ll_divisor = share(map.value("tree_ll_divisor"));
  out.tree_ll128_share = share(map.value("tree_ll128_share"));
  out.tree_ll128_share_machines = share(map.value("tree_ll128_share_machines"));
  out.pat_share = share(map.value("pat_share"));
  out.nvls_share = by_generation<double>(map.value("nvls_share"), share);
  out.nvls_channels = by_generation<int>(map.value("nvls_channels"),
                                         [](const ValueReader& v) { return v.as<int>(); });
  out.nvls_least_ranks = by_generation<int>(map.value("nvls_least_ranks"),
                                            [](const ValueReader& v) { return v.as<int>(); });
  out.ring_plateau = share(map.value("ring_plateau"));
  out.channels = map.count("channels", 1);
}

void read_search(ObjectReader& map, NcclConstants& out) {
  ObjectReader correction = map.value("tree_correction").object();
  out.tree_correction.ll = read_numbers(correction.value("ll"));
  out.tree_correction.ll128 = read_numbers(correction.value("ll128"));
  out.tree_correction.simple = read_numbers(correction.value("simple"));
  correction.finish();
  out.channel_speeds =
      by_generation<std::vector<double>>(map.value("channel_speeds"), read_numbers);
  out.nvlink_share = by_generation<double>(map.value("nvlink_share"), share);
  out.nvlink_share_ga102 = share(map.value("nvlink_share_ga102"));
  out.pcie_first_lane = map.required<sim::Bandwidth>("pcie_first_lane");
  out.exchange_ll_limit = map.required<sim::Bytes>("exchange_ll_limit");
}

}  // namespace

NcclConstants nccl_constants() {
  const YamlDocument document = collective_yaml("nccl.yaml");
  ObjectReader map = ValueReader(document).object();
  (void)map.required<std::string>("date");
  NcclConstants out;
  read_latencies(map, out);
  read_bandwidths(map, out);
  read_search(map, out);
  map.finish();
  return out;
}

}  // namespace rigsim::configs
