#include "workloads/kernel_cost.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

constexpr double kTile = 128;  // rows and columns of a GEMM output tile

/// Whether weights of that format are multiplied in FP8 on `device`.
bool in_fp8(const topology::Device& device, const BackendProfile& profile,
            const std::string& weights_format) {
  return device.peak.fp8_fp32acc &&
         std::ranges::find(profile.fp8_formats, weights_format) != profile.fp8_formats.end();
}

MatrixPeak peak_16_bit(const topology::Device& device, bool fp16_accumulate) {
  const auto& peak = device.peak;
  if (fp16_accumulate && peak.fp16_tensor_fp16acc)
    return {*peak.fp16_tensor_fp16acc, "FP16 with FP16 accumulation"};
  if (peak.fp16_tensor_fp32acc) return {*peak.fp16_tensor_fp32acc, "FP16 with FP32 accumulation"};
  if (peak.bf16_tensor) return {*peak.bf16_tensor, "BF16 with FP32 accumulation"};
  if (peak.fp32) return {*peak.fp32, "FP32"};
  if (peak.fp16_nontensor) return {*peak.fp16_nontensor, "FP16 without tensor cores"};
  throw std::invalid_argument("device " + device.name +
                              " has no FP16, BF16 or FP32 rate to price matrix products with");
}

const DeviceFit* find(const std::map<std::string, DeviceFit>& fits, const std::string& key) {
  const auto it = fits.find(key);
  return it == fits.end() ? nullptr : &it->second;
}

/// How much slower the tensor cores are made to accumulate in FP32: 2 on GeForce, 1 elsewhere.
double fp32_accumulate_handicap(const topology::Device& device) {
  const auto& peak = device.peak;
  if (!peak.fp16_tensor_fp16acc || !peak.fp16_tensor_fp32acc) return 1;
  return std::max(1.0, *peak.fp16_tensor_fp16acc / *peak.fp16_tensor_fp32acc);
}

/// What a family's GEMMs reach of the peak that `device` has. Families are known by cards whose
/// FP32 accumulation is not slowed; what keeps those from their peak (loads, instructions) keeps a
/// slowed one that much less: of one chip, AD102, an L40S reaches 0.67, an RTX 4090 at half the
/// rate 1.01 (catalog/engines/vllm.fit.yaml).
DeviceFit of_family(DeviceFit family, const topology::Device& device,
                    const BackendProfile& profile) {
  const double handicap = profile.fp16_accumulate ? 1.0 : fp32_accumulate_handicap(device);
  if (handicap > 1)
    family.tensor_efficiency =
        std::max(family.tensor_efficiency, std::min(1.0, family.tensor_efficiency * handicap));
  return family;
}

struct ResolvedFit {
  DeviceFit fit;
  Evidence evidence;
};

ResolvedFit resolve(const topology::Device& device, const BackendProfile& profile) {
  if (const auto* own = find(profile.devices, device.name)) return {*own, Evidence::kFitted};
  if (const auto* family = find(profile.families, kernel_family(device)))
    return {of_family(*family, device, profile), Evidence::kDatasheet};
  if (const auto* related = find(profile.families, related_family(device))) {
    return {of_family(*related, device, profile), Evidence::kDatasheet};
  }
  if (const auto* any = find(profile.families, ""))
    return {of_family(*any, device, profile), Evidence::kDatasheet};
  return {DeviceFit{}, Evidence::kDatasheet};
}

/// GDDR cards with ECC on keep the check bits in the same memory: the driver then reports 1/16 less
/// of it (A40, L4, L40S). HBM parts have room for them beside the data and report all.
bool keeps_ecc_inline(const topology::Device& device) {
  constexpr double kReportedShare = 0.95;
  return device.memory_reported && !device.unified_memory &&
         static_cast<double>(device.memory_reported->count()) <
             kReportedShare * static_cast<double>(device.memory.count());
}

const FormatFit& format_fit(const BackendProfile& profile, const std::string& name) {
  const auto it = profile.formats.find(name);
  if (it != profile.formats.end()) return it->second;
  const auto fallback = profile.formats.find("");
  if (fallback == profile.formats.end()) {
    throw std::logic_error("backend profile without a default weights format entry");
  }
  return fallback->second;
}

/// Full waves over started waves of 128 x 128 tiles: 1 when the last wave is full.
double wave_efficiency(const Kernel& kernel, int sm_count) {
  const double tiles = std::ceil(static_cast<double>(kernel.tokens) / kTile) *
                       std::ceil(static_cast<double>(kernel.outputs) / kTile);
  const double waves = tiles / sm_count;
  return waves > 0 ? waves / std::ceil(waves) : 1.0;
}

