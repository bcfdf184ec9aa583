#include "analysis/calibration.h"

#include <tbb/parallel_for.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "analysis/calibration_parameters.h"
#include "analysis/error_statistics.h"
#include "sim/executor.h"
#include "workloads/pass_graph.h"

namespace rigsim::analysis {
namespace {

using workloads::BackendProfile;
using workloads::Phase;

constexpr double kRobustScale = 0.05;   // residuals beyond 5 % count less
constexpr double kFamilySpread = 0.15;  // devices of a family differ by so much (log)
constexpr double kSharedSpread = 0.2;   // shared constants may move so far from their start (log)
constexpr double kFormatSpread = 0.5;   // a format's two numbers likewise
constexpr double kPriorWeight = 0.05;   // a prior's unit step counts like a 5 % residual
constexpr int kIterations = 12;
constexpr double kBandFloor = 0.05;  // runs of one machine differ by so much from boot to boot
constexpr double kStep = 0.02;       // finite differences, log space

template <class Values, class Value>
std::size_t position(const Values& values, const Value& value) {
  return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) - values.begin());
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

  [[nodiscard]] const CalibrationLayout& layout() const { return layout_; }
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
  CalibrationLayout layout_;
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
