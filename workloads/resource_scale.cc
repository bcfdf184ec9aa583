#include "workloads/resource_scale.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace rigsim::workloads {

void validate(const ResourceScale& scale) {
  const auto check = [](const char* resource, double factor) {
    if (!std::isfinite(factor) || factor <= 0)
      throw std::invalid_argument(
          fmt::format("{} must be scaled by a factor > 0, got {}", resource, factor));
  };
  check("compute", scale.compute);
  check("memory", scale.memory);
  check("launch", scale.launch);
  check("host", scale.host);
  check("link bandwidth", scale.link_bandwidth);
  check("link latency", scale.link_latency);
}

}  // namespace rigsim::workloads
