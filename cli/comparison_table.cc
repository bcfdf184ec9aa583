#include "cli/comparison_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "cli/table.h"

namespace rigsim::cli {
namespace {

using analysis::Comparison;
using analysis::Figure;
using analysis::FigureSpec;
using analysis::RigResult;
using analysis::Winner;

constexpr std::size_t kColumns = 100;
constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

/// How a figure is shown: label with its unit, and what the value is multiplied by.
struct Shown {
  std::string_view key;
  std::string_view label;
  double factor;
};

constexpr std::array<Shown, 6> kShown = {{
    {"decode_tokens_per_s", "decode, tokens/s", 1},
    {"prefill_tokens_per_s", "prefill, tokens/s", 1},
    {"ttft_s", "time to first token, s", 1},
    {"tpot_s", "time per output token, ms", 1e3},
    {"bubble_fraction", "bubble, % of device time", 100},
    {"exposed_transfer_fraction", "exposed transfer, %", 100},
}};

const Shown& shown(std::string_view key) {
  const auto found =
      std::find_if(kShown.begin(), kShown.end(), [&](const Shown& s) { return s.key == key; });
  if (found == kShown.end()) throw std::logic_error("a figure that is not shown");
  return *found;
}

/// Three significant digits, so that value and band stay comparable, and never an exponent.
std::string digits(double value) {
  const double size = std::abs(value);
  const int decimals = size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string_view mark(workloads::Evidence evidence) {
  switch (evidence) {
    case workloads::Evidence::kMeasured:
      return "m";
    case workloads::Evidence::kFitted:
      return "f";
    case workloads::Evidence::kDatasheet:
      return "d";
  }
  throw std::logic_error("unknown evidence");
}

std::string gib(sim::Bytes bytes) {
  return fmt::format("{:.2f}", static_cast<double>(bytes.count()) / kGib);
}

std::string heading(const Comparison& comparison) {
  const RigResult& rig = comparison.rigs.front();
  const auto& request = rig.request;
  return wrapped(fmt::format(
      "{} {} on {} {}: prompt {}, output {}, batch {}, context {}, KV cache {}", request.model.name,
      request.weights.name, request.engine.name, request.engine.version, rig.work.prompt_tokens,
      rig.work.output_tokens, rig.work.batch, request.context, info(request.kv_format).name));
}

/// One line of the table of figures: a cell per rig, then the winner.
struct Line {
  std::string label;
  std::vector<std::string> cells;  ///< [rigs]
  std::string winner;
};

std::string winner_text(const Comparison& comparison, std::string_view figure) {
  for (const Winner& winner : comparison.winners) {
    if (winner.figure != figure) continue;
    if (!winner.rig) return "-";
    return comparison.rigs[*winner.rig].name + (winner.clear ? "" : " (bands overlap)");
  }
  return {};
}

template <class Cell>
Line line(const Comparison& comparison, std::string_view label, std::string_view figure,
          Cell&& cell) {
  Line result{std::string(label), {}, winner_text(comparison, figure)};
  for (const RigResult& rig : comparison.rigs) result.cells.push_back(cell(rig));
  return result;
}

std::string range(const std::optional<double>& low, const std::optional<double>& high) {
  if (!low || !high) return "not known";
  return fmt::format("{:.0f}-{:.0f} d", *low, *high);
}

std::vector<Line> lines(const Comparison& comparison) {
  std::vector<Line> all;
  for (const FigureSpec& spec : analysis::figure_specs()) {
    all.push_back(
        line(comparison, shown(spec.key).label, spec.key, [&](const RigResult& rig) -> std::string {
          if (!rig.fits) return "does not fit";
          const auto& figure = (*rig.performance).*spec.member;
          return figure ? figure_text(*figure, spec) : "-";
        }));
  }
  all.push_back(line(comparison, "power, W", "power_w", [](const RigResult& rig) {
    return fmt::format("{:.0f} d", rig.datasheet.power.count());
  }));
  all.push_back(line(comparison, "street price 2025, USD", "price_usd", [](const RigResult& rig) {
    return range(rig.datasheet.street_price_low, rig.datasheet.street_price_high);
  }));
  all.push_back(line(comparison, "launch price, USD", "", [](const RigResult& rig) {
    const auto& price = rig.datasheet.launch_price;
    return price ? fmt::format("{:.0f} d", *price) : std::string("not known");
  }));
  all.push_back(line(comparison, "plan", "",
                     [](const RigResult& rig) { return plan_text(rig.request.plan); }));
  return all;
}

/// Columns of a block: labels, rigs [first, last), and winners in the last block of several rigs.
Table block(const Comparison& comparison, const std::vector<Line>& all, std::size_t first,
            std::size_t last) {
  const bool winners = last == comparison.rigs.size() && comparison.rigs.size() > 1;
  Table table{{{""}}, {}};
  for (std::size_t i = first; i < last; ++i) {
    table.columns.push_back({comparison.rigs[i].name, Align::kRight});
  }
  if (winners) table.columns.push_back({"best"});
  for (const Line& line : all) {
    std::vector<std::string> row = {line.label};
    for (std::size_t i = first; i < last; ++i) row.push_back(line.cells[i]);
    if (winners) row.push_back(line.winner);
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::size_t width_of(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    widest = std::max(widest, width(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return widest;
}

std::string figures_text(const Comparison& comparison, const Console& console) {
  const std::vector<Line> all = lines(comparison);
  std::string text;
  for (std::size_t first = 0; first < comparison.rigs.size();) {
    std::size_t last = comparison.rigs.size();
    const auto too_wide = [&] {
      return width_of(to_text(block(comparison, all, first, last), Console{})) > kColumns;
    };
    while (last > first + 1 && too_wide()) --last;
    if (first > 0) text += '\n';
    text += to_text(block(comparison, all, first, last), console);
    first = last;
  }
  return text;
}

Table memory_table(const Comparison& comparison) {
  Table table{{{"memory, GiB"}, {"device"}}, {}};
  for (const char* header : {"weights", "KV cache", "activations", "runtime", "total", "usable"}) {
    table.columns.push_back({header, Align::kRight});
  }
  table.columns.push_back({""});
  for (const RigResult& rig : comparison.rigs) {
    for (const analysis::MemoryUse& use : rig.memory) {
      const bool over = use.capacity && use.items.total() > *use.capacity;
      table.rows.push_back({rig.name, use.device, gib(use.items.weights), gib(use.items.kv_cache),
                            gib(use.items.activations), gib(use.items.runtime),
                            gib(use.items.total()), use.capacity ? gib(*use.capacity) : "?",
                            over ? "too much" : ""});
    }
  }
  return table;
}

Table share_table(const Comparison& comparison) {
  Table table{{{"device time, %"}, {"phase"}}, {}};
  for (const char* header : {"compute", "memory", "link", "launch", "bubble", "host"}) {
    table.columns.push_back({header, Align::kRight});
  }
  const auto add = [&](const RigResult& rig, std::string_view phase,
                       const std::optional<analysis::PhaseTimes>& times) {
    if (!times) return;
    const workloads::TimeShare& share = times->device_share;
    std::vector<std::string> row = {rig.name, std::string(phase)};
    for (const double part : {share.compute_s, share.memory_s, share.link_s, share.launch_s,
                              share.bubble_s, share.host_s}) {
      row.push_back(fmt::format("{:.1f}", part * 100));
    }
    table.rows.push_back(std::move(row));
  };
  for (const RigResult& rig : comparison.rigs) {
    if (!rig.fits) continue;
    add(rig, "decode", rig.performance->decode);
    add(rig, "prefill", rig.performance->prefill);
  }
  return table;
}

}  // namespace

std::string figure_text(const Figure& figure, const FigureSpec& spec) {
  const double factor = shown(spec.key).factor;
  return fmt::format("{} ({}-{}) {}", digits(figure.value * factor), digits(figure.low * factor),
                     digits(figure.high * factor), mark(figure.evidence));
}

std::string plan_text(const workloads::ParallelPlan& plan) {
  std::string text;
  const auto add = [&](std::string_view key, int value) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  };
  if (plan.tp > 1) add("tp", plan.tp);
  if (plan.pp > 1) add("pp", plan.pp);
  if (plan.dp > 1) add("dp", plan.dp);
  if (plan.ep > 1) add("ep", plan.ep);
  if (plan.split != workloads::SplitMode::kLayer)
    text = fmt::format("{} split={}", text, to_string(plan.split));
  if (plan.gpu_layers) add("gpu_layers", *plan.gpu_layers);
  if (plan.sequence_parallel) text += " sp=on";
  if (!plan.devices.empty()) text += fmt::format(" devices={}", fmt::join(plan.devices, "/"));
  return text.empty() ? "one device" : text;
}

std::string comparison_text(const Comparison& comparison, const Console& console) {
  std::string text = heading(comparison) + '\n' + figures_text(comparison, console) + '\n' +
                     to_text(memory_table(comparison), console) + '\n';
  const Table shares = share_table(comparison);
  if (!shares.rows.empty()) text += to_text(shares, console) + '\n';
  text +=
      "Value (90 % band) and its evidence: m measured, f fitted to this device, d datasheet.\n\n";
  return text + wrapped("Why: " + comparison.why);
}

}  // namespace rigsim::cli
