#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "analysis/measured_request.h"
#include "workloads/engine_profile.h"
#include "workloads/single_stream.h"

namespace rigsim::analysis {

/// One measured throughput and what was run to get it.
struct CalibrationRow {
  std::size_t version = 0;  ///< index of the engine version's profile
  MeasuredRun run;      ///< its engine's profile of that backend is replaced by the one under fit
  std::string device;   ///< all devices of the row are of this type
  std::string weights;  ///< weights format name: selects the format's two numbers
  double tokens_per_s = 0;
};

/// Residuals of one group of rows: predicted / measured - 1.
struct ResidualStatistics {
  int rows = 0;
  double median_abs = 0;
  double p90_abs = 0;
  double bias = 0;  ///< median of the signed residuals
};

/// Statistics of signed relative errors.
[[nodiscard]] ResidualStatistics statistics(const std::vector<double>& signed_errors);

/// What was fitted without one device, and how it then predicts that device from its family.
struct LeftOut {
  std::string family;  ///< kernel_family() of the device
  std::vector<workloads::BackendProfile>
      profiles;                   ///< [versions] refitted, no entry for the device
  std::vector<double> residuals;  ///< of the device's rows, in row order
  std::vector<workloads::Phase> phases;
};

struct Calibration {
  std::vector<workloads::BackendProfile>
      profiles;                   ///< [versions] fitted, with family priors and error bands
  std::vector<double> residuals;  ///< [rows]
  std::map<std::string, ResidualStatistics> decode;   ///< by device
  std::map<std::string, ResidualStatistics> prefill;  ///< by device
  std::map<std::string, LeftOut> left_out;            ///< by device
  int iterations = 0;
};

/// The throughput of `row` under `profile`, from the event simulation. A decode row is run at its
/// mean padded context: a step's cost is affine in it.
[[nodiscard]] double predict(const CalibrationRow& row, const workloads::BackendProfile& profile);

/// Robust nonlinear least squares (Levenberg-Marquardt on Eigen's normal equations, soft-L1 weights
/// with scale 5 %) on log(predicted / measured). Fitted, all in log space: per device, for all
/// engine versions together, streaming efficiency, tensor efficiency and latency scale; per version
/// and format issue cycles and GEMM gain; per version kernel latency, attention cycles, boundary
/// synchronisation and attention GEMM ratio (with two formats: four numbers per version and
/// format). Devices are drawn to their family's mean with a spread of 15 %, so that a device with
/// few rows leans on its family. Each device is then left out in turn: one Gauss-Newton step from
/// the optimum over the remaining rows. Rows are run in parallel; the result does not depend on the
/// thread count. Throws std::invalid_argument when empty.
[[nodiscard]] Calibration calibrate(const std::vector<CalibrationRow>& rows,
                                    const std::vector<workloads::BackendProfile>& start);

}  // namespace rigsim::analysis
