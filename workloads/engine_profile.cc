#include "workloads/engine_profile.h"

#include <stdexcept>
#include <string_view>

namespace rigsim::workloads {

std::string to_string(Evidence evidence) {
  switch (evidence) {
    case Evidence::kMeasured:
      return "measured";
    case Evidence::kFitted:
      return "fitted";
    case Evidence::kDatasheet:
      return "datasheet";
  }
  throw std::logic_error("unknown evidence");
}

std::string to_string(Backend backend) {
  switch (backend) {
    case Backend::kCuda:
      return "cuda";
    case Backend::kMetal:
      return "metal";
    case Backend::kCpu:
      return "cpu";
  }
  throw std::logic_error("unknown backend");
}

Backend backend_of(const topology::Device& device) {
  switch (device.kind) {
    case topology::DeviceKind::kGpu:
      return Backend::kCuda;
    case topology::DeviceKind::kAppleSoc:
      return Backend::kMetal;
    case topology::DeviceKind::kCpu:
      return Backend::kCpu;
  }
  throw std::logic_error("unknown device kind");
}

std::string kernel_family(const topology::Device& device) {
  return device.chip == "GA100" ? device.chip : device.architecture;
}

std::string related_family(const topology::Device& device) {
  const auto is = [&](std::string_view name) { return device.architecture.starts_with(name); };
  if (is("Hopper") || is("CDNA") || is("Volta")) return "GA100";
  if (is("Blackwell")) return device.chip.starts_with("GB20") ? "Ada" : "GA100";
  return {};
}

const BackendProfile& EngineProfile::backend(Backend wanted) const {
  for (const auto& profile : backends) {
    if (profile.backend == wanted) return profile;
  }
  throw std::invalid_argument("engine " + name + " has no profile for the " + to_string(wanted) +
                              " backend");
}

}  // namespace rigsim::workloads
