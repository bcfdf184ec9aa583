#include "analysis/calibration.h"

#include <tbb/parallel_for.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "analysis/error_statistics.h"
#include "sim/executor.h"
#include "workloads/pass_graph.h"

namespace rigsim::analysis {
namespace {

using workloads::BackendProfile;
using workloads::DeviceFit;
using workloads::Phase;

constexpr double kRobustScale = 0.05;   // residuals beyond 5 % count less
constexpr double kFamilySpread = 0.15;  // devices of a family differ by so much (log)
constexpr double kSharedSpread = 0.2;   // shared constants may move so far from their start (log)
constexpr double kFormatSpread = 0.5;   // a format's two numbers likewise
constexpr double kPriorWeight = 0.05;   // a prior's unit step counts like a 5 % residual
constexpr int kIterations = 12;
constexpr double kBandFloor = 0.05;  // runs of one machine differ by so much from boot to boot
constexpr double kStep = 0.02;       // finite differences, log space

constexpr int kPerDevice = 3;
constexpr int kPerFormat = 2;
constexpr int kShared = 4;

/// Names the columns of the parameter vector.
struct Layout {
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

template <class Values, class Value>
std::size_t position(const Values& values, const Value& value) {
  return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) - values.begin());
}

Layout layout_of(const std::vector<CalibrationRow>& rows, std::size_t versions) {
  std::map<std::string, std::string> devices;
  std::set<std::pair<std::size_t, std::string>> formats;
  for (const auto& row : rows) {
    devices[row.device] = workloads::kernel_family(row.run.request.rig.devices.front().device);
    formats.insert({row.version, row.weights});
  }
  Layout layout;
  layout.versions = versions;
  for (const auto& [device, family] : devices) {
    layout.devices.push_back(device);
    layout.families.push_back(family);
  }
  layout.formats.assign(formats.begin(), formats.end());
  return layout;
}

DeviceFit own_or_family(const BackendProfile& profile, const std::string& device,
                        const std::string& family) {
  if (const auto it = profile.devices.find(device); it != profile.devices.end()) return it->second;
  if (const auto it = profile.families.find(family); it != profile.families.end())
    return it->second;
  if (const auto it = profile.families.find(""); it != profile.families.end()) return it->second;
  return DeviceFit{};
}

Eigen::VectorXd parameters(const Layout& layout, const std::vector<BackendProfile>& profiles) {
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

DeviceFit device_fit(const Layout& layout, const Eigen::VectorXd& p, std::size_t d) {
  return {std::exp(p[layout.device(d, 0)]), std::exp(p[layout.device(d, 1)]),
          std::exp(p[layout.device(d, 2)]), 0};
}

/// Geometric mean of the devices that `wanted` picks; empty groups give no prior.
template <class Predicate>
void set_family(BackendProfile& profile, const std::string& name, const Layout& layout,
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

/// `base` with version `v`'s fitted numbers of `p`; the device `without` gets no entry and no say
/// in its family.
BackendProfile with_parameters(BackendProfile base, std::size_t v, const Layout& layout,
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

std::vector<BackendProfile> with_parameters(const std::vector<BackendProfile>& base,
                                            const Layout& layout, const Eigen::VectorXd& p,
                                            const std::string& without = {}) {
  std::vector<BackendProfile> profiles;
  for (std::size_t v = 0; v < base.size(); ++v)
    profiles.push_back(with_parameters(base[v], v, layout, p, without));
  return profiles;
}

/// log(predicted / measured) of every row.
Eigen::VectorXd residuals(const std::vector<CalibrationRow>& rows,
                          const std::vector<BackendProfile>& profiles) {
  Eigen::VectorXd r(static_cast<Eigen::Index>(rows.size()));
  tbb::parallel_for(std::size_t{0}, rows.size(), [&](std::size_t i) {
    r[static_cast<Eigen::Index>(i)] =
        std::log(predict(rows[i], profiles[rows[i].version]) / rows[i].tokens_per_s);
  });
  return r;
}

/// Finite differences. All devices move at once (a row knows only its own), and so do all formats.
class Problem {
 public:
  Problem(const std::vector<CalibrationRow>& rows, const std::vector<BackendProfile>& base)
      : rows_(rows),
        base_(base),
        layout_(layout_of(rows, base.size())),
        start_(parameters(layout_, base)) {}

  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] const std::string& family(const std::string& device) const {
    return layout_.families[position(layout_.devices, device)];
  }
  [[nodiscard]] const Eigen::VectorXd& start() const { return start_; }
  [[nodiscard]] Eigen::VectorXd residuals_at(const Eigen::VectorXd& p) const {
    return residuals(rows_, with_parameters(base_, layout_, p));
  }

  [[nodiscard]] Eigen::MatrixXd jacobian(const Eigen::VectorXd& p, const Eigen::VectorXd& r) const {
    Eigen::MatrixXd j = Eigen::MatrixXd::Zero(r.size(), layout_.size());
    for (int k = 0; k < kPerDevice; ++k) {
      grouped(
          j, p, r, layout_.devices.size(), [&](std::size_t d) { return layout_.device(d, k); },
          [&](const CalibrationRow& row) { return position(layout_.devices, row.device); });
    }
    for (int k = 0; k < kPerFormat; ++k) {
      grouped(
          j, p, r, layout_.formats.size(), [&](std::size_t f) { return layout_.format(f, k); },
          [&](const CalibrationRow& row) {
            return position(layout_.formats, std::pair(row.version, row.weights));
          });
    }
    for (int k = 0; k < kShared; ++k) {
      grouped(
          j, p, r, layout_.versions, [&](std::size_t v) { return layout_.shared(v, k); },
          [](const CalibrationRow& row) { return row.version; });
    }
    return j;
  }

  /// Sum over the priors of H += w w^T and g += w (w . p - target): constants near their start,
  /// devices near their family.
  void add_priors(Eigen::MatrixXd& h, Eigen::VectorXd& g, const Eigen::VectorXd& p) const {
    for (Eigen::Index i = layout_.format(0, 0); i < layout_.size(); ++i) {
      const double w = kPriorWeight / (i < layout_.shared(0, 0) ? kFormatSpread : kSharedSpread);
      h(i, i) += w * w;
      g[i] += w * w * (p[i] - start_[i]);
    }
    for (std::size_t d = 0; d < layout_.devices.size(); ++d) add_family_prior(h, g, p, d);
  }

 private:
  template <class Column, class Group>
  void grouped(Eigen::MatrixXd& j, const Eigen::VectorXd& p, const Eigen::VectorXd& r,
               std::size_t groups, Column column, Group group) const {
    Eigen::VectorXd moved = p;
    for (std::size_t g = 0; g < groups; ++g) moved[column(g)] += kStep;
    const Eigen::VectorXd slope = (residuals_at(moved) - r) / kStep;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      j(row, column(group(rows_[i]))) = slope[row];
    }
  }

  void add_family_prior(Eigen::MatrixXd& h, Eigen::VectorXd& g, const Eigen::VectorXd& p,
                        std::size_t d) const {
    std::vector<std::size_t> family;
    for (std::size_t e = 0; e < layout_.devices.size(); ++e) {
      if (layout_.families[e] == layout_.families[d]) family.push_back(e);
    }
    const double w = kPriorWeight / kFamilySpread;
    for (int k = 0; k < kPerDevice; ++k) {
      Eigen::VectorXd row = Eigen::VectorXd::Zero(layout_.size());
      row[layout_.device(d, k)] += w;
      for (const auto e : family)
        row[layout_.device(e, k)] -= w / static_cast<double>(family.size());
      if (family.size() == 1) row[layout_.device(d, k)] = w / 4;  // alone: weakly to its start
      const double target = family.size() == 1 ? row.dot(start_) : 0.0;
      h += row * row.transpose();
      g += row * (row.dot(p) - target);
    }
  }

  const std::vector<CalibrationRow>& rows_;
  const std::vector<BackendProfile>& base_;
  Layout layout_;
  Eigen::VectorXd start_;
};

/// Soft-L1: cost 2 s^2 (sqrt(1 + (r/s)^2) - 1), so a row weighs 1 / sqrt(1 + (r/s)^2).
Eigen::VectorXd weights_of(const Eigen::VectorXd& r) {
  return (1.0 + (r / kRobustScale).array().square()).rsqrt();
}

double cost_of(const Eigen::VectorXd& r) {
  return (kRobustScale * kRobustScale * ((1.0 + (r / kRobustScale).array().square()).sqrt() - 1.0))
      .sum();
}

/// The Gauss-Newton (or damped) step from `p` over the rows that `use` (0 or 1) keeps.
Eigen::VectorXd step(const Problem& problem, const Eigen::MatrixXd& j, const Eigen::VectorXd& r,
                     const Eigen::VectorXd& p, const Eigen::VectorXd& use, double damping) {
  const Eigen::VectorXd w = weights_of(r).cwiseProduct(use);
  Eigen::MatrixXd h = j.transpose() * w.asDiagonal() * j;
  Eigen::VectorXd g = j.transpose() * w.cwiseProduct(r);
  problem.add_priors(h, g, p);
  h.diagonal().array() += damping * (h.diagonal().array() + 1e-9);
  return -h.ldlt().solve(g);
}

/// The 90th percentile; 0 where there is nothing to take it of.
double p90(const std::vector<double>& values) {
  return values.empty() ? 0.0 : quantile(values, 0.9);
}

std::vector<double> magnitudes(const std::vector<CalibrationRow>& rows, const Calibration& c,
                               Phase phase) {
  std::vector<double> result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].run.phase == phase) result.push_back(std::abs(c.residuals[i]));
  }
  return result;
}

