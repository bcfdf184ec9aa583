#include "cli/parallel_table.h"

#include <fmt/format.h>

#include <string_view>

#include "cli/table.h"

namespace rigsim::cli {
namespace {

using analysis::PhaseParallelism;

void add_rows(Table& table, std::string_view name, const std::optional<PhaseParallelism>& phase) {
  if (!phase) return;
  const auto percent = [&](sim::Duration part) {
    return fmt::format("{:.1f}", 100 * sim::to_seconds(part) / phase->seconds);
  };
  for (const analysis::DeviceBubble& device : phase->devices) {
    const workloads::StageBubble& bubble = device.bubble;
    table.rows.push_back({device.device, std::string(name), fmt::format("{}", device.replica),
                          fmt::format("{}", device.stage), percent(bubble.busy),
                          percent(bubble.fill), percent(bubble.drain), percent(bubble.imbalance),
                          percent(bubble.transfer)});
  }
}

std::string communication(std::string_view name, const std::optional<PhaseParallelism>& phase) {
  if (!phase) return {};
  const auto share = [&](sim::Duration part) {
    return fmt::format("{:.1f} %", 100 * sim::to_seconds(part) / phase->seconds);
  };
  const workloads::Overlap& overlap = phase->overlap;
  return fmt::format(" {}: {:.3g} ms of transfers; {} of the time is exposed to them, {} hidden.",
                     name, 1e3 * sim::to_seconds(overlap.copies), share(overlap.exposed),
                     share(overlap.hidden));
}

}  // namespace

std::string parallel_text(const analysis::ParallelReport& report, const Console& console) {
  Table table{{{"time, %"}, {"phase"}}, {}};
  for (const char* header :
       {"replica", "stage", "busy", "fill", "drain", "imbalance", "transfer"}) {
    table.columns.push_back({header, Align::kRight});
  }
  add_rows(table, "decode step", report.decode_step);
  add_rows(table, "prompt", report.prefill);
  return to_text(table, console) + '\n' +
         wrapped("Communication." + communication("A decode step", report.decode_step) +
                 communication("The prompt", report.prefill));
}

}  // namespace rigsim::cli
