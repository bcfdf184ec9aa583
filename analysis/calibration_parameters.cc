#include "analysis/calibration_parameters.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace rigsim::analysis {
namespace {

using workloads::BackendProfile;
using workloads::DeviceFit;

DeviceFit own_or_family(const BackendProfile& profile, const std::string& device,
                        const std::string& family) {
  if (const auto it = profile.devices.find(device); it != profile.devices.end()) return it->second;
  if (const auto it = profile.families.find(family); it != profile.families.end())
    return it->second;
  if (const auto it = profile.families.find(""); it != profile.families.end()) return it->second;
  return DeviceFit{};
}

DeviceFit device_fit(const CalibrationLayout& layout, const Eigen::VectorXd& p, std::size_t d) {
  return {std::exp(p[layout.device(d, 0)]), std::exp(p[layout.device(d, 1)]),
          std::exp(p[layout.device(d, 2)]), 0};
}

/// Geometric mean of the devices that `wanted` picks; empty groups give no prior.
template <class Predicate>
void set_family(BackendProfile& profile, const std::string& name, const CalibrationLayout& layout,
                const Eigen::VectorXd& p, Predicate wanted) {
  Eigen::Vector3d sum = Eigen::Vector3d::Zero();
  int count = 0;
  for (std::size_t d = 0; d < layout.devices.size(); ++d) {
    if (!wanted(d)) continue;
    sum += p.segment<kPerDevice>(layout.device(d, 0));
    ++count;
  }
  if (count == 0) return;
  sum /= count;
  profile.families[name] = {std::exp(sum[0]), std::exp(sum[1]), std::exp(sum[2]), count};
}

/// The same for version `v` alone.
BackendProfile with_parameters(BackendProfile base, std::size_t v, const CalibrationLayout& layout,
                               const Eigen::VectorXd& p, const std::string& without) {
  const auto in = [&](std::size_t d) { return layout.devices[d] != without; };
  base.devices.clear();
  base.families.clear();
  for (std::size_t d = 0; d < layout.devices.size(); ++d) {
    if (in(d)) base.devices[layout.devices[d]] = device_fit(layout, p, d);
  }
  for (const auto& family : std::set<std::string>(layout.families.begin(), layout.families.end())) {
    set_family(base, family, layout, p,
               [&](std::size_t d) { return in(d) && layout.families[d] == family; });
  }
  set_family(base, "", layout, p, in);
  for (std::size_t f = 0; f < layout.formats.size(); ++f) {
    if (layout.formats[f].first != v) continue;
    base.formats[layout.formats[f].second] = {std::exp(p[layout.format(f, 0)]),
                                              std::exp(p[layout.format(f, 1)])};
  }
  base.kernel_latency_us = std::exp(p[layout.shared(v, 0)]);
  base.attention_cycles = std::exp(p[layout.shared(v, 1)]);
  base.boundary_sync_us = std::exp(p[layout.shared(v, 2)]);
  base.attention_gemm_ratio = std::exp(p[layout.shared(v, 3)]);
  return base;
}

}  // namespace

CalibrationLayout layout_of(const std::vector<CalibrationRow>& rows, std::size_t versions) {
  std::map<std::string, std::string> devices;
  std::set<std::pair<std::size_t, std::string>> formats;
  for (const auto& row : rows) {
    devices[row.device] = workloads::kernel_family(row.run.request.rig.devices.front().device);
    formats.insert({row.version, row.weights});
  }
  CalibrationLayout layout;
  layout.versions = versions;
  for (const auto& [device, family] : devices) {
    layout.devices.push_back(device);
    layout.families.push_back(family);
  }
  layout.formats.assign(formats.begin(), formats.end());
  return layout;
}

Eigen::VectorXd parameters(const CalibrationLayout& layout,
                           const std::vector<BackendProfile>& profiles) {
  Eigen::VectorXd p(layout.size());
  for (std::size_t d = 0; d < layout.devices.size(); ++d) {
    const DeviceFit fit = own_or_family(profiles.front(), layout.devices[d], layout.families[d]);
    p[layout.device(d, 0)] = std::log(fit.streaming_efficiency);
    p[layout.device(d, 1)] = std::log(fit.tensor_efficiency);
    p[layout.device(d, 2)] = std::log(fit.latency_scale);
  }
  for (std::size_t f = 0; f < layout.formats.size(); ++f) {
    const auto& [version, name] = layout.formats[f];
    const auto& formats = profiles[version].formats;
    const auto it = formats.find(name);
    const auto& fit = it != formats.end() ? it->second : formats.at("");
    p[layout.format(f, 0)] = std::log(fit.issue_cycles_per_byte);
    p[layout.format(f, 1)] = std::log(fit.gemm_gain);
  }
  for (std::size_t v = 0; v < profiles.size(); ++v) {
    p[layout.shared(v, 0)] = std::log(profiles[v].kernel_latency_us);
    p[layout.shared(v, 1)] = std::log(profiles[v].attention_cycles);
    p[layout.shared(v, 2)] = std::log(std::max(profiles[v].boundary_sync_us, 1.0));
    p[layout.shared(v, 3)] = std::log(profiles[v].attention_gemm_ratio);
  }
  return p;
}

std::vector<BackendProfile> with_parameters(const std::vector<BackendProfile>& base,
                                            const CalibrationLayout& layout,
                                            const Eigen::VectorXd& p, const std::string& without) {
  std::vector<BackendProfile> profiles;
  for (std::size_t v = 0; v < base.size(); ++v)
    profiles.push_back(with_parameters(base[v], v, layout, p, without));
  return profiles;
}

}  // namespace rigsim::analysis
