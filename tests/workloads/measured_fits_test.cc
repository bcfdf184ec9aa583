#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "tests/workloads/known_devices.h"
#include "tests/workloads/known_models.h"
#include "workloads/memory_plan.h"

namespace rigsim::workloads {
namespace {

/// Memory of a card in MiB, or of a Mac in GiB.
struct Machine {
  std::int64_t size = 0;
  bool mac = false;
};

constexpr Machine kRtx3070{kRtx3070Mib};
constexpr Machine kRtx3080{kRtx3080Mib};
constexpr Machine kRtx3080Ti{kRtx3080TiMib};
constexpr Machine kRtx4070Ti{kRtx4070TiMib};
constexpr Machine kRtx4000Ada{kRtx4000AdaMib};
constexpr Machine kRtx3090{kRtx3090Mib};
constexpr Machine kRtx4090{kRtx4090Mib};
constexpr Machine kRtx5000Ada{kRtx5000AdaMib};
constexpr Machine kA40{kA40Mib};
constexpr Machine kRtxA6000{kRtxA6000Mib};
constexpr Machine kA100{kA100Mib};
constexpr Machine kM1With8{8, true};
constexpr Machine kM3With16{16, true};
constexpr Machine kM1MaxWith32{32, true};
constexpr Machine kM3MaxWith48{48, true};
constexpr Machine kM1MaxWith64{64, true};
constexpr Machine kM3MaxWith64{64, true};

struct Measured {
  Machine machine;
  int devices = 1;
  std::string_view model;
  std::string_view format;
  std::int64_t context = 0;
  bool fits = false;
};

MemoryRequest request_for(const Measured& measured) {
  const Machine machine = measured.machine;
  MemoryRequest request{.model = known_model(measured.model),
                        .format = weights_format(measured.format),
                        .context = measured.context,
                        .plan = layer_split(measured.devices)};
  request.devices.assign(static_cast<std::size_t>(measured.devices),
                         machine.mac ? mac_with(machine.size) : gpu_reporting(machine.size));
  return request;
}

void expect_measured(const std::vector<Measured>& rows) {
  for (const Measured& row : rows) {
    const MemoryPlan plan = plan_memory(request_for(row));
    EXPECT_EQ(plan.fits(), row.fits)
        << row.devices << " x " << row.machine.size << (row.machine.mac ? " GiB" : " MiB") << ", "
        << row.model << " " << row.format << ", context " << row.context << ": device 0 needs "
        << (plan.devices[0].items.total().count() >> 20) << " MiB of "
        << (plan.devices[0].capacity.count() >> 20);
  }
}

// XiongjieDai/GPU-Benchmarks-on-LLM-Inference, "LLaMA 3" notebooks and README, May 2024: llama.cpp
// b2824 llama-bench, no flash attention, layer split. The longest length that ran, and what ran out
// of memory (a model that did not load is put at 512 tokens). Rows that the collection marks
// suspect are left out.
const std::vector<Measured> kLlama3Rows = {
    {kRtx3070, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx3080Ti, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx3080, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx3090, 4, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx3090, 4, "llama-3-8b", "F16", 8192, true},
    {kRtx3090, 4, "llama-3-70b", "Q4_K_M", 8192, true},
    {kRtx3090, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx3090, 1, "llama-3-8b", "F16", 8192, true},
    {kRtx4070Ti, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx4090, 2, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx4090, 2, "llama-3-8b", "F16", 8192, true},
    {kRtx4090, 2, "llama-3-70b", "Q4_K_M", 8192, true},
    {kRtx4090, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx4090, 1, "llama-3-8b", "F16", 8192, true},
    {kM1MaxWith64, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kM1MaxWith64, 1, "llama-3-8b", "F16", 8192, true},
    {kM1MaxWith64, 1, "llama-3-70b", "Q4_K_M", 8192, true},
    {kM3MaxWith64, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kM3MaxWith64, 1, "llama-3-8b", "F16", 8192, true},
    {kM3MaxWith64, 1, "llama-3-70b", "Q4_K_M", 8192, true},
    {kRtx4000Ada, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx4000Ada, 1, "llama-3-8b", "F16", 8192, true},
    {kRtx5000Ada, 4, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx5000Ada, 4, "llama-3-8b", "F16", 8192, true},
    {kRtx5000Ada, 4, "llama-3-70b", "Q4_K_M", 8192, true},
    {kRtx5000Ada, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtx5000Ada, 1, "llama-3-8b", "F16", 8192, true},
    {kA100, 4, "llama-3-8b", "Q4_K_M", 8192, true},
    {kA100, 4, "llama-3-8b", "F16", 8192, true},
    {kA100, 4, "llama-3-70b", "Q4_K_M", 8192, true},
    {kA100, 4, "llama-3-70b", "F16", 8192, true},
    {kA100, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kA100, 1, "llama-3-8b", "F16", 8192, true},
    {kA100, 1, "llama-3-70b", "Q4_K_M", 8192, true},
    {kA40, 4, "llama-3-8b", "Q4_K_M", 8192, true},
    {kA40, 4, "llama-3-8b", "F16", 8192, true},
    {kA40, 4, "llama-3-70b", "Q4_K_M", 8192, true},
    {kA40, 4, "llama-3-70b", "F16", 8192, true},
    {kA40, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kA40, 1, "llama-3-8b", "F16", 8192, true},
    {kA40, 1, "llama-3-70b", "Q4_K_M", 8192, true},
    {kRtxA6000, 1, "llama-3-8b", "Q4_K_M", 8192, true},
    {kRtxA6000, 1, "llama-3-8b", "F16", 8192, true},
    {kRtxA6000, 1, "llama-3-70b", "Q4_K_M", 8192, true},
    {kM1With8, 1, "llama-3-8b", "Q4_K_M", 8192, false},
    {kRtx3070, 1, "llama-3-8b", "F16", 512, false},
    {kRtx3070, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kRtx3070, 1, "llama-3-70b", "F16", 512, false},
    {kRtx3080, 1, "llama-3-8b", "F16", 512, false},
    {kRtx3080, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kRtx3080, 1, "llama-3-70b", "F16", 512, false},
    {kRtx3080Ti, 1, "llama-3-8b", "F16", 512, false},
    {kRtx3080Ti, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kRtx3080Ti, 1, "llama-3-70b", "F16", 512, false},
    {kRtx4070Ti, 1, "llama-3-8b", "F16", 512, false},
    {kRtx4070Ti, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kRtx4070Ti, 1, "llama-3-70b", "F16", 512, false},
    {kRtx4000Ada, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kRtx4000Ada, 1, "llama-3-70b", "F16", 512, false},
    {kRtx3090, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kRtx3090, 1, "llama-3-70b", "F16", 512, false},
    {kRtx4090, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kRtx4090, 1, "llama-3-70b", "F16", 512, false},
    {kRtx5000Ada, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kRtx5000Ada, 1, "llama-3-70b", "F16", 512, false},
    {kRtx4090, 2, "llama-3-70b", "F16", 512, false},
    {kRtxA6000, 1, "llama-3-70b", "F16", 512, false},
    {kA40, 1, "llama-3-70b", "F16", 512, false},
    {kA100, 1, "llama-3-70b", "F16", 512, false},
    {kRtx3090, 4, "llama-3-70b", "F16", 512, false},
    {kRtx5000Ada, 4, "llama-3-70b", "F16", 512, false},
    {kM1With8, 1, "llama-3-8b", "F16", 512, false},
    {kM1With8, 1, "llama-3-70b", "Q4_K_M", 512, false},
    {kM1With8, 1, "llama-3-70b", "F16", 512, false},
    {kM1MaxWith64, 1, "llama-3-70b", "F16", 512, false},
    {kM3MaxWith64, 1, "llama-3-70b", "F16", 512, false},
};

TEST(MemoryPlan, AgreesWithEveryMeasuredFitOfLlama3) {
  EXPECT_EQ(kLlama3Rows.size(), 76U);
  expect_measured(kLlama3Rows);
}

// The same author's LLaMA 1 and 2 tables of December 2023 (README.md@eafac9d), one device:
// llama.cpp main at its default context of 512.
const std::vector<Measured> kLlama12Rows = {
    {kRtx4000Ada, 1, "llama-1-7b", "Q4_0", 512, true},
    {kRtx4000Ada, 1, "llama-1-7b", "F16", 512, true},
    {kRtx4000Ada, 1, "llama-1-13b", "Q4_0", 512, true},
    {kRtx4000Ada, 1, "llama-1-13b", "F16", 512, false},
    {kRtx4000Ada, 1, "llama-1-30b", "Q4_0", 512, true},
    {kRtx4000Ada, 1, "llama-1-30b", "F16", 512, false},
    {kRtx4000Ada, 1, "llama-1-65b", "Q4_0", 512, false},
    {kRtx4000Ada, 1, "llama-1-65b", "F16", 512, false},
    {kRtx3090, 1, "llama-1-7b", "Q4_0", 512, true},
    {kRtx3090, 1, "llama-1-7b", "F16", 512, true},
    {kRtx3090, 1, "llama-1-13b", "Q4_0", 512, true},
    {kRtx3090, 1, "llama-1-13b", "F16", 512, false},
    {kRtx3090, 1, "llama-1-30b", "Q4_0", 512, true},
    {kRtx3090, 1, "llama-1-30b", "F16", 512, false},
    {kRtx3090, 1, "llama-1-65b", "Q4_0", 512, false},
    {kRtx3090, 1, "llama-1-65b", "F16", 512, false},
    {kRtx4090, 1, "llama-1-7b", "Q4_0", 512, true},
    {kRtx4090, 1, "llama-1-7b", "F16", 512, true},
    {kRtx4090, 1, "llama-1-13b", "Q4_0", 512, true},
    {kRtx4090, 1, "llama-1-13b", "F16", 512, false},
    {kRtx4090, 1, "llama-1-30b", "Q4_0", 512, true},
    {kRtx4090, 1, "llama-1-30b", "F16", 512, false},
    {kRtx4090, 1, "llama-1-65b", "Q4_0", 512, false},
    {kRtx4090, 1, "llama-1-65b", "F16", 512, false},
    {kRtx5000Ada, 1, "llama-1-7b", "Q4_0", 512, true},
    {kRtx5000Ada, 1, "llama-1-7b", "F16", 512, true},
    {kRtx5000Ada, 1, "llama-1-13b", "Q4_0", 512, true},
    {kRtx5000Ada, 1, "llama-1-13b", "F16", 512, true},
    {kRtx5000Ada, 1, "llama-1-30b", "Q4_0", 512, true},
    {kRtx5000Ada, 1, "llama-1-30b", "F16", 512, false},
    {kRtx5000Ada, 1, "llama-1-65b", "Q4_0", 512, false},
    {kRtx5000Ada, 1, "llama-1-65b", "F16", 512, false},
    {kRtxA6000, 1, "llama-1-7b", "Q4_0", 512, true},
    {kRtxA6000, 1, "llama-1-7b", "F16", 512, true},
    {kRtxA6000, 1, "llama-1-13b", "Q4_0", 512, true},
    {kRtxA6000, 1, "llama-1-13b", "F16", 512, true},
    {kRtxA6000, 1, "llama-1-30b", "Q4_0", 512, true},
    {kRtxA6000, 1, "llama-1-30b", "F16", 512, false},
    {kRtxA6000, 1, "llama-1-65b", "Q4_0", 512, true},
    {kRtxA6000, 1, "llama-1-65b", "F16", 512, false},
    {kA100, 1, "llama-1-7b", "Q4_0", 512, true},
    {kA100, 1, "llama-1-7b", "F16", 512, true},
    {kA100, 1, "llama-1-13b", "Q4_0", 512, true},
    {kA100, 1, "llama-1-13b", "F16", 512, true},
    {kA100, 1, "llama-1-30b", "Q4_0", 512, true},
    {kA100, 1, "llama-1-30b", "F16", 512, true},
    {kA100, 1, "llama-1-65b", "Q4_0", 512, true},
    {kA100, 1, "llama-1-65b", "F16", 512, false},
    {kM1MaxWith32, 1, "llama-1-7b", "Q4_0", 512, true},
    {kM1MaxWith32, 1, "llama-1-7b", "F16", 512, true},
    {kM1MaxWith32, 1, "llama-1-13b", "Q4_0", 512, true},
    {kM1MaxWith32, 1, "llama-1-30b", "Q4_0", 512, true},
    {kM1MaxWith32, 1, "llama-1-30b", "F16", 512, false},
    {kM1MaxWith32, 1, "llama-1-65b", "Q4_0", 512, false},
    {kM1MaxWith32, 1, "llama-1-65b", "F16", 512, false},
    {kM3With16, 1, "llama-1-7b", "Q4_0", 512, true},
    {kM3With16, 1, "llama-1-13b", "Q4_0", 512, true},
    {kM3With16, 1, "llama-1-13b", "F16", 512, false},
    {kM3With16, 1, "llama-1-30b", "Q4_0", 512, false},
    {kM3With16, 1, "llama-1-30b", "F16", 512, false},
    {kM3With16, 1, "llama-1-65b", "Q4_0", 512, false},
    {kM3With16, 1, "llama-1-65b", "F16", 512, false},
    {kM3MaxWith48, 1, "llama-1-7b", "Q4_0", 512, true},
    {kM3MaxWith48, 1, "llama-1-7b", "F16", 512, true},
    {kM3MaxWith48, 1, "llama-1-13b", "Q4_0", 512, true},
    {kM3MaxWith48, 1, "llama-1-13b", "F16", 512, true},
    {kM3MaxWith48, 1, "llama-1-30b", "Q4_0", 512, true},
    {kM3MaxWith48, 1, "llama-1-30b", "F16", 512, false},
    {kM3MaxWith48, 1, "llama-1-65b", "Q4_0", 512, true},
    {kM3MaxWith48, 1, "llama-1-65b", "F16", 512, false},
    {kRtx4000Ada, 1, "llama-2-7b", "Q4_0", 512, true},
    {kRtx4000Ada, 1, "llama-2-7b", "F16", 512, true},
    {kRtx4000Ada, 1, "llama-2-13b", "Q4_0", 512, true},
    {kRtx4000Ada, 1, "llama-2-13b", "F16", 512, false},
    {kRtx4000Ada, 1, "llama-2-70b", "Q4_0", 512, false},
    {kRtx4000Ada, 1, "llama-2-70b", "F16", 512, false},
    {kRtx3090, 1, "llama-2-7b", "Q4_0", 512, true},
    {kRtx3090, 1, "llama-2-7b", "F16", 512, true},
    {kRtx3090, 1, "llama-2-13b", "Q4_0", 512, true},
    {kRtx3090, 1, "llama-2-13b", "F16", 512, false},
    {kRtx3090, 1, "llama-2-70b", "Q4_0", 512, false},
    {kRtx3090, 1, "llama-2-70b", "F16", 512, false},
    {kRtx4090, 1, "llama-2-7b", "Q4_0", 512, true},
    {kRtx4090, 1, "llama-2-7b", "F16", 512, true},
    {kRtx4090, 1, "llama-2-13b", "Q4_0", 512, true},
    {kRtx4090, 1, "llama-2-13b", "F16", 512, false},
    {kRtx4090, 1, "llama-2-70b", "Q4_0", 512, false},
    {kRtx4090, 1, "llama-2-70b", "F16", 512, false},
    {kRtx5000Ada, 1, "llama-2-7b", "Q4_0", 512, true},
    {kRtx5000Ada, 1, "llama-2-7b", "F16", 512, true},
    {kRtx5000Ada, 1, "llama-2-13b", "Q4_0", 512, true},
    {kRtx5000Ada, 1, "llama-2-13b", "F16", 512, true},
    {kRtx5000Ada, 1, "llama-2-70b", "Q4_0", 512, false},
    {kRtx5000Ada, 1, "llama-2-70b", "F16", 512, false},
    {kRtxA6000, 1, "llama-2-7b", "Q4_0", 512, true},
    {kRtxA6000, 1, "llama-2-7b", "F16", 512, true},
    {kRtxA6000, 1, "llama-2-13b", "Q4_0", 512, true},
    {kRtxA6000, 1, "llama-2-13b", "F16", 512, true},
    {kRtxA6000, 1, "llama-2-70b", "Q4_0", 512, true},
    {kRtxA6000, 1, "llama-2-70b", "F16", 512, false},
    {kA100, 1, "llama-2-7b", "Q4_0", 512, true},
    {kA100, 1, "llama-2-7b", "F16", 512, true},
    {kA100, 1, "llama-2-13b", "Q4_0", 512, true},
    {kA100, 1, "llama-2-13b", "F16", 512, true},
    {kA100, 1, "llama-2-70b", "Q4_0", 512, true},
    {kA100, 1, "llama-2-70b", "F16", 512, false},
    {kM1MaxWith32, 1, "llama-2-7b", "Q4_0", 512, true},
    {kM1MaxWith32, 1, "llama-2-7b", "F16", 512, true},
    {kM1MaxWith32, 1, "llama-2-13b", "Q4_0", 512, true},
    {kM1MaxWith32, 1, "llama-2-70b", "Q4_0", 512, false},
    {kM1MaxWith32, 1, "llama-2-70b", "F16", 512, false},
    {kM3With16, 1, "llama-2-7b", "Q4_0", 512, true},
    {kM3With16, 1, "llama-2-13b", "Q4_0", 512, true},
    {kM3With16, 1, "llama-2-13b", "F16", 512, false},
    {kM3With16, 1, "llama-2-70b", "Q4_0", 512, false},
    {kM3With16, 1, "llama-2-70b", "F16", 512, false},
    {kM3MaxWith48, 1, "llama-2-7b", "Q4_0", 512, true},
    {kM3MaxWith48, 1, "llama-2-7b", "F16", 512, true},
    {kM3MaxWith48, 1, "llama-2-13b", "Q4_0", 512, true},
    {kM3MaxWith48, 1, "llama-2-13b", "F16", 512, true},
    {kM3MaxWith48, 1, "llama-2-70b", "F16", 512, false},
};

TEST(MemoryPlan, AgreesWithEveryMeasuredFitOfLlama1And2OnOneDevice) {
  EXPECT_EQ(kLlama12Rows.size(), 121U);
  expect_measured(kLlama12Rows);
}

}  // namespace
}  // namespace rigsim::workloads
