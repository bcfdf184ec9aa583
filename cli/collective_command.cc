#include "cli/collective_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "analysis/collective_file.h"
#include "cli/build_info.h"
#include "cli/collective_accuracy_output.h"
#include "cli/collective_sizes.h"
#include "cli/command_options.h"
#include "cli/table.h"
#include "configs/catalog.h"
#include "configs/collective_profile.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"
#include "topology/collective_contention.h"
#include "topology/collective_model.h"
#include "topology/network.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using topology::CollectiveCost;
using topology::CollectiveKind;
using topology::CollectiveLibrary;
using topology::LaunchMode;

/// What is asked.
struct Question {
  topology::Rig rig;
  CollectiveKind kind = CollectiveKind::kAllReduce;
  std::vector<std::uint32_t> devices;
  std::vector<sim::Bytes> sizes;
  CollectiveLibrary library = CollectiveLibrary::kNccl;
  LaunchMode launch = LaunchMode::kGraph;
  std::optional<topology::Algorithm> algorithm;
  std::optional<topology::Protocol> protocol;
  std::size_t groups = 1;  ///< that do the same at once
  bool contended = false;  ///< links are shared: by flows
};

using Row = analysis::CollectiveRow;

/// The value whose name is `text`; "-" for "_" and any case will do.
template <class Values>
auto named(std::string_view what, std::string text, const Values& values) {
  for (char& c : text)
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::vector<std::string> names;
  for (const auto value : values) {
    if (to_string(value) == text) return value;
    names.emplace_back(to_string(value));
  }
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  throw std::invalid_argument(fmt::format("unknown {} \"{}\"; there are {}", what, text, list));
}

template <class Values>
auto option(const ParsedOptions& options, std::string_view name, const Values& values)
    -> std::optional<typename Values::value_type> {
  const auto text = options.text(name);
  if (!text) return std::nullopt;
  return options.checked(name, [&] { return named(name, *text, values); });
}

std::vector<std::uint32_t> read_devices(const std::string& text, const topology::Rig& rig) {
  std::vector<std::uint32_t> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const auto device = configs::parse_count(std::string_view(text).substr(at, comma - at));
    if (device >= static_cast<std::int64_t>(rig.devices.size()))
      throw std::invalid_argument(
          fmt::format("no device {}; {} has {}", device, rig.name, rig.devices.size()));
    out.push_back(static_cast<std::uint32_t>(device));
    at = comma + 1;
  }
  return out;
}