double memory_traffic(const Kernel& kernel, const DeviceRates& rates) {
  const bool cached = kernel.working_set_bytes <= rates.l2_bytes / 2;
  return kernel.traffic_bytes * (cached ? rates.l2_discount : 1.0);
}

struct Roofs {
  double compute = 0;
  double memory = 0;
};

Roofs roofs(const Kernel& kernel, const DeviceRates& rates) {
  switch (kernel.kind) {
    case KernelKind::kMatVec: {
      const double issue = kernel.weight_bytes * rates.issue_cycles_per_byte / rates.issue_cycles;
      const double tokens = static_cast<double>(std::max<std::int64_t>(kernel.tokens, 1));
      return {std::max(issue, kernel.flops / rates.matrix_flops) *
                  (kernel.quantized ? std::max(1.0, tokens / 2) : 1.0),
              kernel.weight_bytes / rates.bandwidth +
                  memory_traffic(kernel, rates) / rates.elementwise_bandwidth};
    }
    case KernelKind::kGemm:
      return {kernel.flops /
                  (rates.matrix_flops *
                   (rates.tile_quantisation ? wave_efficiency(kernel, rates.sm_count) : 1.0)),
              (kernel.weight_bytes + kernel.traffic_bytes) / rates.gemm_bandwidth};
    case KernelKind::kDequantize:
    case KernelKind::kElementwise:
      return {0,
              (kernel.weight_bytes + memory_traffic(kernel, rates)) / rates.elementwise_bandwidth};
    case KernelKind::kAttentionDecode:
      return {kernel.head_tokens * rates.attention_seconds, kernel.traffic_bytes / rates.bandwidth};
    case KernelKind::kAttentionGemm:
      return {kernel.flops / rates.attention_flops,
              memory_traffic(kernel, rates) / rates.elementwise_bandwidth};
  }
  throw std::logic_error("unknown kernel kind");
}

/// Time under two roofs that hide each other: the larger, or a smooth maximum of exponent q.
double overlapped(double compute, double memory, double q) {
  if (q <= 0) return std::max(compute, memory);
  return std::pow(std::pow(compute, q) + std::pow(memory, q), 1 / q);
}

double fixed_seconds(const Kernel& kernel, const DeviceRates& rates) {
  const bool attention =
      kernel.kind == KernelKind::kAttentionDecode || kernel.kind == KernelKind::kAttentionGemm;
  return kernel.launches * rates.launch_seconds +
         (attention ? rates.attention_launch_seconds : 0.0);
}

/// What must come from memory whatever the caches hold: weights, or the KV cache.
double unavoidable_bytes(const Kernel& kernel) {
  return kernel.kind == KernelKind::kGemm ? kernel.weight_bytes : kernel.traffic_bytes;
}

/// Decode attention reads its bytes and then works on them in dependent steps: the two add up.
double body_seconds(const Kernel& kernel, const Roofs& roofs, double roofline_exponent) {
  if (kernel.kind == KernelKind::kAttentionDecode) return roofs.compute + roofs.memory;
  return overlapped(roofs.compute, roofs.memory, roofline_exponent);
}

/// Time by the roofline on the scaled machine over that on the real one.
double scaling_of(const Kernel& kernel, const Roofs& roofs, double launch,
                  const DeviceRates& rates) {
  if (rates.scale == ResourceScale{}) return 1.0;
  const Roofs real{roofs.compute * rates.scale.compute, roofs.memory * rates.scale.memory};
  const double q = rates.roofline_exponent;
  return (launch + body_seconds(kernel, roofs, q)) /
         (launch * rates.scale.launch + body_seconds(kernel, real, q));
}

std::optional<double> measured_seconds(const Kernel& kernel, const DeviceRates& rates,
                                       const KernelTable* table) {
  if (table == nullptr || rates.clock_fraction != 1.0) return std::nullopt;
  return table->seconds(kernel);
}

}  // namespace

std::string_view to_string(KernelKind kind) {
  switch (kind) {
    case KernelKind::kMatVec:
      return "mat_vec";
    case KernelKind::kGemm:
      return "gemm";
    case KernelKind::kDequantize:
      return "dequantize";
    case KernelKind::kElementwise:
      return "elementwise";
    case KernelKind::kAttentionDecode:
      return "attention_decode";
    case KernelKind::kAttentionGemm:
      return "attention_gemm";
  }
  throw std::logic_error("unknown kernel kind");
}

