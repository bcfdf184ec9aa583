#include "cli/replay_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "cli/table.h"

namespace rigsim::cli {
namespace {

using analysis::Replay;

constexpr std::size_t kMostNodes = 10;

/// "12.35 ms": four digits, the unit that leaves one to three before the point.
std::string time_text(sim::Duration time) {
  constexpr std::array<std::pair<double, const char*>, 4> kUnits{
      {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}}};
  const double seconds = sim::to_seconds(time);
  for (const auto& [scale, unit] : kUnits) {
    if (seconds >= scale) return fmt::format("{:.4g} {}", seconds / scale, unit);
  }
  return fmt::format("{} ps", time.count());
}

std::string bytes_text(double bytes) {
  constexpr std::array<std::pair<double, const char*>, 4> kUnits{
      {{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}}};
  for (const auto& [scale, unit] : kUnits) {
    if (bytes >= scale) return fmt::format("{:.4g} {}", bytes / scale, unit);
  }
  return fmt::format("{} B", bytes);
}

std::string percent(sim::Duration part, sim::Duration whole) {
  if (whole == sim::Duration::zero()) return "-";
  return fmt::format("{:.1f} %", 100 * sim::to_seconds(part) / sim::to_seconds(whole));
}

Table causes_table(const Replay& replay) {
  Table table{{{"critical path"}, {"time", Align::kRight}, {"share", Align::kRight}}, {}};
  for (const analysis::ReplayCause cause : analysis::kReplayCauses) {
    const sim::Duration time = replay.critical_path[static_cast<std::size_t>(cause)];
    if (time == sim::Duration::zero()) continue;
    table.rows.push_back(
        {std::string(to_string(cause)), time_text(time), percent(time, replay.makespan)});
  }
  return table;
}

Table devices_table(const Replay& replay) {
  Table table{{{"device"},
               {"busy", Align::kRight},
               {"busy %", Align::kRight},
               {"idle", Align::kRight},
               {"exposed comm.", Align::kRight},
               {"hidden comm.", Align::kRight}},
              {}};
  for (const analysis::ReplayedDevice& d : replay.devices) {
    table.rows.push_back({d.name, time_text(d.busy), percent(d.busy, replay.makespan),
                          time_text(d.idle), time_text(d.exposed), time_text(d.hidden)});
  }
  return table;
}

Table links_table(const Replay& replay) {
  Table table{{{"link"},
               {"bytes", Align::kRight},
               {"busy", Align::kRight},
               {"busy %", Align::kRight},
               {"mean of capacity", Align::kRight}},
              {}};
  for (const analysis::ReplayedLink& l : replay.links) {
    if (l.busy == sim::Duration::zero()) continue;
    const double could = l.capacity.count() * sim::to_seconds(l.busy);
    table.rows.push_back({l.name, bytes_text(l.bytes), time_text(l.busy),
                          percent(l.busy, replay.makespan),
                          fmt::format("{:.1f} %", 100 * l.bytes / could)});
  }
  return table;
}

/// The nodes of the critical path that take longest.
Table nodes_table(const Replay& replay, const workloads::OpGraphDocument& document) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < replay.nodes.size(); ++i) {
    if (replay.nodes[i].on_critical_path) order.push_back(i);
  }
  const auto time = [&](std::size_t i) { return replay.nodes[i].end - replay.nodes[i].start; };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return time(a) != time(b) ? time(a) > time(b) : a < b;
  });
  if (order.size() > kMostNodes) order.resize(kMostNodes);
  Table table{{{"longest on the critical path"},
               {"kind"},
               {"start", Align::kRight},
               {"time", Align::kRight},
               {"evidence"}},
              {}};
  for (const std::size_t i : order) {
    const analysis::ReplayedNode& node = replay.nodes[i];
    table.rows.push_back({shortened(document.nodes[i].name, 48), std::string(to_string(node.cause)),
                          time_text(node.start - sim::Time{}), time_text(time(i)),
                          std::string(node.evidence)});
  }
  return table;
}

}  // namespace

std::string replay_text(const Replay& replay, const workloads::OpGraphDocument& document,
                        const Console& console) {
  std::string text = fmt::format(
      "{}{} nodes on {}: {} ({})\n\n", document.title.empty() ? "" : document.title + ", ",
      document.nodes.size(), replay.rig, console.bold(time_text(replay.makespan)), replay.evidence);
  for (const Table& table : {causes_table(replay), devices_table(replay), links_table(replay),
                             nodes_table(replay, document)}) {
    if (!table.rows.empty()) text += to_text(table, console) + '\n';
  }
  text += fmt::format("communication: {} exposed (on the critical path), {} hidden\n",
                      time_text(replay.exposed), time_text(replay.hidden));
  return text;
}

}  // namespace rigsim::cli
