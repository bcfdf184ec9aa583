#include "cli/collective_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "configs/quantity_parser.h"

namespace rigsim::cli {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 11> kUnits{{{"", 1},
                                                                            {"b", 1},
                                                                            {"kb", 1'000},
                                                                            {"mb", 1'000'000},
                                                                            {"gb", 1'000'000'000},
                                                                            {"kib", 1LL << 10},
                                                                            {"mib", 1LL << 20},
                                                                            {"gib", 1LL << 30},
                                                                            {"k", 1LL << 10},
                                                                            {"m", 1LL << 20},
                                                                            {"g", 1LL << 30}}};
constexpr double kMostBytes = 1024.0 * 1024 * 1024 * 1024;
constexpr std::size_t kMostSizes = 1000;
constexpr double kPastTheEnd = 1.08;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

[[noreturn]] void fail(std::string_view text) {
  throw std::invalid_argument(
      fmt::format("a size is a whole number of bytes > 0 up to 1 TiB such as 512B, 64KB, 8MiB or "
                  "512M, got \"{}\"",
                  text));
}

sim::Bytes parse_size(std::string_view text) {
  const std::string_view whole = trimmed(text);
  const auto letters = std::find_if(whole.begin(), whole.end(),
                                    [](char c) { return std::isdigit(c) == 0 && c != '.'; });
  const auto digits = static_cast<std::size_t>(letters - whole.begin());
  std::string unit(trimmed(whole.substr(digits)));
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto known = std::find_if(kUnits.begin(), kUnits.end(),
                                  [&](const auto& entry) { return entry.first == unit; });
  if (digits == 0 || known == kUnits.end()) fail(whole);
  double number = 0;
  try {
    number = configs::parse_number(whole.substr(0, digits));
  } catch (const std::invalid_argument&) {
    fail(whole);
  }
  const double bytes = number * static_cast<double>(known->second);
  if (!(bytes >= 1) || bytes > kMostBytes || bytes != std::floor(bytes)) fail(whole);
  return sim::Bytes(static_cast<std::int64_t>(bytes));
}

void add(std::vector<sim::Bytes>& sizes, sim::Bytes size) {
  if (sizes.size() == kMostSizes)
    throw std::invalid_argument(fmt::format("at most {} sizes", kMostSizes));
  sizes.push_back(size);
}

void add_part(std::vector<sim::Bytes>& sizes, std::string_view part, std::int64_t factor) {
  const std::size_t dash = part.find('-');
  const sim::Bytes first = parse_size(part.substr(0, dash));
  if (dash == std::string_view::npos) return add(sizes, first);
  const sim::Bytes last = parse_size(part.substr(dash + 1));
  if (last < first)
    throw std::invalid_argument(fmt::format("a range of sizes goes up, got \"{}\"", part));
  const double end = static_cast<double>(last.count()) * kPastTheEnd;
  for (sim::Bytes size = first; static_cast<double>(size.count()) <= end; size = size * factor)
    add(sizes, size);
}

}  // namespace

std::vector<sim::Bytes> parse_sizes(std::string_view text, std::int64_t factor) {
  if (factor < 2)
    throw std::invalid_argument(fmt::format("the factor must be at least 2, got {}", factor));
  std::vector<sim::Bytes> sizes;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    add_part(sizes, text.substr(at, comma - at), factor);
    at = comma + 1;
  }
  return sizes;
}

}  // namespace rigsim::cli
