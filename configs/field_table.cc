#include "configs/field_table.h"

namespace rigsim::configs {
namespace {

constexpr double kPicosecondsPerMicrosecond = 1e6;

}  // namespace

double read_number(const ValueReader& value, Range range) {
  if (range == Range::kMicroseconds) {
    const auto duration = value.as<sim::Duration>(Zero::kAllowed);
    return static_cast<double>(duration.count()) / kPicosecondsPerMicrosecond;
  }
  const double number = value.as<double>();
  if (number < 0) value.fail(fmt::format("must be >= 0, got {}", number));
  if (range == Range::kPositive && number == 0) value.fail("must be > 0, got 0");
  if (range == Range::kShare && !(number > 0 && number <= 1)) {
    value.fail(fmt::format("must be above 0 and at most 1, got {}", number));
  }
  return number;
}

void write_number(YamlWriter& out, std::string_view key, double number, Range range) {
  const std::string rounded = fmt::format("{:.5g}", number);
  if (range == Range::kMicroseconds) {
    out.value(key, rounded + " us");
  } else {
    out.value(key, std::stod(rounded));
  }
}

}  // namespace rigsim::configs
