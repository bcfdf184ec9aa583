#include "workloads/kernel_cost.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;

/// 1 TB/s, 100 TFLOP/s on 10 SMs, 10 us per launch; nothing is discounted.
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
  rates.sm_count = 10;
  rates.evidence = Evidence::kFitted;
  return rates;
}

Kernel kernel_of(KernelKind kind) {
  Kernel kernel;
  kernel.kind = kind;
  kernel.tokens = 1;
  return kernel;
}

/// A card of Ampere with `fp32acc` and `fp16acc` TFLOP/s.
topology::Device ampere_card(double fp32acc, double fp16acc) {
  topology::Device device;
  device.name = "card";
  device.architecture = "Ampere";
  device.chip = "GA102";
  device.memory_bandwidth = sim::Bandwidth(1e12);
  device.boost_hz = 1e9;
  device.sm_count = 10;
  device.peak.fp16_tensor_fp32acc = sim::FlopRate(fp32acc * 1e12);
  device.peak.fp16_tensor_fp16acc = sim::FlopRate(fp16acc * 1e12);
  return device;
}

// The family's cards reach 0.75 of 140 TFLOP/s; one that accumulates at half the rate is not kept
// from its 70 by what keeps them. Of 0.3 it would reach 0.6.
TEST(DeviceRates, AFamilysGemmsKeepASlowedCardBusier) {
  BackendProfile profile;
  profile.formats[""] = {};
  profile.families["Ampere"].tensor_efficiency = 0.75;
  const auto rate = [&](const topology::Device& device) {
    return device_rates(device, profile, "F16", 1).matrix_flops;
  };
  EXPECT_DOUBLE_EQ(rate(ampere_card(140, 140)), 105e12);
  EXPECT_DOUBLE_EQ(rate(ampere_card(70, 140)), 70e12);
  profile.families["Ampere"].tensor_efficiency = 0.3;
  EXPECT_DOUBLE_EQ(rate(ampere_card(70, 140)), 42e12);
  profile.fp16_accumulate = true;
  EXPECT_DOUBLE_EQ(rate(ampere_card(70, 140)), 42e12);  // 0.3 of 140
  profile.devices["card"].tensor_efficiency = 0.9;
  profile.fp16_accumulate = false;
  EXPECT_DOUBLE_EQ(rate(ampere_card(70, 140)), 63e12);  // its own
}

// 100 MB at 1 TB/s: 100 us, while 0.5 cycles a byte at 1e13 cycles/s need 5 us.
TEST(KernelCost, AMatVecStreamsItsWeights) {
  DeviceRates rates = plain_rates();
  rates.issue_cycles_per_byte = 0.5;
  Kernel kernel = kernel_of(KernelKind::kMatVec);
  kernel.weight_bytes = 100e6;
  const KernelCost cost = price(kernel, rates);
  EXPECT_EQ(cost.launch, 10us);
  EXPECT_EQ(cost.body, 100us);
  EXPECT_EQ(cost.bound, Bound::kMemory);
  EXPECT_EQ(cost.evidence, Evidence::kFitted);
}

// 20 cycles a byte at 1e13 cycles/s: 100 MB need 200 us to unpack, twice what they need to arrive.
TEST(KernelCost, AMatVecOfACostlyFormatIsBoundByIssue) {
  DeviceRates rates = plain_rates();
  rates.issue_cycles_per_byte = 20;
  Kernel kernel = kernel_of(KernelKind::kMatVec);
  kernel.weight_bytes = 100e6;
  EXPECT_EQ(price(kernel, rates).body, 200us);
  EXPECT_EQ(price(kernel, rates).bound, Bound::kCompute);
}

// 1,280 x 128 outputs are 10 tiles of 128 x 128: one full wave of 10 SMs. 1e9 FLOP at 100 TFLOP/s.
TEST(KernelCost, AGemmOfWholeWavesRunsAtTheMatrixRate) {
  Kernel kernel = kernel_of(KernelKind::kGemm);
  kernel.tokens = 128;
  kernel.outputs = 1280;
  kernel.flops = 1e9;
  EXPECT_EQ(price(kernel, plain_rates()).body, 10us);
}

