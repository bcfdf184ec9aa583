#include "configs/quantity_parser.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <type_traits>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

enum class Dimension { kBytes, kBandwidth, kRate, kPower, kEnergy, kTime, kFrequency, kMoney };

struct Unit {
  std::string_view text;
  Dimension dimension;
  double scale;         ///< base units per unit
  bool written = true;  ///< to_text may use it
};

// Base units: B, B/s, FLOP/s, W, J, ps, Hz, USD. Written units go from large to small within a
// dimension.
constexpr double kKi = 1024.0;
constexpr std::array kUnits = {
    Unit{"TiB", Dimension::kBytes, kKi* kKi* kKi* kKi},
    Unit{"GiB", Dimension::kBytes, kKi* kKi* kKi},
    Unit{"MiB", Dimension::kBytes, kKi* kKi},
    Unit{"KiB", Dimension::kBytes, kKi},
    Unit{"PB", Dimension::kBytes, 1e15},
    Unit{"TB", Dimension::kBytes, 1e12},
    Unit{"GB", Dimension::kBytes, 1e9},
    Unit{"MB", Dimension::kBytes, 1e6},
    Unit{"kB", Dimension::kBytes, 1e3},
    Unit{"B", Dimension::kBytes, 1},
    Unit{"TiB/s", Dimension::kBandwidth, kKi* kKi* kKi* kKi, false},
    Unit{"GiB/s", Dimension::kBandwidth, kKi* kKi* kKi, false},
    Unit{"MiB/s", Dimension::kBandwidth, kKi* kKi, false},
    Unit{"KiB/s", Dimension::kBandwidth, kKi, false},
    Unit{"TB/s", Dimension::kBandwidth, 1e12, false},
    Unit{"GB/s", Dimension::kBandwidth, 1e9},
    Unit{"MB/s", Dimension::kBandwidth, 1e6},
    Unit{"kB/s", Dimension::kBandwidth, 1e3},
    Unit{"B/s", Dimension::kBandwidth, 1},
    Unit{"PFLOPS", Dimension::kRate, 1e15, false},
    Unit{"TFLOPS", Dimension::kRate, 1e12},
    Unit{"GFLOPS", Dimension::kRate, 1e9},
    Unit{"MFLOPS", Dimension::kRate, 1e6, false},
    Unit{"FLOPS", Dimension::kRate, 1},
    Unit{"PFLOP/s", Dimension::kRate, 1e15, false},
    Unit{"TFLOP/s", Dimension::kRate, 1e12, false},
    Unit{"GFLOP/s", Dimension::kRate, 1e9, false},
    Unit{"POPS", Dimension::kRate, 1e15, false},
    Unit{"TOPS", Dimension::kRate, 1e12, false},
    Unit{"GOPS", Dimension::kRate, 1e9, false},
    Unit{"kW", Dimension::kPower, 1e3, false},
    Unit{"W", Dimension::kPower, 1},
    Unit{"mW", Dimension::kPower, 1e-3, false},
    Unit{"kWh", Dimension::kEnergy, 3.6e6, false},
    Unit{"Wh", Dimension::kEnergy, 3.6e3, false},
    Unit{"MJ", Dimension::kEnergy, 1e6, false},
    Unit{"kJ", Dimension::kEnergy, 1e3, false},
    Unit{"J", Dimension::kEnergy, 1},
    Unit{"mJ", Dimension::kEnergy, 1e-3, false},
    Unit{"h", Dimension::kTime, 3.6e15, false},
    Unit{"min", Dimension::kTime, 6e13, false},
    Unit{"s", Dimension::kTime, 1e12},
    Unit{"ms", Dimension::kTime, 1e9},
    Unit{"us", Dimension::kTime, 1e6},
    Unit{"\xc2\xb5s", Dimension::kTime, 1e6, false},
    Unit{"\xce\xbcs", Dimension::kTime, 1e6, false},
    Unit{"ns", Dimension::kTime, 1e3},
    Unit{"ps", Dimension::kTime, 1},
    Unit{"GHz", Dimension::kFrequency, 1e9, false},
    Unit{"MHz", Dimension::kFrequency, 1e6},
    Unit{"kHz", Dimension::kFrequency, 1e3, false},
    Unit{"Hz", Dimension::kFrequency, 1},
    Unit{"USD", Dimension::kMoney, 1},
};

struct DimensionFacts {
  std::string_view noun;     ///< "a bandwidth"
  std::string_view allowed;  ///< units worth naming
  std::string_view example;
  double most;  ///< in base units
  std::string_view most_text;
};

