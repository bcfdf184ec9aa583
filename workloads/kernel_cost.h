#pragma once

#include <string>
#include <string_view>

#include "sim/units.h"
#include "topology/device.h"
#include "workloads/engine_profile.h"
#include "workloads/kernel.h"
#include "workloads/resource_scale.h"

namespace rigsim::workloads {

/// What bounds an op; also where each second of a result went.
enum class Bound { kCompute, kMemory, kLink, kLaunch, kHost };

[[nodiscard]] std::string to_string(Bound bound);

/// Time of one kernel. `total() = launch + body`; `bound` says which roof set the body, `evidence`
/// which layer of the model gave the time.
struct KernelCost {
  sim::Duration launch{};
  sim::Duration body{};
  Bound bound = Bound::kMemory;
  Evidence evidence = Evidence::kDatasheet;

  [[nodiscard]] sim::Duration total() const { return launch + body; }
};

/// What one device achieves under one engine version and weights format, all sources resolved.
struct DeviceRates {
  double bandwidth = 0;              ///< bytes/s streaming weights
  double datasheet_bandwidth = 0;    ///< bytes/s that nothing can exceed
  double gemm_bandwidth = 0;         ///< bytes/s of a GEMM's weights and activations
  double elementwise_bandwidth = 0;  ///< bytes/s of elementwise kernels
  double matrix_flops = 0;           ///< FLOP/s of full GEMMs before wave quantisation
  double attention_flops = 0;        ///< FLOP/s of attention GEMMs
  double issue_cycles = 0;           ///< cycles/s, all SMs, that weight unpacking can use
  double issue_cycles_per_byte = 0;
  double attention_seconds = 0;         ///< per head and KV token of decode attention
  double attention_launch_seconds = 0;  ///< fixed cost of an attention kernel beyond its launch
  double launch_seconds = 0;            ///< fixed cost per launch
  double l2_bytes = 0;
  double l2_discount = 1;
  int sm_count = 1;
  bool tile_quantisation = true;
  double roofline_exponent = 0;  ///< 0: the larger roof; q: (compute^q + memory^q)^(1/q)
  double clock_fraction = 1;     ///< of the clock at datasheet power, at which tables were measured
  Evidence evidence = Evidence::kDatasheet;
  ResourceScale scale;  ///< already in the rates above; measured tables know nothing of it
};

/// A datasheet's matrix rate, and what it multiplies and sums in.
struct MatrixPeak {
  sim::FlopRate rate{};
  std::string_view numbers;  ///< "FP16 with FP32 accumulation"
};

/// The rate that the backend's GEMMs of that weights format are measured against. Throws
/// std::invalid_argument when the device has none in 16 or 32 bit.
[[nodiscard]] MatrixPeak matrix_peak(const topology::Device& device, const BackendProfile& profile,
                                     const std::string& weights_format);

/// Resolves the fit of `device` (own, else its family's, else the backend's) at a relative clock in
/// (0, 1]. Throws std::invalid_argument when the device has no matrix rate in any 16-bit format.
[[nodiscard]] DeviceRates device_rates(const topology::Device& device,
                                       const BackendProfile& profile,
                                       const std::string& weights_format,
                                       double clock_fraction = 1.0);

/// `rates` of a machine whose resources are so much faster.
[[nodiscard]] DeviceRates scaled(DeviceRates rates, const ResourceScale& scale);

/// Roofline: launch + max(FLOPs / (peak x efficiency x wave quantisation), bytes / (bandwidth x
/// efficiency)).
/// - mat-vec: the roofs are bandwidth and instruction issue (unpacking costs cycles per byte);
/// - GEMM: 128 x 128 output tiles over the SMs, the last wave counts in full (NVIDIA, Matrix
/// Multiplication
///   Background User's Guide: tile and wave quantisation);
/// - elementwise: a tensor of at most half the L2 sends only `l2_discount` of its traffic to
/// memory;
/// - decode attention: its bytes at the streaming rate, then dependent work per head and token.
///
/// A `table` (null: none) is asked first, at the clock it was measured at; its answer counts, but
/// never below the kernel's bytes over the datasheet bandwidth (the tables' KV caches and small
/// weights stayed in L2 while they were timed; those of a whole model do not). On a scaled machine
/// it counts times what the roofline says of the scaling.
[[nodiscard]] KernelCost price(const Kernel& kernel, const DeviceRates& rates,
                               const KernelTable* table = nullptr);

/// The table of `device`, owned by `profile`; null where it has none.
[[nodiscard]] const KernelTable* find_table(const BackendProfile& profile,
                                            const topology::Device& device);

}  // namespace rigsim::workloads
