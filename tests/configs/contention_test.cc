// Copies that share switches, uplinks and root complexes, against what owners of such machines
// measured: configs/catalog/measured/pcie_contention.csv. Where the source does not say between
// which devices its flows went, the first that fit its words. One capacity for every PCIe 5 x16
// cable, uplinks included, and one for a root complex's way to memory; both in link_rates.cc.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <utility>

#include "configs/catalog.h"
#include "configs/csv_table.h"
#include "configs/input_file.h"
#include "sim/executor.h"
#include "topology/copy_routes.h"

namespace rigsim::configs {
namespace {

using namespace sim::literals;  // NOLINT(google-build-using-namespace)

constexpr int kRows = 36;

CsvTable measured() {
  const std::string file =
      std::string(RIGSIM_SOURCE_DIR) + "/configs/catalog/measured/pcie_contention.csv";
  return parse_csv(read_whole_file(file, 1 << 20), file);
}

/// "0>4", "host>1", "2>host".
sim::RouteId route_of(const std::string& flow, topology::CopyRoutes& copies) {
  const std::size_t arrow = flow.find('>');
  const std::string from = flow.substr(0, arrow);
  const std::string to = flow.substr(arrow + 1);
  const auto device = [](const std::string& text) {
    return static_cast<std::uint32_t>(std::stoul(text));
  };
  if (from == "host") return copies.host_to_device(device(to)).route;
  if (to == "host") return copies.device_to_host(device(from)).route;
  return copies.between(device(from), device(to)).route;
}

/// Bytes over makespan of `flows` of 1 GB each, as the sources measure it: GB/s.
double simulated_total(const topology::Rig& rig, const std::string& flows) {
  const topology::RigNetwork network(rig);
  sim::OpGraphBuilder builder(network.network());
  topology::CopyRoutes copies(network, builder);
  std::istringstream words(flows);
  double gigabytes = 0;
  for (std::string flow; words >> flow; ++gigabytes)
    (void)builder.add(sim::Transfer{route_of(flow, copies), 1_GB});
  const sim::OpGraph graph = std::move(builder).compile();
  return gigabytes / sim::to_seconds(sim::Executor(graph).run(graph.costs()).time_since_epoch());
}

TEST(Contention, IsWithin10PercentOfWhatWasMeasured) {
  const Catalog catalog = Catalog::load();
  const CsvTable table = measured();
  ASSERT_EQ(table.records.size(), std::size_t{kRows});
  int judged = 0;
  for (const CsvRecord& record : table.records) {
    const std::string& flows = record.fields[3];
    const bool excluded = !record.fields[5].empty();
    if (flows.empty()) continue;
    const double total = std::stod(record.fields[4]);
    const double simulated = simulated_total(catalog.rig(record.fields[1]), flows);
    const double error = simulated / total - 1;
    RecordProperty("row_" + record.fields[0], std::to_string(error));
    if (excluded) continue;
    EXPECT_LT(std::abs(error), 0.1) << "row " << record.fields[0] << ": " << record.fields[2]
                                    << ", measured " << total << ", simulated " << simulated;
    ++judged;
  }
  EXPECT_EQ(judged, 21);
}

// Peers below one quadrant reach each other without passing its limit; all eight devices that read
// host memory through it share 73 GB/s.
TEST(Contention, OfARootComplexLimitsMemoryAndNotPeers) {
  const topology::Rig rig = Catalog::load().rig("8x-pro-6000-one-root");
  EXPECT_NEAR(simulated_total(rig, "host>0 host>1 host>2 host>3 host>4 host>5 host>6 host>7"), 73.0,
              0.1);
  EXPECT_NEAR(simulated_total(rig, "0>4 4>0"), 108, 0.1);
}

}  // namespace
}  // namespace rigsim::configs