DimensionFacts facts(Dimension dimension) {
  switch (dimension) {
    case Dimension::kBytes:
      return {"a size", "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB", "24 GiB", 1125899906842624.0,
              "1024 TiB"};
    case Dimension::kBandwidth:
      return {"a bandwidth", "B/s, kB/s, MB/s, GB/s, TB/s, MiB/s, GiB/s", "1008 GB/s", 1e15,
              "1000 TB/s"};
    case Dimension::kRate:
      return {"a compute rate", "GFLOPS, TFLOPS, PFLOPS, TOPS", "165.2 TFLOPS", 1e21,
              "1000000 PFLOPS"};
    case Dimension::kPower:
      return {"a power", "mW, W, kW", "450 W", 1e6, "1000 kW"};
    case Dimension::kEnergy:
      return {"an energy", "J, kJ, MJ, Wh, kWh", "1.5 kJ", 1e15, "1e9 MJ"};
    case Dimension::kTime:
      return {"a duration", "ps, ns, us, ms, s, min, h", "11 us", 9.2e18, "106 days"};
    case Dimension::kFrequency:
      return {"a frequency", "Hz, kHz, MHz, GHz", "2520 MHz", 1e12, "1000 GHz"};
    case Dimension::kMoney:
      return {"an amount of money", "USD", "350 USD", 1e9, "1e9 USD"};
  }
  throw std::logic_error("unknown dimension");
}

template <class T>
constexpr Dimension dimension_of() {
  if constexpr (std::is_same_v<T, sim::Bytes>) return Dimension::kBytes;
  if constexpr (std::is_same_v<T, sim::Bandwidth>) return Dimension::kBandwidth;
  if constexpr (std::is_same_v<T, sim::FlopRate>) return Dimension::kRate;
  if constexpr (std::is_same_v<T, sim::Watts>) return Dimension::kPower;
  if constexpr (std::is_same_v<T, sim::Joules>) return Dimension::kEnergy;
  if constexpr (std::is_same_v<T, sim::Duration>) return Dimension::kTime;
  if constexpr (std::is_same_v<T, Hertz>) return Dimension::kFrequency;
  return Dimension::kMoney;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

const Unit* find_unit(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (unit.text == text) return &unit;
  }
  return nullptr;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// "Gb/s", "Gbit/s", "Gbps": bits, of which a link's data sheet is full. A lower-case "gb/s" may
/// mean either.
bool means_bits(std::string_view unit) {
  const bool prefixed = unit.size() > 1 && std::string_view("kKMGT").find(unit[0]) != unit.npos;
  const bool short_form =
      unit == "b/s" || (prefixed && (unit.substr(1) == "b/s" || unit.substr(1) == "b"));
  return short_form || unit.ends_with("bit/s") || unit.ends_with("bits/s") ||
         unit.ends_with("bps") || unit.ends_with("bit");
}

std::string unit_hint(std::string_view unit, Dimension wanted) {
  if (means_bits(unit)) return "that is bits, 8 to the byte; give bytes";
  if (unit == "KB") return "write kB (1000 bytes) or KiB (1024 bytes)";
  for (const Unit& known : kUnits) {
    const bool spelled =
        lower(known.text) == lower(unit) ||
        (unit.ends_with("Bps") && known.text.ends_with("B/s") &&
         known.text.substr(0, known.text.size() - 3) == unit.substr(0, unit.size() - 3));
    if (known.dimension == wanted && spelled) return fmt::format("did you mean {}?", known.text);
  }
  return {};
}

[[noreturn]] void refuse(std::string_view text, Dimension wanted, std::string_view why) {
  const DimensionFacts dimension = facts(wanted);
  throw std::invalid_argument(fmt::format("expected {} such as \"{}\", got {}{}{}", dimension.noun,
                                          dimension.example, in_quotes(text),
                                          why.empty() ? "" : ": ", why));
}

const Unit& unit_of(std::string_view unit, std::string_view text, Dimension wanted) {
  const std::string allowed = fmt::format("allowed are {}", facts(wanted).allowed);
  if (unit.empty()) refuse(text, wanted, "the unit is missing; " + allowed);
  const Unit* found = find_unit(unit);
  if (found != nullptr && found->dimension == wanted) return *found;
  if (found != nullptr) {
    refuse(text, wanted,
           fmt::format("{} is the unit of {}; {}", unit, facts(found->dimension).noun, allowed));
  }
  const std::string hint = unit_hint(unit, wanted);
  refuse(text, wanted,
         fmt::format("unknown unit {}; {}{}", in_quotes(unit), hint.empty() ? "" : hint + "; ",
                     allowed));
}

struct Parts {
  std::string_view number;
  std::string_view unit;
};

/// Splits "24 GiB" after the number. The exponent's e belongs to the number only before a digit.
Parts split(std::string_view text) {
  std::size_t at = 0;
  const auto digit = [&](std::size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  while (digit(at) || (at < text.size() && text[at] == '.')) ++at;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const std::size_t sign =
        at + 1 < text.size() && (text[at + 1] == '-' || text[at + 1] == '+') ? 2 : 1;
    if (digit(at + sign)) {
      at += sign;
      while (digit(at)) ++at;
    }
  }
  return {text.substr(0, at), trimmed(text.substr(at))};
}

/// A finite decimal number, digits on both sides of a point; none: it is not one.
std::optional<double> decimal(std::string_view text) {
  std::string_view digits = text;
  if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) digits.remove_prefix(1);
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  const std::size_t point = digits.find('.');
  if (point != std::string_view::npos &&
      (point + 1 >= digits.size() || digits[point + 1] < '0' || digits[point + 1] > '9')) {
    return std::nullopt;
  }
  if (text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<double>::infinity();
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void check_range(double value, std::string_view text, Dimension wanted, Zero zero) {
  const DimensionFacts dimension = facts(wanted);
  if (zero == Zero::kRefused && !(value > 0)) {
    throw std::invalid_argument(fmt::format("must be > 0, got {}", in_quotes(text)));
  }
  if (!(value >= 0))
    throw std::invalid_argument(fmt::format("must be >= 0, got {}", in_quotes(text)));
  if (!(value <= dimension.most)) {
    throw std::invalid_argument(
        fmt::format("must be at most {}, got {}", dimension.most_text, in_quotes(text)));
  }
}

/// Exact for whole numbers of units; below the range checks' limits the product fits 64 bits.
std::int64_t whole_amount(std::string_view number, double value, const Unit& unit) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), whole);
  if (error == std::errc() && end == number.data() + number.size()) {
    return whole * static_cast<std::int64_t>(unit.scale);
  }
  return static_cast<std::int64_t>(std::llround(value * unit.scale));
}

