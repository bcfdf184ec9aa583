#include "cli/collective_command.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/collective_file.h"
#include "cli/build_info.h"
#include "cli/collective_accuracy_output.h"
#include "cli/collective_question.h"
#include "cli/collective_table.h"
#include "configs/collective_profile.h"
#include "topology/collective_contention.h"
#include "topology/collective_model.h"
#include "topology/network.h"

namespace rigsim::cli {
namespace {

using topology::CollectiveCost;
using topology::CollectiveLibrary;
using Row = analysis::CollectiveRow;

/// Over PCIe the messages of more than two ranks may share an uplink (there vLLM leaves all to
/// NCCL); groups may share anything.
bool may_share(const CollectiveQuestion& question, const topology::NcclGraph& graph) {
  return question.groups > 1 || topology::may_share_own_links(graph);
}

CollectiveCost uncontended(const CollectiveQuestion& question,
                           const topology::CollectiveModel& model,
                           const topology::CollectiveRequest& request) {
  if (question.library == CollectiveLibrary::kVllm)
    return model.cost(question.library, request, question.launch);
  return model.cost(request, question.launch, question.algorithm, question.protocol);
}

std::vector<Row> price(const CollectiveQuestion& question, const topology::CollectiveModel& model,
                       bool contended) {
  std::optional<topology::RigNetwork> network;
  if (contended) network.emplace(question.rig);
  const double factor =
      topology::bus_factor(question.kind, question.devices.size() / question.groups);
  std::vector<Row> rows;
  for (const sim::Bytes size : question.sizes) {
    const auto requests = question.requests(size);
    const CollectiveCost cost =
        network ? topology::contended_cost(model, *network, requests, question.launch,
                                           question.algorithm, question.protocol)
                : uncontended(question, model, requests.front());
    const sim::Bandwidth rate = size / cost.time;
    rows.push_back({size, cost, rate, rate * factor});
  }
  return rows;
}

CollectiveAnswer answer_to(const ParsedOptions& options, CollectiveQuestion question) {
  const auto profile = configs::collective_profile();
  const topology::CollectiveModel model(question.rig, profile);
  auto graph = options.checked(
      "rig", [&] { return model.graph(question.requests(sim::Bytes(1)).front().devices); });
  const bool contended = may_share(question, graph);
  const char* const last_said = question.protocol    ? "protocol"
                                : question.algorithm ? "algorithm"
                                                     : "rig";
  auto rows = options.checked(last_said, [&] { return price(question, model, contended); });
  return {std::move(question), std::move(graph), contended, std::move(rows)};
}

void write_output(const ParsedOptions& options, const CollectiveAnswer& answer) {
  const auto path = options.text("output");
  if (!path) return;
  const CollectiveQuestion& question = answer.question;
  analysis::write_collective_file(
      *path,
      {fmt::format("{} on {}", to_string(question.kind), question.rig.name),
       std::string(build_info().version), std::string(build_info().commit), options.command_line(),
       question.rig.name, std::string(to_string(question.kind)),
       std::string(to_string(question.library)), std::string(to_string(question.launch))},
      answer.rows);
}

Answer run(const ParsedOptions& options, const Console& console) {
  if (options.arguments().empty())
    throw configs::ConfigError({}, "which collective? \"rigsim collective --help\" lists them");
  const std::string& word = options.arguments().front();
  if (word == "accuracy" || word == "fit") return collective_accuracy(options, console);
  CollectiveQuestion question = collective_question(options);
  const CollectiveAnswer answer = answer_to(options, std::move(question));
  write_output(options, answer);
  return {options.has("json") ? collective_json(answer) : collective_text(answer, console)};
}

}  // namespace

Command collective_command() {
  return {
      .name = "collective",
      .summary = "what an all-reduce, an all-gather ... costs on a rig, by size",
      .usage = "KIND --rig RIG [--sizes FIRST-LAST] [OPTIONS]",
      .about =
          "Prints nccl-tests' table for all_reduce, reduce_scatter, all_gather, broadcast, "
          "all_to_all or send_recv: what NCCL chooses on this wiring and how long it takes, "
          "from a measured table, six numbers fitted to the machine, or its family. `rigsim "
          "collective accuracy` shows the errors over the measurements that ship, `rigsim "
          "collective fit` fits the numbers to them again.",
      .examples =
          "  rigsim collective all_reduce --rig 8xh100-sxm --sizes 512B-512MB\n"
          "  rigsim collective all_reduce --rig 2x4090 --sizes 8KiB,64KiB --launch eager "
          "--library vllm\n"
          "  rigsim collective all_gather --rig 8xa100-sxm --devices 0,1,2,3 --algorithm ring "
          "--protocol simple\n"
          "  rigsim collective accuracy",
      .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file"},
                  {"sizes", "LIST",
                   "sizes or ranges such as 512B-512MB or 64K,1MiB (KB = 1000, KiB and K = 1024; "
                   "default 512B-512MB)"},
                  {"factor", "N", "from one size of a range to the next (default 2)"},
                  {"devices", "LIST", "ranks in order, such as 0,1 (default: all)"},
                  {"groups", "N",
                   "so many groups of consecutive ranks do the same at once (default 1)"},
                  {"library", "NAME",
                   "nccl (default), or vllm: its own all-reduce where it allows it"},
                  {"launch", "MODE",
                   "graph (default): back to back, as nccl-tests and CUDA graphs; eager: from a "
                   "serving engine's Python"},
                  {"algorithm", "NAME", "ring, tree, nvls, pat: as NCCL_ALGO"},
                  {"protocol", "NAME", "ll, ll128, simple: as NCCL_PROTO"},
                  {"catalog", "DIR", "your own devices and rigs beside the built-in ones"},
                  {"output", "FILE", "keep the table as HDF5; of fit: the numbers as YAML"},
                  {"json", "", "one JSON document instead of tables"}},
      .arguments = {"KIND"},
      .run = run};
}

}  // namespace rigsim::cli