std::vector<double> left_out_magnitudes(const Calibration& c, Phase phase) {
  std::vector<double> result;
  for (const auto& [device, left] : c.left_out) {
    for (std::size_t i = 0; i < left.residuals.size(); ++i) {
      if (left.phases[i] == phase) result.push_back(std::abs(left.residuals[i]));
    }
  }
  return result;
}

/// Bands are the 90 % quantile of the residuals: of the fit where the device was fitted, of the
/// left-out rows where not.
void set_bands(Calibration& c, const std::vector<CalibrationRow>& rows) {
  for (auto& profile : c.profiles) {
    profile.decode_band.fitted = std::max(kBandFloor, p90(magnitudes(rows, c, Phase::kDecode)));
    profile.prefill_band.fitted = std::max(kBandFloor, p90(magnitudes(rows, c, Phase::kPrefill)));
    if (c.left_out.empty())
      continue;  // nothing says how far a stranger would be off: the start's stay
    profile.decode_band.datasheet = p90(left_out_magnitudes(c, Phase::kDecode));
    profile.prefill_band.datasheet = p90(left_out_magnitudes(c, Phase::kPrefill));
  }
}

LeftOut leave_out(const Problem& problem, const std::vector<CalibrationRow>& rows,
                  const std::vector<BackendProfile>& base, const Eigen::MatrixXd& j,
                  const Eigen::VectorXd& r, const Eigen::VectorXd& p, const std::string& device) {
  Eigen::VectorXd use = Eigen::VectorXd::Ones(r.size());
  std::vector<CalibrationRow> left;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].device != device) continue;
    use[static_cast<Eigen::Index>(i)] = 0;
    left.push_back(rows[i]);
  }
  const Eigen::VectorXd without = p + step(problem, j, r, p, use, 0.0);
  LeftOut result{
      problem.family(device), with_parameters(base, problem.layout(), without, device), {}, {}};
  const Eigen::VectorXd errors = residuals(left, result.profiles);
  for (std::size_t i = 0; i < left.size(); ++i) {
    result.residuals.push_back(std::expm1(errors[static_cast<Eigen::Index>(i)]));
    result.phases.push_back(left[i].run.phase);
  }
  return result;
}

