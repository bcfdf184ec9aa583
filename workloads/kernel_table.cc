#include "workloads/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace rigsim::workloads {
namespace {

template <class Items>
void check_order(const Items& items, const char* what) {
  if (items.empty()) throw std::invalid_argument(fmt::format("{}: at least one is needed", what));
  double last = -1;
  for (const auto& item : items) {
    if (!(item.at >= 0) || !(item.at > last)) {
      throw std::invalid_argument(
          fmt::format("{}: sizes must be >= 0 and increase, got {} after {}", what, item.at, last));
    }
    last = item.at;
  }
}

/// The neighbours of `at` among `items`, and how far it lies between them; none outside.
template <class Item>
struct Between {
  const Item* below;
  const Item* above;
  double fraction;
};

template <class Item>
std::optional<Between<Item>> locate(const std::vector<Item>& items, double at) {
  const auto above = std::lower_bound(items.begin(), items.end(), at,
                                      [](const Item& item, double x) { return item.at < x; });
  if (above == items.end()) return std::nullopt;
  if (above->at == at) return Between<Item>{&*above, &*above, 0};
  if (above == items.begin()) return std::nullopt;
  const auto below = std::prev(above);
  return Between<Item>{&*below, &*above, (at - below->at) / (above->at - below->at)};
}

std::optional<double> mixed(std::optional<double> below, std::optional<double> above,
                            double fraction) {
  if (!below || !above) return std::nullopt;
  return *below + fraction * (*above - *below);
}

double size(const GemmShape& shape) {
  return static_cast<double>(shape.outputs) * static_cast<double>(shape.inputs);
}

double ratio_off(std::int64_t a, std::int64_t b) {
  return std::abs(static_cast<double>(a) / static_cast<double>(b) - 1.0);
}

}  // namespace

TimeCurve::TimeCurve(std::vector<Point> points) : points_(std::move(points)) {
  check_order(points_, "points of a measured curve");
  for (const Point& point : points_) {
    if (!(point.seconds > 0) || !std::isfinite(point.seconds)) {
      throw std::invalid_argument(
          fmt::format("a measured time must be > 0, got {} s at {}", point.seconds, point.at));
    }
  }
}

std::optional<double> TimeCurve::seconds(double at) const {
  const auto found = locate(points_, at);
  if (!found) return std::nullopt;
  return mixed(found->below->seconds, found->above->seconds, found->fraction);
}

TimeSurface::TimeSurface(std::vector<Row> rows) : rows_(std::move(rows)) {
  check_order(rows_, "rows of a measured surface");
}

std::optional<double> TimeSurface::seconds(double row, double column) const {
  const auto found = locate(rows_, row);
  if (!found) return std::nullopt;
  return mixed(found->below->curve.seconds(column), found->above->curve.seconds(column),
               found->fraction);
}

bool KernelTable::add_gemm(const GemmShape& shape, TimeCurve over_tokens) {
  return gemms_.emplace(shape, std::move(over_tokens)).second;
}

bool KernelTable::add_decode_attention(const HeadShape& shape, TimeSurface surface) {
  return decode_attention_.emplace(shape, std::move(surface)).second;
}

bool KernelTable::add_prompt_attention(const HeadShape& shape, TimeSurface surface) {
  return prompt_attention_.emplace(shape, std::move(surface)).second;
}

std::optional<double> KernelTable::seconds(const Kernel& kernel) const {
  const AttentionWork& a = kernel.attention;
  const HeadShape heads{a.query_heads, a.kv_heads, a.head_dim};
  const auto sequences = static_cast<double>(a.sequences);
  const auto tokens = static_cast<double>(kernel.tokens);
  switch (kernel.kind) {
    case KernelKind::kGemm:
      return kernel.inputs > 0 ? gemm({kernel.outputs, kernel.inputs}, tokens) : std::nullopt;
    case KernelKind::kAttentionDecode: {
      const auto found = decode_attention_.find(heads);
      if (found == decode_attention_.end() || kernel.tokens != a.sequences) return std::nullopt;
      return found->second.seconds(sequences, a.kv_tokens);
    }
    case KernelKind::kAttentionGemm: {
      const auto found = prompt_attention_.find(heads);
      if (found == prompt_attention_.end() || a.sequences != 1) return std::nullopt;
      return found->second.seconds(tokens, a.kv_tokens - tokens);
    }
    case KernelKind::kMatVec:
    case KernelKind::kDequantize:
    case KernelKind::kElementwise:
      return std::nullopt;
  }
  throw std::logic_error("unknown kernel kind");
}

std::optional<double> KernelTable::gemm(const GemmShape& shape, double tokens) const {
  const auto exact = gemms_.find(shape);
  if (exact != gemms_.end()) {
    if (const auto seconds = exact->second.seconds(tokens)) return seconds;
  }
  if (const auto seconds = between_outputs(shape, tokens)) return seconds;
  return from_nearest(shape, tokens);
}

std::optional<double> KernelTable::between_outputs(const GemmShape& shape, double tokens) const {
  const std::pair<const GemmShape, TimeCurve>* below = nullptr;
  const std::pair<const GemmShape, TimeCurve>* above = nullptr;
  for (const auto& entry : gemms_) {  // in order of outputs
    if (entry.first.inputs != shape.inputs || !entry.second.seconds(tokens)) continue;
    if (entry.first.outputs < shape.outputs) below = &entry;
    if (entry.first.outputs > shape.outputs && above == nullptr) above = &entry;
  }
  if (below == nullptr || above == nullptr) return std::nullopt;
  const auto low = static_cast<double>(below->first.outputs);
  const auto high = static_cast<double>(above->first.outputs);
  if (high > kShapeRatio * low) return std::nullopt;
  return mixed(below->second.seconds(tokens), above->second.seconds(tokens),
               (static_cast<double>(shape.outputs) - low) / (high - low));
}

std::optional<double> KernelTable::from_nearest(const GemmShape& shape, double tokens) const {
  std::optional<double> best;
  double nearest = 2 * kShapeTolerance;
  for (const auto& [other, curve] : gemms_) {
    const double outputs_off = ratio_off(other.outputs, shape.outputs);
    const double inputs_off = ratio_off(other.inputs, shape.inputs);
    if (std::max(outputs_off, inputs_off) > kShapeTolerance) continue;
    const auto seconds = curve.seconds(tokens);
    if (!seconds || outputs_off + inputs_off >= nearest) continue;
    nearest = outputs_off + inputs_off;
    best = *seconds * size(shape) / size(other);
  }
  return best;
}

}  // namespace rigsim::workloads
