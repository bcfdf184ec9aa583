#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace rigsim::analysis {

/// A point of a curve of throughput against batch.
struct BatchPoint {
  double batch = 0;         ///< sequences running
  double tokens_per_s = 0;  ///< of all of them
};

/// How much a predicted curve is off at `at` where both curves are divided by their lowest batch:
/// (p / p0) / (m / m0) - 1.
[[nodiscard]] double shape_error(double predicted, double predicted_first, double measured,
                                 double measured_first);

/// Where the knee of a curve of increasing batches lies: the first point from which on throughput
/// grows by less than the square root of the batch from each point to the next, i.e. d ln(rate) / d
/// ln(batch) stays below 1/2. A step that takes a + c b has rate b / (a + c b), whose slope is a /
/// (a + c b): the knee is the batch a / c at which what grows with the batch takes as long as what
/// does not, the ridge batch. (A mixture of experts may dip below 1/2 before, while each sequence
/// still brings new experts.) None: the knee lies beyond the curve. Throws std::invalid_argument
/// unless batches increase and rates are > 0.
[[nodiscard]] std::optional<std::size_t> knee(std::span<const BatchPoint> curve);

/// Steps of the grid between two knees of a curve of `points` points; one that lies beyond the
/// curve counts as its last point.
[[nodiscard]] std::size_t knee_distance(std::optional<std::size_t> a, std::optional<std::size_t> b,
                                        std::size_t points);

}  // namespace rigsim::analysis