void set_statistics(Calibration& c, const std::vector<CalibrationRow>& rows) {
  std::map<std::pair<std::string, Phase>, std::vector<double>> groups;
  for (std::size_t i = 0; i < rows.size(); ++i)
    groups[{rows[i].device, rows[i].run.phase}].push_back(c.residuals[i]);
  for (const auto& [key, errors] : groups) {
    auto& into = key.second == Phase::kDecode ? c.decode : c.prefill;
    into[key.first] = statistics(errors);
    for (auto& profile : c.profiles)
      profile.devices[key.first].rows += static_cast<int>(errors.size());
  }
}

}  // namespace

ResidualStatistics statistics(const std::vector<double>& signed_errors) {
  if (signed_errors.empty()) return {};
  std::vector<double> magnitude;
  for (const double e : signed_errors) magnitude.push_back(std::abs(e));
  return {static_cast<int>(signed_errors.size()), quantile(magnitude, 0.5),
          quantile(magnitude, 0.9), quantile(signed_errors, 0.5)};
}

double predict(const CalibrationRow& row, const BackendProfile& profile) {
  workloads::DeploymentRequest request = row.run.request;
  for (auto& backend : request.engine.backends) {
    if (backend.backend == profile.backend) backend = profile;
  }
  const workloads::Deployment deployment = workloads::deploy(request);
  const workloads::SingleStream& work = row.run.work;
  if (row.run.phase == Phase::kPrefill || workloads::is_power_limited(request.rig)) {
    const auto result = workloads::run_single_stream(deployment, work);
    return row.run.phase == Phase::kPrefill ? result.prefill.tokens_per_s()
                                            : result.decode.tokens_per_s();
  }
  const std::int64_t padding = std::max<std::int64_t>(deployment.engine.kv_padding, 1);
  double padded = 0;
  for (std::int64_t i = 1; i <= work.output_tokens; ++i) {
    padded += static_cast<double>((work.context_tokens + i + padding - 1) / padding * padding);
  }
  const auto mean = std::llround(padded / static_cast<double>(work.output_tokens));
  const workloads::PassGraph pass = workloads::lower_decode(deployment, mean, work.batch);
  sim::Executor executor(pass.graph);
  const auto step = executor.run(pass.graph.costs()) - sim::Time{};
  return static_cast<double>(work.batch) / sim::to_seconds(step);
}

