#include "cli/capacity_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/comparison_why.h"
#include "cli/comparison_table.h"
#include "cli/number_text.h"
#include "cli/table.h"

namespace rigsim::cli {
namespace {

using analysis::Capacity;
using analysis::CapacityRow;
using analysis::LimitAtLoad;

constexpr int kDigits = 3;

std::string rate(const Capacity& capacity) {
  if (capacity.requests_per_s == 0) return "none";
  return fmt::format("{}{}{}{} ({}-{})", capacity.open ? ">= " : "",
                     significant(capacity.requests_per_s, kDigits), capacity.lasts ? "" : "*",
                     capacity.chance ? " +-" + significant(*capacity.chance, 2) : "",
                     significant(capacity.low, kDigits), significant(capacity.high, kDigits));
}

std::string limit_text(const LimitAtLoad& limit) {
  if (limit.name == "good") return fmt::format("good {:.1f} %", 100 * limit.value);
  return fmt::format("{} {}", limit.name, time_text(limit.value));
}

/// What is beyond its limit one step above the capacity; where nothing is served, at the lowest
/// load.
std::string breaks(const Capacity& capacity) {
  std::string text;
  for (const LimitAtLoad& limit : capacity.above.empty() ? capacity.limits : capacity.above)
    if (!limit.kept) text += (text.empty() ? "" : ", ") + limit_text(limit);
  return text.empty() ? "-" : text;
}

std::string at_capacity(const Capacity& capacity) {
  std::string text;
  for (const LimitAtLoad& limit : capacity.limits)
    text += (text.empty() ? "" : ", ") + limit_text(limit);
  return text;
}

std::string price(const analysis::DatasheetFacts& facts) {
  if (!facts.street_price_low || !facts.street_price_high) return "-";
  return fmt::format("{:.0f}-{:.0f}", *facts.street_price_low, *facts.street_price_high);
}

Table table_of(std::span<const CapacityRow> rows) {
  Table table{{{"rig"},
               {"plan"},
               {"requests/s", Align::kRight},
               {"tokens/s", Align::kRight},
               {"batch", Align::kRight},
               {"there"},
               {"breaks first"},
               {"USD 2025", Align::kRight}},
              {}};
  for (const CapacityRow& row : rows) {
    std::vector<std::string> cells{
        row.rig, plan_text(row.plan) + (row.settings.empty() ? "" : ", " + row.settings)};
    if (row.capacity) {
      const Capacity& capacity = *row.capacity;
      cells.insert(cells.end(),
                   {rate(capacity), significant(capacity.metrics.output_tokens_per_s, kDigits),
                    significant(capacity.metrics.mean_batch, kDigits), at_capacity(capacity),
                    breaks(capacity)});
    } else {
      cells.insert(cells.end(), {"does not fit", "-", "-", "-", "-"});
    }
    cells.push_back(price(row.datasheet));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

std::string verdict(std::span<const CapacityRow> rows, double load) {
  const auto best = analysis::cheapest_that_serves(rows, load);
  if (!best) return fmt::format("None of these with a known price serves {} requests/s.", load);
  const CapacityRow& row = rows[*best];
  return fmt::format(
      "The cheapest that serves {} requests/s: {} ({}), {} USD of devices{}.", load, row.rig,
      plan_text(row.plan), price(row.datasheet),
      row.capacity->low < load ? "; on devices as slow as its band allows it would not" : "");
}

}  // namespace

std::string capacity_text(std::span<const CapacityRow> rows, const analysis::CapacityTarget& target,
                          std::optional<double> load, const std::string& what,
                          const Console& console) {
  std::string text = wrapped(what);
  text += '\n' + to_text(table_of(rows), console) + '\n';
  if (load) text += wrapped(verdict(rows, *load));
  text += wrapped(fmt::format(
      "Requests/s: the highest rate, +- what chance does (95 %), in brackets the band of slower "
      "and "
      "faster devices. {} At that rate (one replication) stand output tokens/s, the mean batch and "
      "what is limited; \"breaks first\" is what passes its limit one step above.",
      target.good
          ? fmt::format("{:g} % of the requests keep all limits.", 100 * *target.good)
          : fmt::format("Limits hold for the {:g}th percentile.", 100 * target.percentile)));
  const auto odd = [](const CapacityRow& row) { return row.capacity && !row.capacity->monotone; };
  if (std::ranges::any_of(rows, odd))
    text += wrapped(
        "Somewhere a slightly higher rate keeps the limits again: the schedule changes with the "
        "load. The first rate that does not counts.");
  const auto short_lived = [](const CapacityRow& row) {
    return row.capacity && row.capacity->requests_per_s > 0 && !row.capacity->lasts;
  };
  if (std::ranges::any_of(rows, short_lived))
    text += wrapped(
        "* While the second half of the traffic arrives, fewer than 0.8 times as many requests are "
        "answered: it ends before its queue passes the limits. More --requests give a rate that "
        "lasts.");
  for (const CapacityRow& row : rows) {
    if (!row.capacity || row.capacity->turned_away == 0) continue;
    text +=
        wrapped(fmt::format("{}: {:.1f} % of the requests are longer than a replica holds and "
                            "do not count; --truncate shortens them.",
                            row.rig, 100 * row.capacity->turned_away));
  }
  return text;
}

}  // namespace rigsim::cli
