#include "cli/collective_table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/build_info.h"
#include "cli/table.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using Row = analysis::CollectiveRow;
using topology::CollectiveCost;

std::string_view path_name(topology::NcclPath path) {
  switch (path) {
    case topology::NcclPath::kNvlink:
      return "nvlink";
    case topology::NcclPath::kPcie:
      return "pcie";
    case topology::NcclPath::kSharedMemory:
      return "host memory";
  }
  return "unknown";
}

Json to_json(const Row& row) {
  const CollectiveCost& cost = row.cost;
  const double seconds = sim::to_seconds(cost.time);
  return {{"bytes", row.size.count()},
          {"time_s", seconds},
          {"low_s", seconds / (1 + cost.error_p90)},
          {"high_s", seconds * (1 + cost.error_p90)},
          {"algbw_bytes_per_s", row.algorithm_bandwidth.count()},
          {"busbw_bytes_per_s", row.bus_bandwidth.count()},
          {"algorithm", to_string(cost.algorithm)},
          {"protocol", to_string(cost.protocol)},
          {"library", to_string(cost.library)},
          {"evidence", to_string(cost.evidence)}};
}

}  // namespace

std::string collective_json(const CollectiveAnswer& answer) {
  const auto& [question, graph, contended, rows] = answer;
  Json json{{"version", build_info().version}, {"commit", build_info().commit}};
  json["rig"] = question.rig.name;
  json["collective"] = to_string(question.kind);
  json["devices"] = question.devices;
  json["library"] = to_string(question.library);
  json["launch"] = to_string(question.launch);
  json["groups"] = question.groups;
  json["contended"] = contended;
  json["machines"] = graph.machines;
  json["path"] = path_name(graph.path);
  json["ring_bytes_per_s"] = graph.ring().count();
  for (const Row& row : rows) json["rows"].push_back(to_json(row));
  return json.dump(2) + '\n';
}

std::string collective_text(const CollectiveAnswer& answer, const Console& console) {
  const auto& [question, graph, contended, rows] = answer;
  std::string out =
      fmt::format("{} on {}: {} ranks{}, {}; {} launches; NCCL plans {:.1f} GB/s over {}\n\n",
                  to_string(question.kind), question.rig.name, graph.ranks,
                  graph.machines > 1 ? fmt::format(" in {} machines", graph.machines) : "",
                  to_string(question.library), to_string(question.launch),
                  graph.ring().count() * 1e-9, path_name(graph.path));
  Table table{{{"bytes", Align::kRight},
               {"time us", Align::kRight},
               {"algbw GB/s", Align::kRight},
               {"busbw GB/s", Align::kRight},
               {"algorithm"},
               {"protocol"},
               {"evidence"},
               {"90 % within", Align::kRight}},
              {}};
  for (const Row& row : rows)
    table.rows.push_back({fmt::format("{}", row.size.count()),
                          fmt::format("{:.2f}", sim::to_seconds(row.cost.time) * 1e6),
                          fmt::format("{:.2f}", row.algorithm_bandwidth.count() * 1e-9),
                          fmt::format("{:.2f}", row.bus_bandwidth.count() * 1e-9),
                          std::string(to_string(row.cost.algorithm)),
                          std::string(to_string(row.cost.protocol)),
                          std::string(to_string(row.cost.evidence)),
                          fmt::format("{:.0f} %", 100 * row.cost.error_p90)});
  return out + to_text(table, console);
}

}  // namespace rigsim::cli
