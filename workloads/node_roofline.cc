#include "workloads/node_roofline.h"

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

std::optional<sim::FlopRate> first_of(std::initializer_list<std::optional<sim::FlopRate>> rates) {
  for (const auto& rate : rates) {
    if (rate) return rate;
  }
  return std::nullopt;
}

std::optional<sim::FlopRate> stated_rate(const topology::PeakRates& peak, MathFormat format) {
  switch (format) {
    case MathFormat::kF16:
      return first_of({peak.fp16_tensor_fp32acc, peak.bf16_tensor, peak.fp16_nontensor, peak.fp32});
    case MathFormat::kBf16:
      return first_of({peak.bf16_tensor, peak.fp16_tensor_fp32acc, peak.fp16_nontensor, peak.fp32});
    case MathFormat::kF32:
      return peak.fp32;
    case MathFormat::kFp8:
      return first_of({peak.fp8_fp32acc, peak.fp8_fp16acc});
    case MathFormat::kFp4:
      return peak.fp4;
    case MathFormat::kInt8:
      return peak.int8;
  }
  throw std::logic_error("unknown number format");
}

}  // namespace

sim::FlopRate peak_rate(const topology::Device& device, MathFormat format) {
  const auto rate = stated_rate(device.peak, format);
  if (rate) return *rate;
  throw std::invalid_argument(fmt::format("the datasheet of {} states no peak rate in {}",
                                          device.title, to_string(format)));
}

RooflineTime roofline_time(const ComputeNode& node, const topology::Device& device) {
  RooflineTime result;
  if (node.flops > 0) result.time = sim::Flops(node.flops) / peak_rate(device, node.format);
  if (node.bytes == sim::Bytes(0)) return result;
  if (!(device.memory_bandwidth.count() > 0)) {
    throw std::invalid_argument(
        fmt::format("the datasheet of {} states no memory bandwidth", device.title));
  }
  const sim::Duration memory = node.bytes / device.memory_bandwidth;
  if (memory > result.time) result = {memory, true};
  return result;
}

}  // namespace rigsim::workloads
