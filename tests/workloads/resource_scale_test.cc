#include "workloads/resource_scale.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/workloads/toy_deployment.h"
#include "workloads/kernel_cost.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;

/// 1 TB/s, 100 TFLOP/s without tiles, 10 us per launch.
DeviceRates plain_rates() {
  DeviceRates rates;
  rates.bandwidth = 1e12;
  rates.datasheet_bandwidth = 1e12;
  rates.gemm_bandwidth = 1e12;
  rates.elementwise_bandwidth = 1e12;
  rates.matrix_flops = 100e12;
  rates.attention_flops = 50e12;
  rates.issue_cycles = 1e13;
  rates.launch_seconds = 10e-6;
  rates.tile_quantisation = false;
  return rates;
}

/// 100 MB of weights: 100 us to read; 16 GFLOP: 160 us to multiply.
Kernel gemm() {
  Kernel kernel;
  kernel.kind = KernelKind::kGemm;
  kernel.tokens = 1;
  kernel.outputs = 1000;
  kernel.inputs = 500;
  kernel.weight_bytes = 100e6;
  kernel.flops = 16e9;
  return kernel;
}

TEST(ResourceScale, EachResourceMovesItsOwnPartOfAKernel) {
  EXPECT_EQ(price(gemm(), plain_rates()).body, 160us);
  EXPECT_EQ(price(gemm(), scaled(plain_rates(), {.compute = 2})).body, 100us);
  EXPECT_EQ(price(gemm(), scaled(plain_rates(), {.compute = 2, .memory = 2})).body, 80us);
  EXPECT_EQ(price(gemm(), scaled(plain_rates(), {.memory = 2})).body, 160us);
  EXPECT_EQ(price(gemm(), scaled(plain_rates(), {.launch = 2})).launch, 5us);
}

TEST(ResourceScale, OneChangesNothing) {
  const KernelCost before = price(gemm(), plain_rates());
  const KernelCost after = price(gemm(), scaled(plain_rates(), {}));
  EXPECT_EQ(before.total(), after.total());
}

// The table says 255 us where the roofline says 10 + 160 us. With twice the compute the roofline
// says 10 + 100: the measured time shrinks to 255 x 110 / 170 = 165 us.
TEST(ResourceScale, AMeasuredTimeScalesAsTheRooflineDoes) {
  KernelTable table;
  table.add_gemm({1000, 500}, TimeCurve({{1, 255e-6}}));
  EXPECT_EQ(price(gemm(), plain_rates(), &table).total(), 255us);
  const KernelCost cost = price(gemm(), scaled(plain_rates(), {.compute = 2}), &table);
  EXPECT_EQ(cost.total(), 165us);
  EXPECT_EQ(cost.evidence, Evidence::kMeasured);
}

// A toy pass on two GPUs: 300 us of synchronisation at the boundary become 100 us.
TEST(ResourceScale, AFasterHostSynchronisesFaster) {
  DeploymentRequest request = toy_request(2);
  const sim::Duration before = makespan(lower_decode(deploy(request), 1, 1));
  request.scale.host = 3;
  EXPECT_EQ(before - makespan(lower_decode(deploy(request), 1, 1)), 200us);
}

TEST(ResourceScale, ClocksKeepTheScale) {
  DeploymentRequest request = toy_request(1);
  request.scale.compute = 2;
  Deployment deployment = deploy(request);
  const double before = deployment.rates[0].matrix_flops;
  set_clocks(deployment, std::vector<double>{0.5});
  EXPECT_DOUBLE_EQ(deployment.rates[0].matrix_flops, before / 2);
}

TEST(ResourceScale, RefusesWhatIsNoFactor) {
  EXPECT_THROW(validate({.memory = 0}), std::invalid_argument);
  EXPECT_THROW(validate({.link_latency = -1}), std::invalid_argument);
  EXPECT_THROW(validate({.host = std::numeric_limits<double>::infinity()}), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
