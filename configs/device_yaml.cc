#include "configs/device_yaml.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace rigsim::configs {
namespace {

using topology::Device;
using topology::DeviceKind;
using topology::PeakRates;
using topology::PeerLinkKind;

using Rate = std::optional<sim::FlopRate> PeakRates::*;
constexpr std::array<std::pair<std::string_view, Rate>, 9> kRates = {{
    {"fp16_tensor_fp32acc", &PeakRates::fp16_tensor_fp32acc},
    {"fp16_tensor_fp16acc", &PeakRates::fp16_tensor_fp16acc},
    {"bf16_tensor", &PeakRates::bf16_tensor},
    {"int8", &PeakRates::int8},
    {"fp8_fp32acc", &PeakRates::fp8_fp32acc},
    {"fp8_fp16acc", &PeakRates::fp8_fp16acc},
    {"fp4", &PeakRates::fp4},
    {"fp32", &PeakRates::fp32},
    {"fp16_nontensor", &PeakRates::fp16_nontensor},
}};

constexpr std::array<std::pair<std::string_view, DeviceKind>, 3> kKinds = {
    {{"gpu", DeviceKind::kGpu}, {"apple", DeviceKind::kAppleSoc}, {"cpu", DeviceKind::kCpu}}};
constexpr std::array<std::pair<std::string_view, PeerLinkKind>, 5> kLinks = {
    {{"none", PeerLinkKind::kNone},
     {"nvlink-bridge", PeerLinkKind::kNvlinkBridge},
     {"nvlink-switch", PeerLinkKind::kNvlinkSwitch},
     {"xgmi", PeerLinkKind::kXgmi},
     {"nvlink-mesh", PeerLinkKind::kNvlinkMesh}}};

template <class E, std::size_t N>
std::string_view name_of(const std::array<std::pair<std::string_view, E>, N>& names, E value) {
  for (const auto& [name, candidate] : names) {
    if (candidate == value) return name;
  }
  throw std::logic_error("a choice without a name");
}

PeakRates read_peak(const ValueReader& value) {
  PeakRates peak;
  ObjectReader map = value.object();
  bool any = false;
  for (const auto& [key, member] : kRates) {
    peak.*member = map.optional<sim::FlopRate>(key);
    any = any || (peak.*member).has_value();
  }
  map.finish();
  if (!any) value.fail("at least one rate is needed, such as \"fp32: 35.6 TFLOPS\"");
  return peak;
}

void read_pcie(const ValueReader& value, Device& device) {
  ObjectReader map = value.object();
  device.pcie_gen = map.count("generation", 1, 7);
  device.pcie_lanes = map.count("lanes", 1, 16);
  device.pcie_p2p = map.value_or("p2p", false);
  map.finish();
}

topology::PeerLink read_peer_link(const ValueReader& value) {
  topology::PeerLink link;
  ObjectReader map = value.object();
  link.kind = map.value("kind").choice<PeerLinkKind>(
      {kLinks[0], kLinks[1], kLinks[2], kLinks[3], kLinks[4]});
  if (link.kind != PeerLinkKind::kNone) {
    link.per_direction = map.required<sim::Bandwidth>("per_direction");
  }
  map.finish();
  return link;
}

std::optional<double> read_fraction(ObjectReader& entry, std::string_view key) {
  const auto value = entry.optional_value(key);
  if (!value) return std::nullopt;
  const double fraction = value->as<double>();
  if (!(fraction > 0 && fraction <= 1)) {
    value->fail(fmt::format("must be above 0 and at most 1, got {}", fraction));
  }
  return fraction;
}

double read_slowdown(ObjectReader& entry) {
  const auto value = entry.optional_value("compute_slowdown_under_copy");
  if (!value) return 0;
  const double slowdown = value->as<double>();
  if (!(slowdown >= 0 && slowdown < 1)) {
    value->fail(fmt::format("must be at least 0 and below 1, got {}", slowdown));
  }
  return slowdown;
}

void read_prices(ObjectReader& entry, Device& device) {
  if (entry.has("launch_year")) device.launch_year = entry.count("launch_year", 1990, 2100);
  if (const auto price = entry.optional<Dollars>("launch_price")) {
    device.launch_price_usd = price->count();
  }
  const auto street = entry.optional_value("street_price_2025");
  if (!street) return;
  ObjectReader range = street->object();
  const auto low = range.required<Dollars>("low");
  const auto high = range.required<Dollars>("high");
  range.finish();
  if (high < low) street->fail("high must not be below low");
  device.street_price_low_usd = low.count();
  device.street_price_high_usd = high.count();
}

void read_memory(ObjectReader& entry, Device& device) {
  device.memory = entry.required<sim::Bytes>("memory");
  device.memory_reported = entry.optional<sim::Bytes>("memory_reported");
  device.usable_memory_fraction = read_fraction(entry, "usable_memory_fraction");
  device.unified_memory = entry.value_or("unified_memory", device.kind == DeviceKind::kAppleSoc);
  device.memory_bandwidth = entry.required<sim::Bandwidth>("memory_bandwidth");
  device.l2 = entry.optional<sim::Bytes>("l2");
  device.last_level_cache = entry.optional<sim::Bytes>("last_level_cache");
}

void write_money(YamlWriter& out, std::string_view key, double usd) {
  out.value(key, to_text(Dollars(usd)));
}

void write_prices(YamlWriter& out, const Device& device) {
  if (device.launch_year) out.value("launch_year", *device.launch_year);
  if (device.launch_price_usd) write_money(out, "launch_price", *device.launch_price_usd);
  if (!device.street_price_low_usd || !device.street_price_high_usd) return;
  out.begin_map("street_price_2025");
  write_money(out, "low", *device.street_price_low_usd);
  write_money(out, "high", *device.street_price_high_usd);
  out.end();
}

void write_memory(YamlWriter& out, const Device& device) {
  out.value("memory", to_text(device.memory));
  if (device.memory_reported) out.value("memory_reported", to_text(*device.memory_reported));
  if (device.usable_memory_fraction) {
    out.value("usable_memory_fraction", *device.usable_memory_fraction);
  }
  out.value("unified_memory", device.unified_memory);
  out.value("memory_bandwidth", to_text(device.memory_bandwidth));
  if (device.l2) out.value("l2", to_text(*device.l2));
  if (device.last_level_cache) out.value("last_level_cache", to_text(*device.last_level_cache));
}

void write_links(YamlWriter& out, const Device& device) {
  if (device.pcie_gen > 0) {
    out.begin_map("pcie");
    out.value("generation", device.pcie_gen);
    out.value("lanes", device.pcie_lanes);
    out.value("p2p", device.pcie_p2p);
    out.end();
  }
  if (device.peer_link.kind == PeerLinkKind::kNone) return;
  out.begin_map("peer_link");
  out.value("kind", name_of(kLinks, device.peer_link.kind));
  out.value("per_direction", to_text(device.peer_link.per_direction));
  out.end();
}

}  // namespace