Calibration calibrate(const std::vector<CalibrationRow>& rows,
                      const std::vector<BackendProfile>& start) {
  if (rows.empty() || start.empty())
    throw std::invalid_argument("calibration needs at least one measured row");
  const Problem problem(rows, start);
  Eigen::VectorXd p = problem.start();
  Eigen::VectorXd r = problem.residuals_at(p);
  const Eigen::VectorXd all = Eigen::VectorXd::Ones(r.size());
  double damping = 1e-2;
  Calibration c;
  Eigen::MatrixXd j;
  for (; c.iterations < kIterations; ++c.iterations) {
    j = problem.jacobian(p, r);
    const Eigen::VectorXd next = p + step(problem, j, r, p, all, damping);
    const Eigen::VectorXd next_r = problem.residuals_at(next);
    if (cost_of(next_r) < cost_of(r)) {
      const bool settled = cost_of(r) - cost_of(next_r) < 1e-3 * cost_of(r);
      p = next;
      r = next_r;
      damping /= 4;
      if (settled) break;
    } else {
      damping *= 8;
    }
  }
  j = problem.jacobian(p, r);
  c.profiles = with_parameters(start, problem.layout(), p);
  for (Eigen::Index i = 0; i < r.size(); ++i) c.residuals.push_back(std::expm1(r[i]));
  if (problem.layout().devices.size() > 1) {
    for (const auto& device : problem.layout().devices)
      c.left_out[device] = leave_out(problem, rows, start, j, r, p, device);
  }
  set_statistics(c, rows);
  set_bands(c, rows);
  return c;
}

}  // namespace rigsim::analysis
