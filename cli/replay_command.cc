#include "cli/replay_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "analysis/json_replay.h"
#include "analysis/replay.h"
#include "analysis/replay_trace.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/replay_table.h"
#include "configs/catalog.h"
#include "configs/chakra.h"
#include "configs/graph_json.h"
#include "configs/rig_digest.h"

namespace rigsim::cli {
namespace {

workloads::OpGraphDocument read_graph(const ParsedOptions& options) {
  const auto prefix = options.text("chakra");
  if (options.arguments().empty() == !prefix) {
    throw configs::ConfigError({}, "give either GRAPH.json (docs/graph.md) or --chakra PREFIX");
  }
  if (prefix) return configs::read_chakra(*prefix, options.text("comm-groups"));
  return configs::read_graph_json(options.arguments().front());
}

analysis::TraceHeader trace_header(const ParsedOptions& options,
                                   const workloads::OpGraphDocument& document) {
  analysis::TraceHeader header;
  header.title = document.title.empty() ? "rigsim replay" : document.title;
  header.version = build_info().version;
  header.commit = build_info().commit;
  header.command_line = options.command_line();
  return header;
}

std::string graph_name(const ParsedOptions& options) {
  return options.arguments().empty() ? options.needed("chakra") : options.arguments().front();
}

/// What the rig cannot do stands in the graph.
analysis::Replay replay_on(const ParsedOptions& options, const topology::Rig& rig,
                           const workloads::OpGraphDocument& document) {
  try {
    return analysis::replay(document, rig, {options.has("contended")});
  } catch (const analysis::NodeRefused& error) {
    if (options.has("chakra"))
      throw configs::ConfigError({graph_name(options), 0, 0, {}}, error.what());
    throw configs::ConfigError(configs::graph_node_place(graph_name(options), error.node()),
                               error.what());
  } catch (const std::invalid_argument& error) {
    throw configs::ConfigError({graph_name(options), 0, 0, {}}, error.what());
  }
}

/// "2x4090 (2x RTX 4090)"
std::string described(const workloads::PricedOn& rig) {
  std::string text;
  for (auto at = rig.devices.begin(); at != rig.devices.end();) {
    const auto end =
        std::find_if(at, rig.devices.end(), [&](const auto& other) { return other != *at; });
    text += fmt::format("{}{}x {}", text.empty() ? "" : ", ", end - at, *at);
    at = end;
  }
  return fmt::format("{} ({})", rig.rig, text);
}

std::string warning(const ParsedOptions& options, const workloads::OpGraphDocument& document,
                    const topology::Rig& rig) {
  const std::string there = described(*document.priced_on);
  const std::string here = described(configs::priced_on(rig));
  return fmt::format(
      "{}: priced on {}, replayed on {}{}: compute, host work and delays keep their durations; "
      "transfers and collectives take what they take here",
      graph_name(options), there, here, here == there ? " as it is defined here" : "");
}

Answer run(const ParsedOptions& options, const Console& console) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  const topology::Rig rig =
      options.checked("rig", [&] { return catalog.rig(options.needed("rig")); });
  const workloads::OpGraphDocument document = read_graph(options);
  std::optional<analysis::TraceFile> trace;
  if (const auto path = options.text("trace"))
    trace.emplace(*path, trace_header(options, document));
  const analysis::Replay replay = replay_on(options, rig, document);
  if (trace) {
    analysis::write_trace(*trace, replay, document);
    trace->finish();
  }
  Answer answer;
  if (replay.priced_elsewhere) answer.warning = warning(options, document, rig);
  answer.text = options.has("json") ? analysis::replay_json(replay, document, build_info().version,
                                                            build_info().commit)
                                    : replay_text(replay, document, console);
  return answer;
}

}  // namespace

Command replay_command() {
  return {.name = "replay",
          .summary = "run a user's own op graph on a rig",
          .usage = "(GRAPH.json | --chakra PREFIX) --rig RIG [OPTIONS]",
          .about =
              "The graph says what is computed, moved and waited for (docs/graph.md). Compute "
              "nodes take the duration they state, else the larger of FLOPs over the datasheet's "
              "peak and bytes over its memory bandwidth; transfers share the rig's links max-min "
              "fairly. Of a graph that was exported for another rig, durations stand (a warning "
              "says so); "
              "transfers and collectives are priced anew. Prints the makespan, what it went to, "
              "how busy devices and links were, and "
              "which communication compute hides.",
          .examples =
              "  rigsim replay step.json --rig 2x4090\n"
              "  rigsim replay step.json --rig 8xh100-sxm --contended --trace step.h5 --json\n"
              "  rigsim replay --chakra step --rig 8xh100-sxm",
          .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file"},
                      {"chakra", "PREFIX", "read Chakra traces PREFIX.0.et, PREFIX.1.et, ..."},
                      {"comm-groups", "FILE", "their groups, as ASTRA-sim's JSON"},
                      {"contended", "", "collectives as flows that share links with all else"},
                      {"trace", "FILE", "keep the run's trace as HDF5"},
                      {"catalog", "DIR", "your own catalogue beside the built-in one"},
                      {"json", "", "one JSON document instead of tables"}},
          .arguments = {"GRAPH.json"},
          .run = run};
}

}  // namespace rigsim::cli
