#include "cli/fit_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/comparison_why.h"
#include "cli/comparison_table.h"
#include "cli/table.h"

namespace rigsim::cli {
namespace {

using analysis::ContextFit;
using analysis::FormatFit;
using analysis::MemoryUse;

std::string gib(sim::Bytes bytes) {
  return fmt::format("{:.2f}", static_cast<double>(bytes.count()) / (1024.0 * 1024.0 * 1024.0));
}

std::string or_none(const std::optional<std::int64_t>& number) {
  return number ? fmt::format("{}", *number) : std::string("none");
}

std::string capacity(const MemoryUse& use) { return use.capacity ? gib(*use.capacity) : "?"; }

bool too_much(const MemoryUse& use) { return use.capacity && use.items.total() > *use.capacity; }

/// The device with the least room left.
const MemoryUse& fullest(const ContextFit& fit) {
  const auto room = [](const MemoryUse& use) {
    return use.capacity ? (*use.capacity - use.items.total()).count() : INT64_MAX;
  };
  return *std::min_element(
      fit.memory.begin(), fit.memory.end(),
      [&](const MemoryUse& a, const MemoryUse& b) { return room(a) < room(b); });
}

void add_items(std::vector<std::string>& row, const MemoryUse& use) {
  for (const sim::Bytes bytes : {use.items.weights, use.items.kv_cache, use.items.activations,
                                 use.items.runtime, use.items.total()}) {
    row.push_back(gib(bytes));
  }
  row.push_back(capacity(use));
}

std::vector<Column> with_items(std::vector<Column> columns) {
  for (const char* header : {"weights", "KV", "activ.", "runtime", "total", "usable"}) {
    columns.push_back({header, Align::kRight});
  }
  return columns;
}

Table formats_table(const analysis::RigFit& fit) {
  Table table{with_items({{"GiB on the fullest"}, {"device"}}), {}};
  table.columns.push_back({"fits"});
  table.columns.push_back({"context", Align::kRight});
  table.columns.push_back({"batch", Align::kRight});
  for (const FormatFit& format : fit.formats) {
    const MemoryUse& use = fullest(format.contexts.front());
    std::vector<std::string> row = {format.weights.name, use.device};
    add_items(row, use);
    row.push_back(format.contexts.front().fits ? "yes" : "no");
    row.push_back(or_none(format.largest_context));
    row.push_back(or_none(format.largest_batch));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table contexts_table(const FormatFit& format) {
  Table table{with_items({{"context", Align::kRight}, {"device"}}), {}};
  table.columns.push_back({"fits"});
  for (const ContextFit& context : format.contexts) {
    for (const MemoryUse& use : context.memory) {
      std::vector<std::string> row = {fmt::format("{}", context.context), use.device};
      add_items(row, use);
      row.push_back(too_much(use) ? "no" : "yes");
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string changes_text(const FormatFit& format) {
  std::string text;
  for (const auto& change : format.changes) {
    text += fmt::format("  - {}\n", analysis::described(change));
  }
  if (text.empty()) return "No single change makes it fit.\n";
  return fmt::format(
      "{} does not fit. The smallest changes that would make it fit, each alone:\n{}",
      format.weights.name, text);
}

}  // namespace

std::string fit_text(const analysis::RigFit& fit, const Console& console) {
  const std::int64_t context = fit.formats.front().contexts.front().context;
  std::string text =
      wrapped(fmt::format("{} on {}, {} ({}): context {}, batch {}; GiB", fit.model, fit.rig,
                          fit.engine, plan_text(fit.plan), context, fit.batch)) +
      '\n';
  if (fit.formats.size() > 1) {
    text += to_text(formats_table(fit), console);
    text +=
        "\nLargest context at this batch, largest batch at this context. --weights itemises one "
        "format.\n";
  } else {
    const FormatFit& format = fit.formats.front();
    text += to_text(contexts_table(format), console);
    text += fmt::format(
        "\n{}: {:.3f} bits per weight, largest context {} at batch {}, largest batch {} at context "
        "{}.\n",
        format.weights.name, format.bits_per_weight, or_none(format.largest_context), fit.batch,
        or_none(format.largest_batch), context);
  }
  return fit.any_fits() ? text : text + '\n' + changes_text(fit.formats.front());
}

std::string holding_text(std::span<const analysis::RigThatHolds> rigs, const Console& console) {
  Table table{{{"rig"},
               {"largest weights"},
               {"GiB free", Align::kRight},
               {"context up to", Align::kRight},
               {"W", Align::kRight},
               {"street USD 2025", Align::kRight}},
              {}};
  for (const analysis::RigThatHolds& rig : rigs) {
    const auto& facts = rig.datasheet;
    const bool priced = facts.street_price_low && facts.street_price_high;
    table.rows.push_back(
        {rig.rig, rig.weights.name, gib(rig.free), or_none(rig.largest_context),
         fmt::format("{:.0f}", facts.power.count()),
         priced ? fmt::format("{:.0f}-{:.0f}", *facts.street_price_low, *facts.street_price_high)
                : std::string()});
  }
  return to_text(table, console);
}

}  // namespace rigsim::cli
