#include "cli/catalog_listing.h"

#include <fmt/format.h>

#include <map>

#include "workloads/tensor.h"

namespace rigsim::cli {
namespace {

using configs::Entry;

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

std::string gib(sim::Bytes bytes) {
  return fmt::format("{:.4g} GiB", static_cast<double>(bytes.count()) / kGib);
}

std::string teraflops(const topology::PeakRates& peak) {
  for (const auto& rate : {peak.fp16_tensor_fp32acc, peak.bf16_tensor, peak.fp16_nontensor}) {
    if (rate) return fmt::format("{:.4g}", rate->count() / 1e12);
  }
  return {};
}

std::string street_price(const topology::Device& device) {
  if (!device.street_price_low_usd || !device.street_price_high_usd) return {};
  return fmt::format("{:.0f}-{:.0f}", *device.street_price_low_usd, *device.street_price_high_usd);
}

std::string fact(const configs::About& about, std::string_view key) {
  for (const auto& [name, value] : about.facts) {
    if (name == key) return value;
  }
  return {};
}

/// "2 x rtx-4090, 1 x rtx-3090".
std::string contents(const topology::Rig& rig) {
  std::vector<std::pair<std::string, int>> counts;
  for (const auto& installed : rig.devices) {
    if (counts.empty() || counts.back().first != installed.device.name) {
      counts.emplace_back(installed.device.name, 0);
    }
    ++counts.back().second;
  }
  std::string text;
  for (const auto& [name, count] : counts) {
    text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", count, name);
  }
  return text;
}

sim::Bytes memory(const topology::Rig& rig) {
  sim::Bytes total;
  for (const auto& installed : rig.devices) total += installed.device.memory;
  return total;
}

}  // namespace

Table listing(std::span<const Entry<topology::Device>> entries) {
  Table table{{{"device"},
               {"memory", Align::kRight},
               {"GB/s", Align::kRight},
               {"FP16 TFLOPS", Align::kRight},
               {"W", Align::kRight},
               {"street USD 2025", Align::kRight},
               {"confidence"}},
              {}};
  for (const auto& [device, about] : entries) {
    table.rows.push_back({about.name, gib(device.memory),
                          fmt::format("{:.5g}", device.memory_bandwidth.count() / 1e9),
                          teraflops(device.peak), fmt::format("{:.0f}", device.tdp.count()),
                          street_price(device), about.confidence});
  }
  return table;
}

Table listing(std::span<const Entry<topology::Rig>> entries) {
  Table table{{{"rig"}, {"devices"}, {"memory", Align::kRight}, {"what"}}, {}};
  for (const auto& [rig, about] : entries) {
    table.rows.push_back({about.name, contents(rig), gib(memory(rig)), about.title});
  }
  return table;
}

Table listing(std::span<const Entry<topology::Host>> entries) {
  Table table{{{"host"},
               {"memory", Align::kRight},
               {"GB/s", Align::kRight},
               {"cores", Align::kRight},
               {"what"},
               {"confidence"}},
              {}};
  for (const auto& [host, about] : entries) {
    table.rows.push_back({about.name, gib(host.memory),
                          fmt::format("{:.5g}", host.memory_bandwidth.count() / 1e9),
                          fmt::format("{}", host.cores), about.title, about.confidence});
  }
  return table;
}

Table listing(std::span<const Entry<workloads::Model>> entries) {
  Table table{{{"model"},
               {"parameters", Align::kRight},
               {"active", Align::kRight},
               {"layers", Align::kRight},
               {"hidden", Align::kRight},
               {"heads", Align::kRight},
               {"KV heads", Align::kRight},
               {"context", Align::kRight},
               {"confidence"}},
              {}};
  const auto billions = [](std::int64_t count) {
    return fmt::format("{:.4g} B", static_cast<double>(count) / 1e9);
  };
  for (const auto& [model, about] : entries) {
    table.rows.push_back({about.name, billions(workloads::parameter_count(model)),
                          billions(workloads::active_parameter_count(model)),
                          fmt::format("{}", model.layers), fmt::format("{}", model.hidden),
                          fmt::format("{}", model.heads), fmt::format("{}", model.kv_heads),
                          fmt::format("{}", model.max_context), about.confidence});
  }
  return table;
}

Table listing(std::span<const Entry<workloads::TensorType>> entries) {
  Table table{{{"tensor type"},
               {"bits/weight", Align::kRight},
               {"weights/block", Align::kRight},
               {"confidence"}},
              {}};
  for (const auto& [type, about] : entries) {
    const auto& layout = info(type);
    table.rows.push_back({about.name, fmt::format("{:.4f}", layout.bits_per_weight()),
                          fmt::format("{}", layout.block_weights), about.confidence});
  }
  return table;
}

Table listing(std::span<const Entry<workloads::WeightsFormat>> entries) {
  Table table{{{"weights"}, {"family"}, {"bits/weight", Align::kRight}, {"confidence"}, {"rule"}},
              {}};
  for (const auto& [format, about] : entries) {
    table.rows.push_back({about.name, shortened(fact(about, "family"), 20),
                          fact(about, "bits_per_weight"), about.confidence,
                          shortened(fact(about, "rule"), 34)});
  }
  return table;
}

Table listing(std::span<const Entry<workloads::KvFormat>> entries) {
  Table table{{{"KV format"},
               {"bits/value", Align::kRight},
               {"values/block", Align::kRight},
               {"confidence"},
               {"notes"}},
              {}};
  for (const auto& [format, about] : entries) {
    const workloads::KvFormatInfo& layout = info(format);
    const double bits =
        8.0 * static_cast<double>(layout.block_bytes) / static_cast<double>(layout.block_values);
    table.rows.push_back({about.name, fmt::format("{:g}", bits),
                          fmt::format("{}", layout.block_values), about.confidence,
                          shortened(about.notes, 50)});
  }
  return table;
}

Table listing(std::span<const Entry<configs::EngineFile>> entries) {
  Table table{
      {{"engine"}, {"backends"}, {"fitted devices", Align::kRight}, {"version"}, {"confidence"}},
      {}};
  for (const auto& [engine, about] : entries) {
    std::string backends;
    std::size_t devices = 0;
    for (const workloads::BackendProfile& backend : engine.profile.backends) {
      if (!backends.empty()) backends += ", ";
      backends += workloads::to_string(backend.backend);
      devices += backend.devices.size();
    }
    table.rows.push_back({about.name, backends, fmt::format("{}", devices),
                          shortened(engine.profile.version, 34), about.confidence});
  }
  return table;
}

}  // namespace rigsim::cli