Device read_device(ObjectReader& entry) {
  Device device;
  device.name = entry.required<std::string>("name");
  device.title = entry.value_or<std::string>("title", device.name);
  device.kind = entry.value("kind").choice<DeviceKind>({kKinds[0], kKinds[1], kKinds[2]});
  device.vendor = entry.value_or<std::string>("vendor", {});
  device.architecture = entry.value_or<std::string>("architecture", {});
  device.chip = entry.value_or<std::string>("chip", {});
  read_memory(entry, device);
  device.sm_count = entry.count("sm_count", 1);
  if (entry.has("fp32_lanes")) device.fp32_lanes = entry.count("fp32_lanes", 1);
  device.boost_hz = entry.required<Hertz>("boost_clock").count();
  device.peak = read_peak(entry.value("peak"));
  device.tdp = entry.required<sim::Watts>("tdp");
  if (const auto pcie = entry.optional_value("pcie")) read_pcie(*pcie, device);
  if (const auto link = entry.optional_value("peer_link")) device.peer_link = read_peer_link(*link);
  device.compute_slowdown_under_copy = read_slowdown(entry);
  read_prices(entry, device);
  return device;
}

void write_device(YamlWriter& out, const Device& device) {
  out.value("name", device.name);
  out.value("title", device.title);
  out.value("kind", name_of(kKinds, device.kind));
  if (!device.vendor.empty()) out.value("vendor", device.vendor);
  if (!device.architecture.empty()) out.value("architecture", device.architecture);
  if (!device.chip.empty()) out.value("chip", device.chip);
  write_memory(out, device);
  out.value("sm_count", device.sm_count);
  if (device.fp32_lanes) out.value("fp32_lanes", *device.fp32_lanes);
  out.value("boost_clock", to_text(Hertz(device.boost_hz)));
  out.begin_map("peak");
  for (const auto& [key, member] : kRates) {
    if (device.peak.*member) out.value(key, to_text(*(device.peak.*member)));
  }
  out.end();
  out.value("tdp", to_text(device.tdp));
  write_links(out, device);
  if (device.compute_slowdown_under_copy > 0) {
    out.value("compute_slowdown_under_copy", device.compute_slowdown_under_copy);
  }
  write_prices(out, device);
}

}  // namespace rigsim::configs
