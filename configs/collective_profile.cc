#include "configs/collective_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

#include "configs/collective_catalog.h"
#include "configs/nccl_constants_file.h"
#include "configs/quantity_parser.h"
#include "configs/yaml_reader.h"
#include "configs/yaml_writer.h"
#include "topology/nccl_fit.h"

namespace rigsim::configs {
namespace {

using topology::CollectiveKind;
using topology::CollectiveLibrary;
using topology::CollectiveLink;
using topology::CollectiveMachine;
using topology::CollectiveProfile;
using topology::CollectiveTable;
using topology::LaunchMode;
using topology::NcclFit;
using topology::NcclGeneration;

std::vector<std::string> read_names(const ValueReader& list) {
  std::vector<std::string> names;
  for (const ValueReader& item : list.items()) names.push_back(item.as<std::string>());
  return names;
}

CollectiveMachine read_machine(const ValueReader& value) {
  ObjectReader map = value.object();
  CollectiveMachine out;
  out.name = map.required<std::string>("name");
  out.measured_on = map.required<std::string>("measured_on");
  out.devices = read_names(map.value("devices"));
  out.chips = read_names(map.value("chips"));
  out.link =
      map.value("link").choice<CollectiveLink>({{"nvlink", CollectiveLink::kNvlink},
                                                {"pcie", CollectiveLink::kPcie},
                                                {"host-memory", CollectiveLink::kHostMemory}});
  out.eager_floor = map.value_or("eager_floor", sim::Duration::zero());
  map.finish();
  return out;
}

topology::VllmLimit read_limit(const ValueReader& value) {
  ObjectReader map = value.object();
  topology::VllmLimit out;
  out.generation = map.value("generation")
                       .choice<NcclGeneration>({{"volta", NcclGeneration::kVolta},
                                                {"ampere", NcclGeneration::kAmpere},
                                                {"hopper", NcclGeneration::kHopper},
                                                {"blackwell", NcclGeneration::kBlackwell}});
  out.ranks = static_cast<std::uint32_t>(map.count("ranks", 2));
  out.custom = map.required<sim::Bytes>("custom");
  out.symmetric = map.required<sim::Bytes>("symmetric", Zero::kAllowed);
  map.finish();
  return out;
}

topology::VllmAllReduce read_vllm(const ValueReader& value) {
  ObjectReader map = value.object();
  topology::VllmAllReduce out;
  out.base = map.required<sim::Duration>("base");
  out.per_rank = map.required<sim::Duration>("per_rank");
  out.port_share = map.required<double>("port_share");
  out.one_shot_small_world = map.required<sim::Bytes>("one_shot_below_up_to_4");
  out.one_shot_large_world = map.required<sim::Bytes>("one_shot_below_up_to_8");
  out.most = map.required<sim::Bytes>("below");
  for (const ValueReader& row : map.value("limits").items()) out.limits.push_back(read_limit(row));
  map.finish();
  return out;
}

void read_machines(CollectiveProfile& out) {
  const YamlDocument document = collective_yaml("machines.yaml");
  ObjectReader map = ValueReader(document).object();
  (void)map.required<std::string>("date");
  for (const ValueReader& machine : map.value("machines").some_items())
    out.machines.push_back(read_machine(machine));
  out.family.eager_floor = map.required<sim::Duration>("other_eager_floor");
  ObjectReader shape = map.value("shape").object();
  out.shape.ll_exponent = shape.required<double>("ll_exponent");
  out.shape.simple_exponent = shape.required<double>("simple_exponent");
  out.shape.shared_memory_share = shape.required<double>("shared_memory_share");
  shape.finish();
  out.vllm = read_vllm(map.value("vllm"));
  map.finish();
}

/// One file of measured times: which columns there are, and what they mean.
class TableReader {
 public:
  TableReader(const CsvTable& csv, std::vector<std::string> columns, CollectiveProfile& profile)
      : csv_(csv), columns_(std::move(columns)), profile_(profile) {
    if (csv.header != columns_)
      throw ConfigError({csv.file, 1, 0, {}}, "the columns are not those of this file");
  }

  /// Puts each record into the table of its machine that `kind_of` names by its second field.
  template <class Name>
  void read(CollectiveLibrary library, Name name) {
    for (const CsvRecord& record : csv_.records) {
      CollectiveTable wanted;
      wanted.library = library;
      name(record.fields[1], wanted, csv_.place(record, columns_[1]));
      wanted.ranks = static_cast<std::uint32_t>(count(record, 2));
      add(table(record, wanted), record);
    }
  }

 private:
  [[nodiscard]] std::int64_t count(const CsvRecord& record, std::size_t column) const {
    try {
      return parse_count(record.fields[column]);
    } catch (const std::invalid_argument& error) {
      throw ConfigError(csv_.place(record, columns_[column]), error.what());
    }
  }

  [[nodiscard]] double microseconds(const CsvRecord& record, std::size_t column) const {
    try {
      return parse_number(record.fields[column]);
    } catch (const std::invalid_argument& error) {
      throw ConfigError(csv_.place(record, columns_[column]), error.what());
    }
  }

  CollectiveTable& table(const CsvRecord& record, const CollectiveTable& wanted) {
    for (CollectiveMachine& machine : profile_.machines) {
      if (machine.name != record.fields[0]) continue;
      for (CollectiveTable& table : machine.tables)
        if (std::tie(table.library, table.kind, table.launch, table.ranks) ==
            std::tie(wanted.library, wanted.kind, wanted.launch, wanted.ranks))
          return table;
      machine.tables.push_back(wanted);
      return machine.tables.back();
    }
    throw ConfigError(csv_.place(record, columns_[0]),
                      fmt::format("no machine is named {}", in_quotes(record.fields[0])));
  }

