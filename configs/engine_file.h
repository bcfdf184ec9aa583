#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/catalog_entry.h"
#include "configs/yaml_document.h"
#include "workloads/engine_profile.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::configs {

/// How predictions of a group of rows missed: predicted / measured - 1.
struct ResidualRecord {
  int rows = 0;       ///< measured rows; 0: none, and the rest means nothing
  double median = 0;  ///< of the absolute residuals
  double p90 = 0;     ///< of the absolute residuals
  double bias = 0;    ///< median of the signed residuals
};

struct PhaseResiduals {
  ResidualRecord decode;
  ResidualRecord prefill;
};

/// What calibration gave for one backend without the rows of one device.
struct LeftOutFit {
  std::map<std::string, workloads::FormatFit> formats;
  workloads::DeviceFit family;  ///< what the device's family, or the backend, says of it
  double kernel_latency_us = 0;
  double attention_cycles = 0;
  double boundary_sync_us = 0;
  double attention_gemm_ratio = 1;
  PhaseResiduals residuals;  ///< of the device's rows, predicted so
};

using LeftOutFits = std::map<std::string, LeftOutFit>;          ///< by device
using DeviceResiduals = std::map<std::string, PhaseResiduals>;  ///< by device

/// An engine as its two files say: `NAME.yaml` holds facts and assumptions, `NAME.fit.yaml` what
/// calibration wrote. An engine whose facts say `kernels_of: OTHER` has the other's fit.
struct EngineFile {
  workloads::EngineProfile profile;
  About about;
  std::string kernels_of;  ///< whose fit it has: its own name, or that of an engine that ships
  std::map<workloads::Backend, std::string> builds;  ///< versions the backend's numbers hold for
  std::map<workloads::Backend, std::string> data;    ///< what the fit rests on
  std::map<workloads::Backend, DeviceResiduals> residuals;  ///< of the fitted devices
  std::map<workloads::Backend, LeftOutFits> left_out;
  bool measured_attention = true;  ///< takes the shipped times of attention kernels
  std::optional<workloads::ServingProfile> serving;  ///< none: the engine is not known as a server
};

/// The engine of a facts document and the fit document beside it.
/// Throws ConfigError with the place: wrong values, unknown keys, a fit for another engine, a
/// backend that only one of the two has, a fit without a default format or family.
[[nodiscard]] EngineFile read_engine(const YamlDocument& facts, const YamlDocument& fit);

/// The names of the engines that ship, in the order of configs/CMakeLists.txt.
[[nodiscard]] std::vector<std::string> engine_names();

/// The engine of a name or alias that ships, or of a user's facts file (a name with a "/" or
/// ending in .yaml), whose fit stands beside it with the ending .fit.yaml, unless it has a shipped
/// one's. A shipped engine of fused kernels comes with the measured tables of kernel_table_file.h.
/// Throws std::invalid_argument with the nearest names, ConfigError, UnreadableInput.
[[nodiscard]] EngineFile engine_named(std::string_view name);

/// The fit document of `engine`: the same engine gives the same bytes, numbers have five
/// significant digits, and read_engine gives them back.
[[nodiscard]] std::string to_yaml_fit(const EngineFile& engine);

/// `profile` as it would be had `device` never been measured: fit for that device only.
[[nodiscard]] workloads::BackendProfile without_device(const workloads::BackendProfile& profile,
                                                       const std::string& device,
                                                       const LeftOutFit& fit);

/// The left-out record of a profile refitted without a device of `family` (kernel_family()).
/// Throws std::invalid_argument where it has neither that family nor a default.
[[nodiscard]] LeftOutFit left_out_fit(const workloads::BackendProfile& refitted,
                                      const std::string& family);

}  // namespace rigsim::configs