// One output column more is an eleventh tile: 11 tiles in 2 waves take as long as 20.
TEST(KernelCost, OneTileMoreCostsAWholeWave) {
  Kernel kernel = kernel_of(KernelKind::kGemm);
  kernel.tokens = 128;
  kernel.outputs = 1281;
  kernel.flops = 11e8;
  EXPECT_EQ(price(kernel, plain_rates()).body, 20us);
  DeviceRates smooth = plain_rates();
  smooth.tile_quantisation = false;
  EXPECT_EQ(price(kernel, smooth).body, 11us);
}

// (30^2 + 40^2)^(1/2) us.
TEST(KernelCost, TheSmoothRooflineLiesAboveBothRoofs) {
  DeviceRates rates = plain_rates();
  rates.tile_quantisation = false;
  rates.roofline_exponent = 2;
  Kernel kernel = kernel_of(KernelKind::kGemm);
  kernel.flops = 3e9;
  kernel.weight_bytes = 30e6;
  kernel.traffic_bytes = 10e6;
  EXPECT_EQ(price(kernel, rates).body, 50us);
}

// Half of a tensor of at most half the L2 reaches memory.
TEST(KernelCost, AnElementwiseKernelInL2SavesTraffic) {
  DeviceRates rates = plain_rates();
  rates.l2_bytes = 8e6;
  rates.l2_discount = 0.5;
  Kernel kernel = kernel_of(KernelKind::kElementwise);
  kernel.traffic_bytes = 16e6;
  kernel.working_set_bytes = 4e6;
  EXPECT_EQ(price(kernel, rates).body, 8us);
  kernel.working_set_bytes = 4.1e6;
  EXPECT_EQ(price(kernel, rates).body, 16us);
}

// 20 MB of KV cache take 20 us, 1,000 head-tokens at 1 ns another 1 us; 4 us of fixed cost beside
// the launch.
TEST(KernelCost, DecodeAttentionReadsAndThenWorks) {
  DeviceRates rates = plain_rates();
  rates.attention_seconds = 1e-9;
  rates.attention_launch_seconds = 4e-6;
  Kernel kernel = kernel_of(KernelKind::kAttentionDecode);
  kernel.traffic_bytes = 20e6;
  kernel.head_tokens = 1000;
  EXPECT_EQ(price(kernel, rates).launch, 14us);
  EXPECT_EQ(price(kernel, rates).body, 21us);
}

Kernel measured_gemm() {
  Kernel kernel = kernel_of(KernelKind::kGemm);
  kernel.outputs = 1000;
  kernel.inputs = 500;
  kernel.weight_bytes = 1e6;
  kernel.flops = 1e6;
  return kernel;
}

TEST(KernelCost, AMeasuredTimeCountsBeforeTheRoofline) {
  KernelTable table;
  table.add_gemm({1000, 500}, TimeCurve({{1, 77e-6}, {8, 80e-6}}));
  Kernel kernel = measured_gemm();
  const KernelCost cost = price(kernel, plain_rates(), &table);
  EXPECT_EQ(cost.total(), 77us);
  EXPECT_EQ(cost.launch, 10us);
  EXPECT_EQ(cost.evidence, Evidence::kMeasured);
  kernel.tokens = 9;  // outside the table: the fit answers and says so
  EXPECT_EQ(price(kernel, plain_rates(), &table).evidence, Evidence::kFitted);
}

TEST(KernelCost, ATableHoldsAtTheClockItWasMeasuredAt) {
  KernelTable table;
  table.add_gemm({1000, 500}, TimeCurve({{1, 77e-6}}));
  DeviceRates capped = plain_rates();
  capped.clock_fraction = 0.9;
  EXPECT_EQ(price(measured_gemm(), capped, &table).evidence, Evidence::kFitted);
}

// A cache of 100 MB timed while it lay in L2: no rig reads it at more than 1 TB/s, 100 us.
TEST(KernelCost, AMeasuredTimeNeverBeatsTheMemory) {
  KernelTable table;
  table.add_decode_attention({8, 8, 128}, TimeSurface({{1, TimeCurve({{1, 60e-6}, {9, 60e-6}})}}));
  Kernel kernel = kernel_of(KernelKind::kAttentionDecode);
  kernel.traffic_bytes = 100e6;
  kernel.attention = {8, 8, 128, 1, 5};
  EXPECT_EQ(price(kernel, plain_rates(), &table).total(), 100us);
}

}  // namespace
}  // namespace rigsim::workloads
