#include "configs/nearest_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace rigsim::configs {
namespace {

constexpr std::string_view kTimesSign = "\xc3\x97";
constexpr std::size_t kLongestCompared = 64;

/// Smaller is nearer; none: not near.
std::optional<std::size_t> remoteness(std::string_view wanted, std::string_view name) {
  if (wanted.empty() || name.empty()) return std::nullopt;
  const std::size_t distance = edit_distance(wanted, name);
  if (wanted.size() >= 3 && name.starts_with(wanted)) return std::min<std::size_t>(distance, 1);
  if (distance * 3 <= std::max(wanted.size(), name.size()) || distance <= 1) return distance;
  const bool contained =
      wanted.size() >= 3 && name.size() >= 3 &&
      (name.find(wanted) != std::string_view::npos || wanted.find(name) != std::string_view::npos);
  if (contained) return kLongestCompared + distance;
  return std::nullopt;
}

}  // namespace

std::string normalised(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      out += c;
    } else if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
    } else if (name.substr(i, kTimesSign.size()) == kTimesSign) {
      out += 'x';
    }
  }
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kLongestCompared);
  b = b.substr(0, kLongestCompared);
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> names,
                                       std::size_t most) {
  const std::string key = normalised(wanted);
  std::vector<std::pair<std::size_t, std::size_t>> near;  // remoteness, then place among the names
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (const auto far = remoteness(key, normalised(names[i]))) near.emplace_back(*far, i);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> out;
  for (const auto& [far, i] : near) {
    const bool fresh = std::find(out.begin(), out.end(), names[i]) == out.end();
    if (out.size() < most && fresh) out.push_back(names[i]);
  }
  return out;
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string> names,
                         std::size_t most) {
  std::string text;
  for (const std::string& name : nearest_names(wanted, names, most)) {
    text += text.empty() ? ", did you mean " : " or ";
    text += fmt::format("\"{}\"", name);
  }
  return text.empty() ? text : text + "?";
}

}  // namespace rigsim::configs