template <class T>
T make(std::string_view number, double value, const Unit& unit) {
  if constexpr (std::is_same_v<T, sim::Bytes> || std::is_same_v<T, sim::Duration>) {
    return T(whole_amount(number, value, unit));
  } else {
    return T(value * unit.scale);
  }
}

/// Tries the units from large to small; the first that comes back exactly with few digits wins.
template <class T, class Rep>
std::string shortest_text(T value, Rep count) {
  std::string best;
  for (const Unit& unit : kUnits) {
    if (unit.dimension != dimension_of<T>() || !unit.written) continue;
    const double amount = static_cast<double>(count) / unit.scale;
    const std::string number = amount == std::floor(amount) && amount < 1e15
                                   ? fmt::format("{:.0f}", amount)
                                   : fmt::format("{}", amount);
    const std::string text = fmt::format("{} {}", number, unit.text);
    if (parse_quantity<T>(text, Zero::kAllowed) != value) continue;
    if (best.empty() || text.size() < best.size()) best = text;
  }
  if (best.empty()) throw std::logic_error("quantity without a text form");
  return best;
}

}  // namespace

template <class T>
T parse_quantity(std::string_view text, Zero zero) {
  constexpr Dimension kWanted = dimension_of<T>();
  const Parts parts = split(trimmed(text));
  const std::optional<double> value = decimal(parts.number);
  if (!value) refuse(text, kWanted, {});
  const Unit& unit = unit_of(parts.unit, text, kWanted);
  check_range(*value * unit.scale, text, kWanted, zero);
  return make<T>(parts.number, *value, unit);
}

template sim::Bytes parse_quantity<sim::Bytes>(std::string_view, Zero);
template sim::Bandwidth parse_quantity<sim::Bandwidth>(std::string_view, Zero);
template sim::FlopRate parse_quantity<sim::FlopRate>(std::string_view, Zero);
template sim::Watts parse_quantity<sim::Watts>(std::string_view, Zero);
template sim::Joules parse_quantity<sim::Joules>(std::string_view, Zero);
template sim::Duration parse_quantity<sim::Duration>(std::string_view, Zero);
template Hertz parse_quantity<Hertz>(std::string_view, Zero);
template Dollars parse_quantity<Dollars>(std::string_view, Zero);

std::string to_text(sim::Bytes value) { return shortest_text(value, value.count()); }
std::string to_text(sim::Bandwidth value) { return shortest_text(value, value.count()); }
std::string to_text(sim::FlopRate value) { return shortest_text(value, value.count()); }
std::string to_text(sim::Watts value) { return shortest_text(value, value.count()); }
std::string to_text(sim::Joules value) { return shortest_text(value, value.count()); }
std::string to_text(sim::Duration value) { return shortest_text(value, value.count()); }
std::string to_text(Hertz value) { return shortest_text(value, value.count()); }
std::string to_text(Dollars value) { return shortest_text(value, value.count()); }

std::int64_t parse_count(std::string_view text) {
  std::int64_t value = 0;
  const bool digits =
      !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (digits && error == std::errc() && end == text.data() + text.size()) return value;
  throw std::invalid_argument(fmt::format("expected a whole number >= 0 in digits{}, got {}",
                                          digits ? " below 2^63" : "", in_quotes(text)));
}

double parse_number(std::string_view text) {
  const std::optional<double> value = decimal(text);
  if (value && std::isfinite(*value)) return *value;
  throw std::invalid_argument(fmt::format("expected a number, got {}", in_quotes(text)));
}

}  // namespace rigsim::configs
