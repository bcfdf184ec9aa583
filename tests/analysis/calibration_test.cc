#include "analysis/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "configs/catalog.h"
#include "configs/engine_file.h"

namespace rigsim::analysis {
namespace {

using workloads::Phase;

/// Rows that a known profile would have measured: three devices, two formats, both phases, two
/// lengths.
class Calibrating : public ::testing::Test {
 protected:
  void SetUp() override {
    truth_ = engine_.profile.backend(workloads::Backend::kCuda);
    const double streaming[] = {0.95, 0.90, 0.85};
    int i = 0;
    for (const char* device : {"rtx-4090", "rtx-4000-ada", "rtx-5000-ada"}) {
      truth_.devices[device] = {streaming[i], 0.6 + 0.05 * i, 0.8 + 0.1 * i, 0};
      for (const char* weights : {"Q4_K_M", "F16"}) {
        for (const std::int64_t length : {512, 2048}) {
          add(device, weights, Phase::kDecode, length);
          add(device, weights, Phase::kPrefill, length);
        }
      }
      ++i;
    }
  }

  void add(const char* device, const char* weights, Phase phase, std::int64_t length) {
    configs::MeasuredRow measured;
    measured.rig = measured.device = device;
    measured.model = "llama-3-8b";
    measured.weights = weights;
    const bool prefill = phase == Phase::kPrefill;
    measured.phase = prefill ? configs::MeasuredPhase::kPrefill : configs::MeasuredPhase::kDecode;
    (prefill ? measured.prompt_tokens : measured.output_tokens) = length;
    CalibrationRow row;
    row.run = measured_run(measured, catalog_, engine_.profile);
    row.device = device;
    row.weights = weights;
    row.tokens_per_s = predict(row, truth_);
    rows_.push_back(row);
  }

  configs::Catalog catalog_ = configs::Catalog::load();
  configs::EngineFile engine_ = configs::engine_named("llama.cpp");
  workloads::BackendProfile truth_;
  std::vector<CalibrationRow> rows_;
};

// Started 10 to 20 % away from the profile that made the rows, the fit comes back to their
// throughput; the priors (a twentieth of a row's weight) keep it from being exact.
TEST_F(Calibrating, FindsTheThroughputThatAKnownProfileMade) {
  workloads::BackendProfile start = truth_;
  for (auto& [name, fit] : start.devices) {
    fit.streaming_efficiency *= 0.9;
    fit.tensor_efficiency *= 1.2;
    fit.latency_scale *= 0.9;
  }
  start.kernel_latency_us *= 1.1;
  const auto before = std::abs(predict(rows_[0], start) / rows_[0].tokens_per_s - 1);
  const Calibration fitted = calibrate(rows_, {start});
  ASSERT_EQ(fitted.residuals.size(), rows_.size());
  EXPECT_GT(before, 0.05);
  for (const double residual : fitted.residuals) EXPECT_LT(std::abs(residual), 0.02);
}

TEST_F(Calibrating, LeavesEachDeviceOutAndKeepsNoEntryOfIt) {
  const Calibration fitted = calibrate(rows_, {truth_});
  ASSERT_EQ(fitted.left_out.size(), 3U);
  for (const auto& [device, left] : fitted.left_out) {
    EXPECT_FALSE(left.profiles[0].devices.contains(device));
    EXPECT_EQ(left.family, "Ada");
    EXPECT_EQ(left.residuals.size(), 8U);
  }
}

TEST_F(Calibrating, RefusesNothingToFitTo) {
  EXPECT_THROW((void)calibrate({}, {truth_}), std::invalid_argument);
}

// Of -0.1, 0, 0.3: median of the magnitudes 0.1, 90th percentile 0.1 + 0.8 x 0.2 = 0.26 (numpy's
// rule), median 0.
TEST(ResidualStatisticsOf, SignedErrors) {
  const auto s = statistics({-0.1, 0.0, 0.3});
  EXPECT_EQ(s.rows, 3);
  EXPECT_DOUBLE_EQ(s.median_abs, 0.1);
  EXPECT_NEAR(s.p90_abs, 0.26, 1e-12);
  EXPECT_DOUBLE_EQ(s.bias, 0.0);
}

}  // namespace
}  // namespace rigsim::analysis
