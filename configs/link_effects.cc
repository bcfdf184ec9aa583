#include "configs/link_effects.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "configs/catalog.h"
#include "configs/csv_row.h"
#include "configs/embedded_files.h"
#include "topology/rig_builder.h"
#include "topology/rig_change.h"

namespace rigsim::configs {
namespace {

const std::vector<std::string>& columns() {
  static const std::vector<std::string> kNames = {
      "id",     "change",        "mechanism",     "model",         "weights",    "engine",
      "phase",  "prompt_tokens", "output_tokens", "context_depth", "batch",      "rig_a",
      "plan_a", "measured_a",    "rig_b",         "plan_b",        "measured_b", "unit",
      "source", "source_place",  "exclusion",     "note"};
  return kNames;
}

constexpr std::array<std::pair<std::string_view, MeasuredPhase>, 2> kPhases = {
    {{"prefill", MeasuredPhase::kPrefill}, {"decode", MeasuredPhase::kDecode}}};

LinkArm read_arm(const CsvRow& row, std::string_view side) {
  const auto column = [&](std::string_view name) { return fmt::format("{}_{}", name, side); };
  LinkArm arm;
  arm.rig = row.text(column("rig"));
  arm.plan = row.text(column("plan"));
  arm.measured = row.figure(column("measured")).value_or(0);
  return arm;
}

void check_scored(const CsvRow& row, const LinkEffect& effect) {
  if (!effect.scored()) return;
  for (const char* column : {"change", "mechanism", "model", "weights", "engine", "rig_a", "rig_b"})
    (void)row.some_text(column);
  if (effect.a.measured <= 0) row.fail("measured_a", "a scored comparison needs a figure above 0");
  if (effect.b.measured <= 0) row.fail("measured_b", "a scored comparison needs a figure above 0");
  const bool prefill = effect.phase == MeasuredPhase::kPrefill;
  const std::string_view length = prefill ? "prompt_tokens" : "output_tokens";
  if ((prefill ? effect.prompt_tokens : effect.output_tokens) < 1)
    row.fail(length, "a scored comparison needs the length that was timed");
  if (effect.batch < 1) row.fail("batch", "a scored comparison needs at least 1 sequence");
}

LinkEffect read_effect(const CsvRow& row) {
  LinkEffect effect;
  effect.id = row.some_text("id");
  effect.change = row.text("change");
  effect.mechanism = row.text("mechanism");
  effect.model = row.text("model");
  effect.weights = row.text("weights");
  effect.engine = row.text("engine");
  effect.phase = row.choice("phase", kPhases);
  effect.prompt_tokens = row.count("prompt_tokens");
  effect.output_tokens = row.count("output_tokens");
  effect.context_depth = row.count("context_depth");
  effect.batch = row.count("batch");
  effect.a = read_arm(row, "a");
  effect.b = read_arm(row, "b");
  effect.unit = row.text("unit");
  effect.source = row.some_text("source");
  effect.source_place = row.text("source_place");
  effect.exclusion = row.text("exclusion");
  effect.note = row.text("note");
  check_scored(row, effect);
  return effect;
}

std::string_view shipped(std::string_view path) {
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path == path) return file.text;
  }
  throw std::logic_error(fmt::format("no built-in file {}", path));
}

std::vector<std::string_view> split_at(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(mark, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

int number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::invalid_argument(fmt::format("expected a number, got {}", in_quotes(text)));
  return value;
}

/// "3x16/8/8": the generation, and the lanes of all devices or of each.
void set_pcie(std::vector<topology::InstalledDevice>& devices, std::string_view text) {
  const auto parts = split_at(text, 'x');
  if (parts.size() != 2) {
    throw std::invalid_argument(
        fmt::format("pcie must be GENERATIONxLANES, such as 3x16/8/8, got {}", in_quotes(text)));
  }
  const auto lanes = split_at(parts[1], '/');
  if (lanes.size() != 1 && lanes.size() != devices.size()) {
    throw std::invalid_argument(
        fmt::format("pcie={} names {} slots for {} devices", text, lanes.size(), devices.size()));
  }
  for (std::size_t i = 0; i < devices.size(); ++i) {
    devices[i].device.pcie_gen = number(parts[0]);
    devices[i].device.pcie_lanes = number(lanes[lanes.size() == 1 ? 0 : i]);
  }
}

bool has_nvlink(const topology::Rig& rig) {
  return std::any_of(rig.cables.begin(), rig.cables.end(), [](const topology::Cable& cable) {
    return cable.kind == topology::CableKind::kNvlink;
  });
}

topology::Rig with_slots(const topology::Rig& rig, std::string_view pcie) {
  topology::RigRequest request;
  request.name = rig.name;
  request.devices = rig.devices;
  request.host = rig.host;
  request.link = has_nvlink(rig) ? topology::LinkChoice::kNvlink : topology::LinkChoice::kPcie;
  set_pcie(request.devices, pcie);
  return topology::build_rig(request);
}

}  // namespace

std::vector<LinkEffect> parse_link_effects(std::string_view csv, std::string file) {
  const CsvTable table = parse_csv(csv, std::move(file));
  check_columns(table, columns());
  std::vector<LinkEffect> effects;
  for (const CsvRecord& record : table.records) effects.push_back(read_effect({table, record}));
  return effects;
}

std::vector<LinkEffect> link_effects() {
  constexpr std::string_view kPath = "catalog/link_effects/comparisons.csv";
  return parse_link_effects(shipped(kPath), std::string(kPath));
}

std::vector<MeasuredRow> row_split_rows() {
  constexpr std::string_view kPath = "catalog/link_effects/llama_cpp_row_split.csv";
  return parse_measured_rows(shipped(kPath), std::string(kPath));
}

topology::Rig link_rig(std::string_view text, const Catalog& catalog) {
  const auto words = split_at(text, ' ');
  if (words.empty()) throw std::invalid_argument("a rig needs a name");
  topology::Rig rig = catalog.rig(words.front());
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with("pcie=")) {
      rig = with_slots(rig, words[i].substr(5));
    } else if (words[i] == "p2p=on" || words[i] == "p2p=off") {
      rig = topology::with_pcie_peer_access(std::move(rig), words[i] == "p2p=on");
    } else if (words[i] == "nccl-p2p=sys") {
      rig.nccl_peers_at_any_distance = true;
    } else {
      throw std::invalid_argument(
          fmt::format("rig {}: unknown word {}; allowed: pcie=, p2p=on, p2p=off, nccl-p2p=sys",
                      in_quotes(text), in_quotes(words[i])));
    }
  }
  return rig;
}

}  // namespace rigsim::configs