std::string to_string(Bound bound) {
  switch (bound) {
    case Bound::kCompute:
      return "compute";
    case Bound::kMemory:
      return "memory";
    case Bound::kLink:
      return "link";
    case Bound::kLaunch:
      return "launch";
    case Bound::kHost:
      return "host";
  }
  throw std::logic_error("unknown bound");
}

MatrixPeak matrix_peak(const topology::Device& device, const BackendProfile& profile,
                       const std::string& weights_format) {
  if (in_fp8(device, profile, weights_format))
    return {*device.peak.fp8_fp32acc, "FP8 with FP32 accumulation"};
  return peak_16_bit(device, profile.fp16_accumulate);
}

DeviceRates device_rates(const topology::Device& device, const BackendProfile& profile,
                         const std::string& weights_format, double clock_fraction) {
  const auto [fit, evidence] = resolve(device, profile);
  const FormatFit& format = format_fit(profile, weights_format);
  const double clock = device.boost_hz * clock_fraction;
  const double peak = peak_16_bit(device, profile.fp16_accumulate).rate.count() * clock_fraction;
  const double scale = fit.latency_scale / clock_fraction;
  const double memory =
      device.memory_bandwidth.count() * (keeps_ecc_inline(device) ? profile.ecc_bandwidth : 1.0);
  DeviceRates rates;
  rates.bandwidth = memory * fit.streaming_efficiency;
  rates.datasheet_bandwidth = device.memory_bandwidth.count();
  rates.elementwise_bandwidth = memory * profile.elementwise_efficiency;
  // A smooth roofline is fitted to GEMMs of every length, with the bandwidth they stream at.
  rates.gemm_bandwidth =
      profile.roofline_exponent > 0 ? rates.bandwidth : rates.elementwise_bandwidth;
  const double weights_peak =
      matrix_peak(device, profile, weights_format).rate.count() * clock_fraction;
  rates.matrix_flops = weights_peak * fit.tensor_efficiency * format.gemm_gain;
  rates.attention_flops = peak * fit.tensor_efficiency * profile.attention_gemm_ratio;
  rates.issue_cycles = device.sm_count * clock * fit.streaming_efficiency;
  rates.issue_cycles_per_byte = format.issue_cycles_per_byte;
  rates.attention_seconds = profile.attention_cycles / device.boost_hz * scale;
  rates.attention_launch_seconds = profile.attention_latency_us * 1e-6 * scale;
  rates.launch_seconds = profile.kernel_latency_us * 1e-6 * scale;
  rates.l2_bytes = device.l2 ? static_cast<double>(device.l2->count()) : 0.0;
  rates.l2_discount = profile.l2_discount;
  rates.sm_count = device.sm_count;
  rates.tile_quantisation = profile.tile_quantisation;
  rates.roofline_exponent = profile.roofline_exponent;
  rates.clock_fraction = clock_fraction;
  rates.evidence = evidence;
  return rates;
}

DeviceRates scaled(DeviceRates rates, const ResourceScale& scale) {
  rates.bandwidth *= scale.memory;
  rates.datasheet_bandwidth *= scale.memory;
  rates.gemm_bandwidth *= scale.memory;
  rates.elementwise_bandwidth *= scale.memory;
  rates.matrix_flops *= scale.compute;
  rates.attention_flops *= scale.compute;
  rates.issue_cycles *= scale.compute;
  rates.attention_seconds /= scale.compute;
  rates.attention_launch_seconds /= scale.launch;
  rates.launch_seconds /= scale.launch;
  rates.scale = scale;
  return rates;
}

KernelCost price(const Kernel& kernel, const DeviceRates& rates, const KernelTable* table) {
  const Roofs roof = roofs(kernel, rates);
  const double launch = fixed_seconds(kernel, rates);
  KernelCost cost;
  cost.bound = roof.compute > roof.memory ? Bound::kCompute : Bound::kMemory;
  if (const auto measured = measured_seconds(kernel, rates, table)) {
    const double seconds = std::max(*measured * scaling_of(kernel, roof, launch, rates),
                                    unavoidable_bytes(kernel) / rates.datasheet_bandwidth);
    cost.evidence = Evidence::kMeasured;
    cost.launch = sim::from_seconds(std::min(launch, seconds));
    cost.body = sim::from_seconds(seconds) - cost.launch;
    return cost;
  }
  cost.evidence = rates.evidence;
  cost.launch = sim::from_seconds(launch);
  cost.body = sim::from_seconds(body_seconds(kernel, roof, rates.roofline_exponent));
  return cost;
}

const KernelTable* find_table(const BackendProfile& profile, const topology::Device& device) {
  const auto found = profile.tables.find(device.name);
  return found == profile.tables.end() ? nullptr : &found->second;
}

}  // namespace rigsim::workloads