std::vector<std::uint32_t> devices_of(const ParsedOptions& options, const topology::Rig& rig) {
  if (const auto text = options.text("devices"))
    return options.checked("devices", [&] { return read_devices(*text, rig); });
  std::vector<std::uint32_t> all(rig.devices.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

/// Over PCIe the messages of more than two ranks may share an uplink; groups
/// may share anything.
bool may_share(const Question& question, const topology::NcclGraph& graph) {
  if (question.library == CollectiveLibrary::kVllm) return false;
  return question.groups > 1 || topology::may_share_own_links(graph);
}

void check_combination(const Question& question) {
  if (question.devices.size() % question.groups != 0)
    throw configs::ConfigError({{}, 0, 0, "--groups"},
                               fmt::format("{} devices do not make {} groups of the same size",
                                           question.devices.size(), question.groups));
  if (question.groups > 1 && question.library == CollectiveLibrary::kVllm)
    throw configs::ConfigError({{}, 0, 0, "--groups"}, "groups at once are known for nccl only");
  if (question.library == CollectiveLibrary::kVllm && (question.algorithm || question.protocol))
    throw configs::ConfigError({{}, 0, 0, "--library"},
                               "vllm chooses for itself; --algorithm and --protocol are NCCL's");
}

Question question_of(const ParsedOptions& options) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  Question out;
  out.kind = options.checked("KIND", [&] {
    return named("collective", options.arguments().front(), topology::kCollectiveKinds);
  });
  const std::string rig = options.needed("rig");
  out.rig = options.checked("rig", [&] { return catalog.rig(rig); });
  out.devices = devices_of(options, out.rig);
  const auto factor = options.count("factor", 2, 1'000'000).value_or(2);
  const std::string sizes = options.text("sizes").value_or("512B-512MB");
  out.sizes = options.checked("sizes", [&] { return parse_sizes(sizes, factor); });
  out.library =
      option(options, "library", topology::kCollectiveLibraries).value_or(CollectiveLibrary::kNccl);
  out.launch = option(options, "launch", topology::kLaunchModes).value_or(LaunchMode::kGraph);
  out.algorithm = option(options, "algorithm", topology::kAlgorithms);
  out.protocol = option(options, "protocol", topology::kProtocols);
  out.groups = static_cast<std::size_t>(options.count("groups", 1, 1024).value_or(1));
  check_combination(out);
  return out;
}

CollectiveCost uncontended(const Question& question, const topology::CollectiveModel& model,
                           const topology::CollectiveRequest& request) {
  if (question.library == CollectiveLibrary::kVllm)
    return model.cost(question.library, request, question.launch);
  return model.cost(request, question.launch, question.algorithm, question.protocol);
}

/// Consecutive groups of as many ranks each.
std::vector<topology::CollectiveRequest> groups(const Question& question, sim::Bytes size) {
  std::vector<topology::CollectiveRequest> out;
  const std::size_t ranks = question.devices.size() / question.groups;
  for (std::size_t first = 0; first < question.devices.size(); first += ranks) {
    const auto begin = question.devices.begin() + static_cast<std::ptrdiff_t>(first);
    out.push_back({question.kind, {begin, begin + static_cast<std::ptrdiff_t>(ranks)}, size});
  }
  return out;
}

std::vector<Row> price(const Question& question, const topology::CollectiveModel& model) {
  std::optional<topology::RigNetwork> network;
  if (question.contended) network.emplace(question.rig);
  const double factor =
      topology::bus_factor(question.kind, question.devices.size() / question.groups);
  std::vector<Row> rows;
  for (const sim::Bytes size : question.sizes) {
    const auto requests = groups(question, size);
    const CollectiveCost cost =
        network ? topology::contended_cost(model, *network, requests, question.launch,
                                           question.algorithm, question.protocol)
                : uncontended(question, model, requests.front());
    const sim::Bandwidth rate = size / cost.time;
    rows.push_back({size, cost, rate, rate * factor});
  }
  return rows;
}

void write_output(const ParsedOptions& options, const Question& question,
                  const std::vector<Row>& rows) {
  const auto path = options.text("output");
  if (!path) return;
  analysis::write_collective_file(
      *path,
      {fmt::format("{} on {}", to_string(question.kind), question.rig.name),
       std::string(build_info().version), std::string(build_info().commit), options.command_line(),
       question.rig.name, std::string(to_string(question.kind)),
       std::string(to_string(question.library)), std::string(to_string(question.launch))},
      rows);
}

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

Json document(const Question& question, const std::vector<Row>& rows,
              const topology::NcclGraph& graph) {
  Json json{{"version", build_info().version}, {"commit", build_info().commit}};
  json["rig"] = question.rig.name;
  json["collective"] = to_string(question.kind);
  json["devices"] = question.devices;
  json["library"] = to_string(question.library);
  json["launch"] = to_string(question.launch);
  json["groups"] = question.groups;
  json["contended"] = question.contended;
  json["machines"] = graph.machines;
  json["path"] = path_name(graph.path);
  json["ring_bytes_per_s"] = graph.ring().count();
  for (const Row& row : rows) json["rows"].push_back(to_json(row));
  return json;
}

std::string text(const Question& question, const std::vector<Row>& rows,
                 const topology::NcclGraph& graph, const Console& console) {
  std::string out = fmt::format(
      "{} on {}: {} ranks{}, {}; {} launches; NCCL plans {:.1f} GB/s over "
      "{}\n\n",
      to_string(question.kind), question.rig.name, graph.ranks,
      graph.machines > 1 ? fmt::format(" in {} machines", graph.machines) : "",
      to_string(question.library), to_string(question.launch), graph.ring().count() * 1e-9,
      path_name(graph.path));
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

Answer run(const ParsedOptions& options, const Console& console) {
  if (options.arguments().empty())
    throw configs::ConfigError({}, "which collective? \"rigsim collective --help\" lists them");
  const std::string& word = options.arguments().front();
  if (word == "accuracy" || word == "fit") return collective_accuracy(options, console);
  Question question = question_of(options);
  const auto profile = configs::collective_profile();
  const topology::CollectiveModel model(question.rig, profile);
  return options.checked("rig", [&]() -> Answer {
    const auto graph = model.graph(groups(question, sim::Bytes(1)).front().devices);
    question.contended = may_share(question, graph);
    const auto rows = price(question, model);
    write_output(options, question, rows);
    return {options.has("json") ? document(question, rows, graph).dump(2) + '\n'
                                : text(question, rows, graph, console)};
  });
}

}  // namespace

Command collective_command() {
  return {.name = "collective",
          .summary = "what an all-reduce, an all-gather ... costs on a rig, by size",
          .usage = "KIND --rig RIG [--sizes FIRST-LAST] [OPTIONS]",
          .about =
              "Prints nccl-tests' table for all_reduce, reduce_scatter, "
              "all_gather, broadcast, "
              "all_to_all or send_recv: what NCCL chooses on this wiring and "
              "how long it takes, from a "
              "measured table, six numbers fitted to the machine, or its "
              "family. `rigsim collective "
              "accuracy` shows the errors over the measurements that ship, "
              "`rigsim collective fit` "
              "fits the numbers to them again.",
          .examples =
              "  rigsim collective all_reduce --rig 8xh100-sxm --sizes 512B-512MB\n"
              "  rigsim collective all_reduce --rig 2x4090 --sizes 8KiB,64KiB "
              "--launch eager "
              "--library vllm\n"
              "  rigsim collective all_gather --rig 8xa100-sxm --devices 0,1,2,3 "
              "--algorithm ring "
              "--protocol simple\n"
              "  rigsim collective accuracy",
          .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file"},
                      {"sizes", "LIST",
                       "sizes or ranges such as 512B-512MB or 64K,1MiB (KB = 1000, KiB "
                       "and K = 1024; default "
                       "512B-512MB)"},
                      {"factor", "N", "from one size of a range to the next (default 2)"},
                      {"devices", "LIST", "ranks in order, such as 0,1 (default: all)"},
                      {"groups", "N",
                       "so many groups of consecutive ranks do the same at once (default "
                       "1)"},
                      {"library", "NAME",
                       "nccl (default), or vllm: its own all-reduce where it allows it"},
                      {"launch", "MODE",
                       "graph (default): back to back, as nccl-tests and CUDA graphs; "
                       "eager: from a serving "
                       "engine's Python"},
                      {"algorithm", "NAME", "ring, tree, nvls, pat: as NCCL_ALGO"},
                      {"protocol", "NAME", "ll, ll128, simple: as NCCL_PROTO"},
                      {"catalog", "DIR", "your own devices and rigs beside the built-in ones"},
                      {"output", "FILE", "keep the table as HDF5; of fit: the numbers as YAML"},
                      {"json", "", "one JSON document instead of tables"}},
          .arguments = {"KIND"},
          .run = run};
}

}  // namespace rigsim::cli
