#include "cli/traffic_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "analysis/traffic_summary.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/table.h"
#include "cli/text_file.h"
#include "cli/trace_report_text.h"
#include "cli/traffic_options.h"
#include "configs/config_error.h"
#include "configs/traffic/trace_writer.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using analysis::TrafficSummary;
using configs::LoadedTraffic;

std::string number(const std::optional<double>& value, int digits = 2) {
  return value ? fmt::format("{:.{}f}", *value, digits) : std::string("-");
}

Table lengths_table(const TrafficSummary& summary) {
  Table table{{{"tokens", Align::kLeft}}, {}};
  for (const char* name : {"mean", "p1", "p25", "p50", "p75", "p90", "p95", "p99", "max"}) {
    table.columns.push_back({name, Align::kRight});
  }
  const auto row = [&](const char* name, const analysis::LengthSummary& l) {
    table.rows.push_back({name});
    for (const double v : {l.mean, l.p1, l.p25, l.p50, l.p75, l.p90, l.p95, l.p99, l.max}) {
      table.rows.back().push_back(fmt::format("{:.1f}", v));
    }
  };
  row("prompt", summary.prompt);
  row("output", summary.output);
  return table;
}

std::string arrivals_text(const LoadedTraffic& loaded, const TrafficSummary& summary) {
  if (const auto& loop = loaded.traffic.closed_loop) {
    return fmt::format("{} users, each with one request at a time.", loop->users);
  }
  if (!summary.arrivals) return "No arrivals: lengths alone.";
  const auto& a = *summary.arrivals;
  if (!a.per_second) return "All arrive at the same time.";
  std::string text =
      fmt::format("{:.1f} s, {:.3f} requests/s", sim::to_seconds(a.duration), *a.per_second);
  if (a.peak_per_second) text += fmt::format(", {:.2f} in the fullest minute", *a.peak_per_second);
  return text + fmt::format(
                    ". CV of the times between arrivals {} (Poisson: 1). {} prompt and {} "
                    "output tokens/s.",
                    number(a.cv), number(a.prompt_tokens_per_s, 0),
                    number(a.output_tokens_per_s, 0));
}

std::string prefixes_text(const analysis::PrefixSummary& p) {
  const double share =
      p.blocks > 0 ? 100 * static_cast<double>(p.reused) / static_cast<double>(p.blocks) : 0;
  return fmt::format(
      "Prefixes: {} blocks of {} tokens, {} of them distinct; {:.1f} % would be reused if every "
      "block stayed cached.",
      p.blocks, p.block_tokens, p.distinct, share);
}

std::string text_of(const LoadedTraffic& loaded, const TrafficSummary& summary,
                    const Console& console) {
  const auto& report = loaded.report;
  std::string text =
      wrapped(fmt::format("{}{}: {} requests. {}", loaded.traffic.source,
                          report ? fmt::format(" ({})", report->form) : std::string(),
                          summary.requests, arrivals_text(loaded, summary)));
  text += '\n' + to_text(lengths_table(summary), console) + '\n';
  text += fmt::format("Correlation of prompt and output {}\n", number(summary.correlation, 3));
  if (summary.prefixes) text += prefixes_text(*summary.prefixes) + '\n';
  if (!report) return text;
  const std::string about_rows = report_text(*report);
  return about_rows.empty() ? text : text + '\n' + about_rows;
}

Json document(const LoadedTraffic& loaded, const TrafficSummary& summary) {
  Json json{{"version", build_info().version},
            {"commit", build_info().commit},
            {"source", loaded.traffic.source}};
  json.update(analysis::to_json(summary));
  if (loaded.traffic.closed_loop) json["users"] = loaded.traffic.closed_loop->users;
  json["report"] = loaded.report ? analysis::to_json(*loaded.report) : Json();
  return json;
}

/// Writes what --write asks for.
void write_file(const ParsedOptions& options, const LoadedTraffic& loaded) {
  const auto file = options.text("write");
  const auto form = options.text("as");
  if (!file) {
    if (form) throw configs::ConfigError({{}, 0, 0, "--as"}, "goes with --write FILE");
    return;
  }
  const std::string text = options.checked(form ? "as" : "write", [&] {
    if (!loaded.has_arrivals) {
      throw std::invalid_argument("there are no arrivals to write; a trace needs them");
    }
    return configs::write_trace(loaded.traffic, form.value_or("mooncake"));
  });
  write_text_file(*file, text);
}

Answer run(const ParsedOptions& options, const Console& console) {
  if (options.arguments().empty()) {
    throw configs::ConfigError({}, "a trace is needed: rigsim traffic FILE, or poisson:4/s");
  }
  const LoadedTraffic loaded = configs::load_traffic(
      options.arguments().front(), read_traffic_settings(options), configs::NoArrivals::kAllowed);
  const TrafficSummary summary = analysis::summarise(loaded);
  write_file(options, loaded);
  if (options.has("json")) return {document(loaded, summary).dump(2) + '\n'};
  return {text_of(loaded, summary, console)};
}

}  // namespace

Command traffic_command() {
  Command command{
      .name = "traffic",
      .summary = "what a request trace looks like, or one that is made up",
      .usage =
          "FILE|poisson:RATE|gamma:RATE,cv=X|uniform:RATE|ramp:RATE-RATE|closed:USERS "
          "[OPTIONS]",
      .about =
          "Describes requests: when they arrive, how long they are, what their prefixes share. A "
          "file may be gzip; its form is told by its content: Azure, BurstGPT and Vidur CSV, "
          "Mooncake, LLMServingSim and vLLM JSONL, a result of vLLM's bench serve "
          "--save-detailed, ShareGPT JSON. A row that is wrong stops the reading with its line.",
      .examples =
          "  rigsim traffic azure_llm_2023_conv.csv.gz\n"
          "  rigsim traffic trace.jsonl --from 10min --to 20min --rate-scale 2 --json\n"
          "  rigsim traffic 'poisson:4/s,prompt=lognormal(mean=512,cv=1),output=128' "
          "--requests 10000 --write made.jsonl",
      .options = traffic_options(),
      .arguments = {"FILE"},
      .run = run};
  command.options.push_back({"write", "FILE", "keep the requests as a trace"});
  command.options.push_back(
      {"as", "FORM", "of --write: mooncake (default), llmservingsim, azure or burstgpt"});
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
