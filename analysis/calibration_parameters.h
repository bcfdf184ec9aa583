#pragma once

#include <Eigen/Dense>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "analysis/calibration.h"

namespace rigsim::analysis {

/// How many numbers are fitted per device, per version and format, and per version.
inline constexpr int kPerDevice = 3;
inline constexpr int kPerFormat = 2;
inline constexpr int kShared = 4;

/// Names the columns of the parameter vector.
struct CalibrationLayout {
  std::vector<std::string> devices;
  std::vector<std::string> families;                         // of each device
  std::vector<std::pair<std::size_t, std::string>> formats;  // of each version
  std::size_t versions = 0;

  [[nodiscard]] Eigen::Index device(std::size_t d, int k) const {
    return static_cast<Eigen::Index>(d) * kPerDevice + k;
  }
  [[nodiscard]] Eigen::Index format(std::size_t f, int k) const {
    return static_cast<Eigen::Index>(devices.size()) * kPerDevice +
           static_cast<Eigen::Index>(f) * kPerFormat + k;
  }
  [[nodiscard]] Eigen::Index shared(std::size_t version, int k) const {
    return format(formats.size(), 0) + static_cast<Eigen::Index>(version) * kShared + k;
  }
  [[nodiscard]] Eigen::Index size() const { return shared(versions, 0); }
};

/// Of `rows` of `versions` engine versions; devices and formats by name.
[[nodiscard]] CalibrationLayout layout_of(const std::vector<CalibrationRow>& rows,
                                          std::size_t versions);

/// The logarithms of the numbers in `profiles`; devices without their own, their family's.
[[nodiscard]] Eigen::VectorXd parameters(const CalibrationLayout& layout,
                                         const std::vector<workloads::BackendProfile>& profiles);

/// `base` with the numbers of `p`, by version; the device `without` gets no entry and no say in its
/// family.
[[nodiscard]] std::vector<workloads::BackendProfile> with_parameters(
    const std::vector<workloads::BackendProfile>& base, const CalibrationLayout& layout,
    const Eigen::VectorXd& p, const std::string& without = {});

}  // namespace rigsim::analysis
