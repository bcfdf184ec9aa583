#include "configs/engine_fit.h"

#include <fmt/format.h>

#include <utility>

#include "configs/engine_fields.h"

namespace rigsim::configs {
namespace {

using workloads::BackendProfile;
using workloads::DeviceFit;
using workloads::FormatFit;

constexpr std::string_view kDefault = "default";  // in a file, "" in a profile

template <class S, std::size_t N>
S read_map(const ValueReader& value, const std::array<Field<S>, N>& fields) {
  S out;
  ObjectReader map = value.object();
  read_all_fields(map, std::span<const Field<S>>(fields), out);
  map.finish();
  return out;
}

template <class S, std::size_t N>
std::map<std::string, S> read_named(const ValueReader& value,
                                    const std::array<Field<S>, N>& fields) {
  std::map<std::string, S> out;
  ObjectReader map = value.object();
  for (const YamlKey& key : value.node().keys) {
    const std::string name = key.text == kDefault ? std::string() : key.text;
    out[name] = read_map(map.value(key.text), fields);
  }
  if (!out.contains("")) value.fail(fmt::format("the key \"{}\" is missing", kDefault));
  return out;
}

template <class S>
void read_constants(const ValueReader& value, S& into) {
  static constexpr auto kFields = constant_fields<S>();
  ObjectReader map = value.object();
  read_all_fields(map, std::span<const Field<S>>(kFields), into);
  map.finish();
}

ResidualRecord read_residual(ObjectReader& of, std::string_view phase) {
  const auto value = of.optional_value(phase);
  if (!value) return {};
  ResidualRecord out;
  ObjectReader map = value->object();
  out.rows = map.count("rows", 1);
  out.median = read_number(map.value("median"), Range::kNotNegative);
  out.p90 = read_number(map.value("p90"), Range::kNotNegative);
  out.bias = map.required<double>("bias");
  map.finish();
  return out;
}

PhaseResiduals read_residuals(const ValueReader& value) {
  ObjectReader map = value.object();
  PhaseResiduals out;
  out.decode = read_residual(map, "decode");
  out.prefill = read_residual(map, "prefill");
  map.finish();
  return out;
}

LeftOutFit read_left_out(const ValueReader& value) {
  LeftOutFit out;
  ObjectReader map = value.object();
  read_constants(map.value("constants"), out);
  out.formats = read_named(map.value("formats"), kFormatFields);
  out.family = read_map(map.value("family"), kDeviceFields);
  if (const auto residuals = map.optional_value("residuals")) {
    out.residuals = read_residuals(*residuals);
  }
  map.finish();
  return out;
}

template <class T, class Read>
std::map<std::string, T> read_by_device(ObjectReader& fit, std::string_view key, Read&& read) {
  std::map<std::string, T> out;
  const auto value = fit.optional_value(key);
  if (!value) return out;
  ObjectReader map = value->object();
  for (const YamlKey& device : value->node().keys) out[device.text] = read(map.value(device.text));
  return out;
}

void read_bands(const ValueReader& value, BackendProfile& backend) {
  ObjectReader map = value.object();
  backend.decode_band = read_map(map.value("decode"), kBandFields);
  backend.prefill_band = read_map(map.value("prefill"), kBandFields);
  map.finish();
}

template <class S, std::size_t N>
void write_named(YamlWriter& out, std::string_view key, const std::map<std::string, S>& values,
                 const std::array<Field<S>, N>& fields) {
  out.begin_map(key);
  for (const auto& [name, value] : values) {
    out.begin_map(name.empty() ? kDefault : std::string_view(name));
    write_fields(out, std::span<const Field<S>>(fields), value);
    out.end();
  }
  out.end();
}

template <class S>
void write_constants(YamlWriter& out, const S& from) {
  static constexpr auto kFields = constant_fields<S>();
  out.begin_map("constants");
  write_fields(out, std::span<const Field<S>>(kFields), from);
  out.end();
}

void write_residual(YamlWriter& out, std::string_view phase, const ResidualRecord& record) {
  if (record.rows == 0) return;
  out.begin_map(phase);
  out.value("rows", record.rows);
  write_number(out, "median", record.median, Range::kNotNegative);
  write_number(out, "p90", record.p90, Range::kNotNegative);
  write_number(out, "bias", record.bias, Range::kNotNegative);
  out.end();
}

void write_residuals(YamlWriter& out, std::string_view key, const PhaseResiduals& residuals) {
  if (residuals.decode.rows == 0 && residuals.prefill.rows == 0) return;
  out.begin_map(key);
  write_residual(out, "decode", residuals.decode);
  write_residual(out, "prefill", residuals.prefill);
  out.end();
}

void write_bands(YamlWriter& out, const BackendProfile& backend) {
  const std::span<const Field<workloads::ErrorBand>> fields(kBandFields);
  out.begin_map("bands");
  out.begin_map("decode");
  write_fields(out, fields, backend.decode_band);
  out.end();
  out.begin_map("prefill");
  write_fields(out, fields, backend.prefill_band);
  out.end();
  out.end();
}

void write_left_out(YamlWriter& out, const LeftOutFits& fits) {
  if (fits.empty()) return;
  out.begin_map("left_out");
  for (const auto& [device, fit] : fits) {
    out.begin_map(device);
    write_constants(out, fit);
    write_named(out, "formats", fit.formats, kFormatFields);
    out.begin_map("family");
    write_fields(out, std::span<const Field<DeviceFit>>(kDeviceFields), fit.family);
    out.end();
    write_residuals(out, "residuals", fit.residuals);
    out.end();
  }
  out.end();
}

template <class Map>
typename Map::mapped_type of_backend(const Map& map, workloads::Backend backend) {
  const auto found = map.find(backend);
  return found == map.end() ? typename Map::mapped_type{} : found->second;
}

void write_backend(YamlWriter& out, const BackendProfile& backend, const EngineFile& engine) {
  out.begin_map(to_string(backend.backend));
  out.value("data", of_backend(engine.data, backend.backend));
  write_constants(out, backend);
  write_named(out, "formats", backend.formats, kFormatFields);
  write_named(out, "families", backend.families, kDeviceFields);
  if (!backend.devices.empty()) write_named(out, "devices", backend.devices, kDeviceFields);
  write_bands(out, backend);
  const DeviceResiduals residuals = of_backend(engine.residuals, backend.backend);
  if (!residuals.empty()) {
    out.begin_map("residuals");
    for (const auto& [device, phases] : residuals) write_residuals(out, device, phases);
    out.end();
  }
  write_left_out(out, of_backend(engine.left_out, backend.backend));
  out.end();
}

}  // namespace

void read_backend_fit(const ValueReader& value, BackendProfile& backend, EngineFile& engine) {
  ObjectReader map = value.object();
  engine.data[backend.backend] = map.required<std::string>("data");
  read_constants(map.value("constants"), backend);
  backend.formats = read_named(map.value("formats"), kFormatFields);
  backend.families = read_named(map.value("families"), kDeviceFields);
  backend.devices = read_by_device<DeviceFit>(
      map, "devices", [](const ValueReader& device) { return read_map(device, kDeviceFields); });
  read_bands(map.value("bands"), backend);
  engine.residuals[backend.backend] =
      read_by_device<PhaseResiduals>(map, "residuals", read_residuals);
  engine.left_out[backend.backend] = read_by_device<LeftOutFit>(map, "left_out", read_left_out);
  map.finish();
}

std::string to_yaml_fit(const EngineFile& engine) {
  YamlWriter out;
  out.value("engine", engine.profile.name);
  out.begin_map("backends");
  for (const BackendProfile& backend : engine.profile.backends) {
    write_backend(out, backend, engine);
  }
  out.end();
  return fmt::format(
             "# Numbers of the engine profile {} fitted to measurements; written by calibration, "
             "not by "
             "hand.\n# Efficiencies are relative to the datasheet, bands are relative half-widths "
             "of 90 % "
             "bands, residuals are\n# predicted / measured - 1. left_out: refitted without the "
             "device, "
             "which its family then predicts.\n",
             engine.profile.name) +
         out.text();
}

workloads::BackendProfile without_device(const BackendProfile& profile, const std::string& device,
                                         const LeftOutFit& fit) {
  BackendProfile out = profile;
  out.devices.erase(device);
  out.formats = fit.formats;
  out.families = {{"", fit.family}};
  out.kernel_latency_us = fit.kernel_latency_us;
  out.attention_cycles = fit.attention_cycles;
  out.boundary_sync_us = fit.boundary_sync_us;
  out.attention_gemm_ratio = fit.attention_gemm_ratio;
  return out;
}

LeftOutFit left_out_fit(const BackendProfile& refitted, const std::string& family) {
  auto found = refitted.families.find(family);
  if (found == refitted.families.end()) found = refitted.families.find("");
  if (found == refitted.families.end()) {
    throw std::invalid_argument(fmt::format("no fit of the family {} and no default", family));
  }
  return {refitted.formats,
          found->second,
          refitted.kernel_latency_us,
          refitted.attention_cycles,
          refitted.boundary_sync_us,
          refitted.attention_gemm_ratio,
          {}};
}

}  // namespace rigsim::configs
