#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "workloads/kernel.h"

namespace rigsim::workloads {

/// Seconds measured at increasing sizes, linear between neighbours, no answer outside.
class TimeCurve {
 public:
  struct Point {
    double at = 0;  ///< tokens
    double seconds = 0;
  };

  /// Throws std::invalid_argument unless there is a point, sizes are >= 0 and increase, and seconds
  /// are finite and > 0.
  explicit TimeCurve(std::vector<Point> points);

  /// None outside the measured sizes.
  [[nodiscard]] std::optional<double> seconds(double at) const;
  [[nodiscard]] const std::vector<Point>& points() const { return points_; }

 private:
  std::vector<Point> points_;
};

/// Curves measured at increasing values of a second size; linear between two curves that both
/// answer.
class TimeSurface {
 public:
  struct Row {
    double at = 0;
    TimeCurve curve;
  };

  /// Throws std::invalid_argument unless there is a row and rows increase.
  explicit TimeSurface(std::vector<Row> rows);

  /// None outside the measured rows, or where a neighbouring row does not reach `column`.
  [[nodiscard]] std::optional<double> seconds(double row, double column) const;

 private:
  std::vector<Row> rows_;
};

/// A matrix product with 16-bit weights [outputs x inputs].
struct GemmShape {
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
  friend auto operator<=>(const GemmShape&, const GemmShape&) = default;
};

/// Attention's heads on one device. Shards of one model are not scaled copies of each other: at
/// equal sequences x KV heads, times of different head counts differ by up to half (FlashAttention
/// 2, A100 and L40S), so a shape answers for itself only.
struct HeadShape {
  std::int64_t query_heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  friend auto operator<=>(const HeadShape&, const HeadShape&) = default;
};

/// What was measured on one device: the best layer of the cost model. It answers only inside its
/// range.
class KernelTable {
 public:
  /// Each keeps what the shape already has and returns false where it has something.
  bool add_gemm(const GemmShape& shape, TimeCurve over_tokens);
  bool add_decode_attention(const HeadShape& shape, TimeSurface sequences_by_kv_tokens);
  bool add_prompt_attention(const HeadShape& shape, TimeSurface tokens_by_cached_tokens);

  /// Seconds of `kernel`, launch included. A GEMM of a shape that was not measured lies between two
  /// of the same inputs at most `kShapeRatio` apart (linear in outputs), else scales by size from
  /// the nearest shape within `kShapeTolerance` in both directions. None outside the range, for
  /// other kinds, for weights and KV caches that are not 16-bit, for sparsely read (expert)
  /// weights.
  [[nodiscard]] std::optional<double> seconds(const Kernel& kernel) const;

  [[nodiscard]] bool empty() const {
    return gemms_.empty() && decode_attention_.empty() && prompt_attention_.empty();
  }
  [[nodiscard]] const std::map<GemmShape, TimeCurve>& gemms() const { return gemms_; }

  static constexpr double kShapeRatio = 2.5;
  static constexpr double kShapeTolerance = 0.2;

 private:
  [[nodiscard]] std::optional<double> gemm(const GemmShape& shape, double tokens) const;
  [[nodiscard]] std::optional<double> between_outputs(const GemmShape& shape, double tokens) const;
  [[nodiscard]] std::optional<double> from_nearest(const GemmShape& shape, double tokens) const;

  std::map<GemmShape, TimeCurve> gemms_;
  std::map<HeadShape, TimeSurface> decode_attention_;
  std::map<HeadShape, TimeSurface> prompt_attention_;
};

}  // namespace rigsim::workloads
