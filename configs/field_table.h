#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "configs/yaml_reader.h"
#include "configs/yaml_writer.h"
#include "sim/units.h"

namespace rigsim::configs {

/// What a number of a field may be. kMicroseconds: >= 0 and written with its unit ("3.4 us").
enum class Range { kNotNegative, kPositive, kShare, kMicroseconds };

/// One key of a map and the member of S that it fills.
template <class S>
struct Field {
  using Member = std::variant<double S::*, int S::*, std::int64_t S::*, bool S::*, sim::Bytes S::*,
                              std::optional<double> S::*, std::optional<std::int64_t> S::*,
                              std::vector<std::string> S::*>;
  std::string_view key;
  Member member;
  Range range = Range::kNotNegative;
};

/// A number within `range`. Throws ConfigError otherwise.
[[nodiscard]] double read_number(const ValueReader& value, Range range);

/// Writes `number` with five significant digits.
void write_number(YamlWriter& out, std::string_view key, double number, Range range);

namespace detail {

inline void read_into(const ValueReader& value, Range range, double& into) {
  into = read_number(value, range);
}
inline void read_into(const ValueReader& value, Range, int& into) { into = value.as<int>(); }
inline void read_into(const ValueReader& value, Range, std::int64_t& into) {
  into = value.as<std::int64_t>();
}
inline void read_into(const ValueReader& value, Range, bool& into) { into = value.as<bool>(); }
inline void read_into(const ValueReader& value, Range, sim::Bytes& into) {
  into = value.as<sim::Bytes>(Zero::kAllowed);
}
inline void read_into(const ValueReader& value, Range, std::vector<std::string>& into) {
  into.clear();
  for (const ValueReader& item : value.items()) into.push_back(item.as<std::string>());
}
template <class T>
void read_into(const ValueReader& value, Range range, std::optional<T>& into) {
  read_into(value, range, into.emplace());
}

}  // namespace detail

/// Reads the fields that `map` has; the others keep what `into` holds. Throws ConfigError.
template <class S>
void read_fields(ObjectReader& map, std::span<const Field<S>> fields, S& into) {
  for (const Field<S>& field : fields) {
    const auto value = map.optional_value(field.key);
    if (!value) continue;
    std::visit([&](auto member) { detail::read_into(*value, field.range, into.*member); },
               field.member);
  }
}

/// As read_fields, where each field must be there.
template <class S>
void read_all_fields(ObjectReader& map, std::span<const Field<S>> fields, S& into) {
  for (const Field<S>& field : fields) (void)map.value(field.key);
  read_fields(map, fields, into);
}

/// Writes the fields that are numbers or counts, in order.
template <class S>
void write_fields(YamlWriter& out, std::span<const Field<S>> fields, const S& from) {
  for (const Field<S>& field : fields) {
    if (const auto* number = std::get_if<double S::*>(&field.member)) {
      write_number(out, field.key, from.**number, field.range);
    } else if (const auto* count = std::get_if<int S::*>(&field.member)) {
      out.value(field.key, from.**count);
    } else {
      throw std::logic_error(fmt::format("field {} cannot be written", field.key));
    }
  }
}

}  // namespace rigsim::configs
