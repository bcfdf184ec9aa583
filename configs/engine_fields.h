#pragma once

#include <array>

#include "configs/engine_file.h"
#include "configs/field_table.h"

namespace rigsim::configs {

/// The shared fitted constants, of a BackendProfile or a LeftOutFit.
template <class S>
constexpr std::array<Field<S>, 4> constant_fields() {
  return {{{"kernel_latency", &S::kernel_latency_us, Range::kMicroseconds},
           {"attention_cycles", &S::attention_cycles},
           {"boundary_sync", &S::boundary_sync_us, Range::kMicroseconds},
           {"attention_gemm_ratio", &S::attention_gemm_ratio, Range::kPositive}}};
}

inline constexpr std::array<Field<workloads::FormatFit>, 2> kFormatFields = {
    {{"issue_cycles_per_byte", &workloads::FormatFit::issue_cycles_per_byte},
     {"gemm_gain", &workloads::FormatFit::gemm_gain, Range::kPositive}}};

inline constexpr std::array<Field<workloads::DeviceFit>, 4> kDeviceFields = {
    {{"streaming_efficiency", &workloads::DeviceFit::streaming_efficiency, Range::kPositive},
     {"tensor_efficiency", &workloads::DeviceFit::tensor_efficiency, Range::kPositive},
     {"latency_scale", &workloads::DeviceFit::latency_scale, Range::kPositive},
     {"rows", &workloads::DeviceFit::rows}}};

inline constexpr std::array<Field<workloads::ErrorBand>, 3> kBandFields = {
    {{"fitted", &workloads::ErrorBand::fitted},
     {"datasheet", &workloads::ErrorBand::datasheet},
     {"measured", &workloads::ErrorBand::measured}}};

}  // namespace rigsim::configs
