#include "configs/count_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "configs/config_error.h"
#include "configs/quantity_parser.h"

namespace rigsim::configs {
namespace {

class IncreasingList {
 public:
  IncreasingList(std::int64_t least, std::int64_t most) : least_(least), most_(most) {}

  void add(std::string_view part) {
    const std::size_t dash = part.find('-');
    const std::int64_t first = number(part.substr(0, dash));
    push(first);
    if (dash == std::string_view::npos) return;
    const std::int64_t last = number(part.substr(dash + 1));
    if (last < first)
      throw std::invalid_argument(fmt::format("the range {} runs backwards", in_quotes(part)));
    for (std::int64_t next = first; next < last;) {
      next = next > last / 2 ? last : next * 2;
      push(next);
    }
  }
  [[nodiscard]] std::vector<std::int64_t> numbers() && { return std::move(numbers_); }

 private:
  [[nodiscard]] std::int64_t number(std::string_view text) const {
    const std::int64_t value = parse_count(text);
    if (value < least_ || value > most_) {
      throw std::invalid_argument(
          fmt::format("must be {} to {}, got {}", least_, most_, in_quotes(text)));
    }
    return value;
  }
  void push(std::int64_t value) {
    if (!numbers_.empty() && value <= numbers_.back()) {
      throw std::invalid_argument(
          fmt::format("numbers must increase, got {} behind {}", value, numbers_.back()));
    }
    numbers_.push_back(value);
  }

  std::int64_t least_;
  std::int64_t most_;
  std::vector<std::int64_t> numbers_;
};

}  // namespace

std::vector<std::int64_t> parse_increasing(std::string_view text, std::int64_t least,
                                           std::int64_t most) {
  IncreasingList list(least, most);
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    list.add(text.substr(at, end - at));
    at = end + 1;
  }
  return std::move(list).numbers();
}

}  // namespace rigsim::configs