  void add(CollectiveTable& table, const CsvRecord& record) const {
    const sim::Bytes size(count(record, 3));
    const double time_us = microseconds(record, 4);
    if (!(time_us > 0)) throw ConfigError(csv_.place(record, columns_[4]), "must be > 0");
    if (!table.points.empty() && table.points.back().size >= size)
      throw ConfigError(csv_.place(record, columns_[3]), "sizes of one table must increase");
    table.points.push_back({size, sim::from_seconds(time_us * 1e-6)});
  }

  const CsvTable& csv_;
  std::vector<std::string> columns_;
  CollectiveProfile& profile_;
};

void read_tables(CollectiveProfile& out) {
  const CsvTable nccl = collective_csv("nccl_sweeps.csv");
  TableReader(nccl, {"machine", "collective", "ranks", "bytes", "time_us"}, out)
      .read(CollectiveLibrary::kNccl,
            [](const std::string& field, CollectiveTable& table, const Place& place) {
              for (const CollectiveKind kind : topology::kCollectiveKinds)
                if (to_string(kind) == field) {
                  table.kind = kind;
                  return;
                }
              throw ConfigError(place, fmt::format("no collective is named {}", in_quotes(field)));
            });
  const CsvTable vllm = collective_csv("vllm_all_reduce.csv");
  TableReader(vllm, {"machine", "launch", "ranks", "bytes", "time_us"}, out)
      .read(CollectiveLibrary::kVllm,
            [](const std::string& field, CollectiveTable& table, const Place& place) {
              for (const LaunchMode mode : topology::kLaunchModes)
                if (to_string(mode) == field) {
                  table.launch = mode;
                  return;
                }
              throw ConfigError(place, fmt::format("no launch is named {}", in_quotes(field)));
            });
}

NcclFit read_fit(ObjectReader& map) {
  NcclFit out;
  out.launch = map.required<sim::Duration>("launch");
  out.ll_hop = map.required<sim::Duration>("ll_hop");
  out.simple_hop = map.required<sim::Duration>("simple_hop");
  out.ll_share = map.required<double>("ll_share");
  out.simple_share = map.required<double>("simple_share");
  out.idle_step = map.required<double>("idle_step");
  return out;
}

NcclFit read_family(const ValueReader& value) {
  ObjectReader map = value.object();
  const NcclFit fit = read_fit(map);
  map.finish();
  return fit;
}

CollectiveMachine& named(const ValueReader& name, CollectiveProfile& out) {
  for (CollectiveMachine& machine : out.machines)
    if (machine.name == name.as<std::string>()) return machine;
  name.fail("no such machine in machines.yaml");
}

void read_fits(CollectiveProfile& out) {
  const YamlDocument document = collective_yaml("fits.yaml");
  ObjectReader map = ValueReader(document).object();
  for (const ValueReader& value : map.value("machines").some_items()) {
    ObjectReader entry = value.object();
    CollectiveMachine& machine = named(entry.value("name"), out);
    machine.bus = entry.required<sim::Bandwidth>("bus");
    machine.fit = read_fit(entry);
    machine.error_p90 = entry.required<double>("error_p90");
    entry.finish();
  }
  ObjectReader family = map.value("family").object();
  out.family.nvlink = read_family(family.value("nvlink"));
  out.family.pcie = read_family(family.value("pcie"));
  out.family.host_memory = read_family(family.value("host_memory"));
  out.family.error_p90 = family.required<double>("error_p90");
  family.finish();
  out.table_error_p90 = map.required<double>("table_error_p90");
  out.vllm.error_p90 = map.required<double>("vllm_error_p90");
  map.finish();
}

void write_fit(YamlWriter& out, const NcclFit& fit) {
  out.value("launch", to_text(fit.launch));
  out.value("ll_hop", to_text(fit.ll_hop));
  out.value("simple_hop", to_text(fit.simple_hop));
  out.value("ll_share", fit.ll_share);
  out.value("simple_share", fit.simple_share);
  out.value("idle_step", fit.idle_step);
}

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

}  // namespace

CollectiveProfile unfitted_collective_profile() {
  CollectiveProfile out;
  out.nccl = nccl_constants();
  read_machines(out);
  read_tables(out);
  for (CollectiveMachine& machine : out.machines)
    machine.fit = topology::nccl_prior(machine.link == CollectiveLink::kNvlink, out.nccl);
  out.family.nvlink = topology::nccl_prior(true, out.nccl);
  out.family.pcie = topology::nccl_prior(false, out.nccl);
  out.family.host_memory = out.family.pcie;
  return out;
}

CollectiveProfile collective_profile() {
  CollectiveProfile out = unfitted_collective_profile();
  read_fits(out);
  return out;
}

std::string to_yaml_fits(const CollectiveProfile& profile) {
  YamlWriter out;
  out.begin_list("machines");
  for (const CollectiveMachine& machine : profile.machines) {
    out.begin_item();
    out.value("name", machine.name);
    out.value("bus", to_text(machine.bus));
    write_fit(out, machine.fit);
    out.value("error_p90", rounded(machine.error_p90));
    out.end();
  }
  out.end();
  out.begin_map("family");
  out.begin_map("nvlink");
  write_fit(out, profile.family.nvlink);
  out.end();
  out.begin_map("pcie");
  write_fit(out, profile.family.pcie);
  out.end();
  out.begin_map("host_memory");
  write_fit(out, profile.family.host_memory);
  out.end();
  out.value("error_p90", rounded(profile.family.error_p90));
  out.end();
  out.value("table_error_p90", rounded(profile.table_error_p90));
  out.value("vllm_error_p90", rounded(profile.vllm.error_p90));
  return "# Written by `rigsim collective fit`; see docs/model.md.\n" + out.text();
}

}  // namespace rigsim::configs
