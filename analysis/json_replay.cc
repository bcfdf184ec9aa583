#include "analysis/json_replay.h"

#include <fmt/format.h>

#include "configs/json_text.h"

namespace rigsim::analysis {
namespace {

using configs::json_text;

double fraction(sim::Duration part, sim::Duration whole) {
  return whole > sim::Duration::zero() ? sim::to_seconds(part) / sim::to_seconds(whole) : 0;
}

/// Appends `"key": [` items `]`, one a line.
template <class Range, class Item>
void list(std::string& out, const char* key, const Range& range, Item item) {
  out += fmt::format("  \"{}\": [", key);
  const char* separator = "\n    ";
  for (std::size_t i = 0; i < range.size(); ++i) {
    out += separator;
    item(i);
    separator = ",\n    ";
  }
  out += range.empty() ? "],\n" : "\n  ],\n";
}

void add_devices(std::string& out, const Replay& replay) {
  list(out, "devices", replay.devices, [&](std::size_t i) {
    const ReplayedDevice& d = replay.devices[i];
    out += fmt::format(
        "{{\"name\": {}, \"busy_s\": {}, \"idle_s\": {}, \"busy_fraction\": {}, "
        "\"exposed_communication_s\": {}, \"hidden_communication_s\": {}}}",
        json_text(d.name), sim::to_seconds(d.busy), sim::to_seconds(d.idle),
        fraction(d.busy, replay.makespan), sim::to_seconds(d.exposed), sim::to_seconds(d.hidden));
  });
}

void add_links(std::string& out, const Replay& replay) {
  list(out, "links", replay.links, [&](std::size_t i) {
    const ReplayedLink& l = replay.links[i];
    out += fmt::format(
        "{{\"name\": {}, \"bytes\": {}, \"busy_s\": {}, \"busy_fraction\": {}, "
        "\"capacity_bytes_per_s\": {}}}",
        json_text(l.name), l.bytes, sim::to_seconds(l.busy), fraction(l.busy, replay.makespan),
        l.capacity.count());
  });
}

void add_ops(std::string& out, const Replay& replay, const workloads::OpGraphDocument& document) {
  list(out, "ops", replay.nodes, [&](std::size_t i) {
    const ReplayedNode& node = replay.nodes[i];
    out += fmt::format(
        "{{\"name\": {}, \"start_s\": {}, \"end_s\": {}, \"cause\": \"{}\", \"evidence\": \"{}\", "
        "\"on_critical_path\": {}}}",
        json_text(document.nodes[i].name), sim::to_seconds(node.start - sim::Time{}),
        sim::to_seconds(node.end - sim::Time{}), to_string(node.cause), node.evidence,
        node.on_critical_path);
  });
}

}  // namespace

std::string replay_json(const Replay& replay, const workloads::OpGraphDocument& document,
                        std::string_view version, std::string_view commit) {
  std::string out = fmt::format(
      "{{\n  \"version\": {},\n  \"commit\": {},\n  \"title\": {},\n  \"rig\": {},\n"
      "  \"priced_on\": {},\n  \"priced_elsewhere\": {},\n"
      "  \"evidence\": \"{}\",\n  \"contended\": {},\n  \"makespan_s\": {},\n  \"makespan_ps\": "
      "{},\n"
      "  \"exposed_communication_s\": {},\n  \"hidden_communication_s\": {},\n"
      "  \"critical_path_s\": {{",
      json_text(version), json_text(commit), json_text(document.title), json_text(replay.rig),
      document.priced_on ? json_text(document.priced_on->rig) : "null", replay.priced_elsewhere,
      replay.evidence, replay.contended, sim::to_seconds(replay.makespan), replay.makespan.count(),
      sim::to_seconds(replay.exposed), sim::to_seconds(replay.hidden));
  for (const ReplayCause cause : kReplayCauses) {
    const auto i = static_cast<std::size_t>(cause);
    out += fmt::format("{}\"{}\": {}", i > 0 ? ", " : "", to_string(cause),
                       sim::to_seconds(replay.critical_path[i]));
  }
  out += "},\n";
  add_devices(out, replay);
  add_links(out, replay);
  add_ops(out, replay, document);
  out.erase(out.size() - 2);  // the last list's comma
  return out + "\n}\n";
}

}  // namespace rigsim::analysis
