#include "topology/nccl_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

namespace rigsim::topology {
namespace {

constexpr std::size_t kNumbers = 6;
using Vector = std::array<double, kNumbers>;
using Matrix = std::array<Vector, kNumbers>;

/// Scatter of a measurement about the model, relative: what counts as far.
constexpr double kScatter = 0.12;

/// How far NCCL's constants may be off, as the deviation of the logarithm: a kernel's start and
/// Simple's hop depend on the host and on chunk sizes, planned bandwidths are near what is
/// achieved.
constexpr Vector kDeviation{1.0, 0.5, 1.0, 0.8, 0.2, 0.5};

constexpr int kMostRounds = 200;
constexpr double kStep = 1e-4;  ///< of a logarithm, for slopes
constexpr double kSettled = 1e-9;

Vector logs(const NcclFit& fit) {
  Vector out{sim::to_seconds(fit.launch),
             sim::to_seconds(fit.ll_hop),
             sim::to_seconds(fit.simple_hop),
             fit.ll_share,
             fit.simple_share,
             fit.idle_step};
  for (double& value : out) value = std::log(value);
  return out;
}

NcclFit from_logs(const Vector& logs) {
  return {sim::from_seconds(std::exp(logs[0])),
          sim::from_seconds(std::exp(logs[1])),
          sim::from_seconds(std::exp(logs[2])),
          std::exp(logs[3]),
          std::exp(logs[4]),
          std::exp(logs[5])};
}

/// Solves a x = b for a symmetric positive definite matrix (Gauss; it needs no pivots then).
Vector solved(Matrix a, Vector b) {
  for (std::size_t k = 0; k < kNumbers; ++k) {
    for (std::size_t i = k + 1; i < kNumbers; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < kNumbers; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = kNumbers; k-- > 0;) {
    for (std::size_t j = k + 1; j < kNumbers; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

/// The sum to be made least, around one set of numbers.
struct Slope {
  double sum = 0;
  Matrix curvature{};
  Vector downhill{};
};

class Fitting {
 public:
  Fitting(std::span<const NcclSample> samples, const NcclShape& shape, const NcclConstants& nccl)
      : samples_(samples),
        shape_(shape),
        nccl_(nccl),
        prior_(logs(nccl_prior(samples.front().graph.path == NcclPath::kNvlink, nccl))) {
    for (const NcclSample& sample : samples)
      choices_.push_back(nccl_choice(sample.kind, sample.size, sample.graph, nccl));
  }

  [[nodiscard]] NcclFit best() const {
    Vector at = prior_;
    Slope here = slope(at);
    double damping = 1e-2;  // Levenberg and Marquardt
    for (int round = 0; round < kMostRounds; ++round) {
      Matrix damped = here.curvature;
      for (std::size_t k = 0; k < kNumbers; ++k) damped[k][k] *= 1 + damping;
      const Vector move = solved(damped, here.downhill);
      Vector next = at;
      double length = 0;
      for (std::size_t k = 0; k < kNumbers; ++k) {
        next[k] += move[k];
        length = std::max(length, std::abs(move[k]));
      }
      const Slope there = slope(next);
      if (there.sum <= here.sum) {
        at = next;
        here = there;
        damping *= 0.3;
        if (length < kSettled) break;
      } else {
        damping *= 10;
        if (damping > 1e9) break;
      }
    }
    return from_logs(at);
  }

 private:
  /// Logarithm of predicted over measured.
  [[nodiscard]] double residual(std::size_t i, const Vector& at) const {
    const NcclSample& sample = samples_[i];
    const sim::Duration time = nccl_time(sample.kind, sample.size, choices_[i], sample.graph,
                                         from_logs(at), shape_, nccl_);
    return std::log(sim::to_seconds(time) / sim::to_seconds(sample.time));
  }

  [[nodiscard]] Slope slope(const Vector& at) const {
    Slope out;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      const double r = residual(i, at) / kScatter;
      Vector gradient{};
      for (std::size_t k = 0; k < kNumbers; ++k) {
        Vector beside = at;
        beside[k] += kStep;
        gradient[k] = (residual(i, beside) / kScatter - r) / kStep;
      }
      out.sum += 2 * (std::sqrt(1 + r * r) - 1);  // soft L1
      add(out, r, gradient, 1 / std::sqrt(1 + r * r));
    }
    for (std::size_t k = 0; k < kNumbers; ++k) {
      const double r = (at[k] - prior_[k]) / kDeviation[k];
      Vector gradient{};
      gradient[k] = 1 / kDeviation[k];
      out.sum += r * r;
      add(out, r, gradient, 1);
    }
    return out;
  }

  static void add(Slope& out, double r, const Vector& gradient, double weight) {
    for (std::size_t a = 0; a < kNumbers; ++a) {
      out.downhill[a] -= weight * r * gradient[a];
      for (std::size_t b = 0; b < kNumbers; ++b)
        out.curvature[a][b] += weight * gradient[a] * gradient[b];
    }
  }

  std::span<const NcclSample> samples_;
  const NcclShape& shape_;
  const NcclConstants& nccl_;
  Vector prior_;
  std::vector<NcclChoice> choices_;
};

}  // namespace

NcclFit nccl_prior(bool nvlink, const NcclConstants& nccl) {
  const NcclLatency& hop = nvlink ? nccl.nvlink_hop : nccl.pcie_hop;
  return {nccl.base.ring.ll, hop.ring.ll, hop.ring.simple, nccl.ring_ll_share, 1.0, 0.5};
}

NcclFit fit_nccl(std::span<const NcclSample> samples, const NcclShape& shape,
                 const NcclConstants& nccl) {
  if (samples.size() < kNumbers)
    throw std::invalid_argument(
        fmt::format("{} numbers need at least as many samples, got {}", kNumbers, samples.size()));
  for (const NcclSample& sample : samples)
    if (sample.time <= sim::Duration::zero())
      throw std::invalid_argument("a measured time must be > 0");
  return Fitting(samples, shape, nccl).best();
}

NcclFit middle_of(std::span<const NcclFit> fits) {
  if (fits.empty()) throw std::invalid_argument("the middle of no fits");
  Vector sum{};
  for (const NcclFit& fit : fits) {
    const Vector one = logs(fit);
    for (std::size_t k = 0; k < kNumbers; ++k) sum[k] += one[k];
  }
  for (double& value : sum) value /= static_cast<double>(fits.size());
  return from_logs(sum);
}

}  // namespace rigsim::topology
