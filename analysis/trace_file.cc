#include "analysis/trace_file.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "analysis/trace_fields.h"

namespace rigsim::analysis {
namespace {

constexpr std::array<std::int32_t, 2> kSchemaVersion = {1, 0};  // breaking change, addition
constexpr const char* kComplete = "complete";
constexpr const char* kTracedSteps = "ops_traced_steps";

// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): the same text gives the same id
// everywhere.
std::uint64_t hash(std::string_view text, std::uint64_t state = 0xcbf29ce484222325) {
  for (const char c : text) {
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return state;
}

std::string run_id(const TraceHeader& header) {
  if (!header.run_id.empty()) return header.run_id;
  const auto seed_and_version = fmt::format("\n{}\n{}", header.seed, header.version);
  return fmt::format("{:016x}", hash(seed_and_version, hash(header.scenario)));
}

void write_header(const Hdf5File& file, const TraceHeader& header) {
  const hid_t root = file.id();
  set_attribute(file, root, "Conventions", "CF-1.10");
  set_attribute(file, root, "title", header.title);
  set_attribute(file, root, "history",
                fmt::format("rigsim {}: {}", header.version, header.command_line));
  set_attribute(file, root, "creator", "rigsim");
  set_attribute(file, root, "creator_version", header.version);
  set_attribute(file, root, "creator_commit", header.commit);
  set_attribute(file, root, "schema_name", "rigsim-trace");
  set_attribute(file, root, "schema_version", kSchemaVersion);
  set_attribute(file, root, "run_id", run_id(header));
  set_attribute(file, root, "seed", header.seed);
  set_attribute(file, root, "command_line", header.command_line);
  set_attribute(file, root, "scenario_yaml", header.scenario);
  set_attribute(file, root, kComplete, 0);
}

// "0-3,17"
std::string as_ranges(std::span<const std::uint32_t> steps) {
  if (steps.empty()) return "none";
  std::string text;
  for (std::size_t first = 0; first < steps.size();) {
    std::size_t last = first;
    while (last + 1 < steps.size() && steps[last + 1] == steps[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", steps[first]);
    if (last > first) text += fmt::format("-{}", steps[last]);
    first = last + 1;
  }
  return text;
}

}  // namespace

struct TraceFile::Tables {
  using Clock = std::chrono::steady_clock;

  Tables(const std::filesystem::path& path, const TraceHeader& header, TraceOptions trace_options)
      : file(path), options(trace_options) {
    write_header(file, header);
    set_attribute(file, ops.table().group(), kTracedSteps, "all");
    flush();
  }

  template <class Row>
  std::uint64_t append(RowTable<Row>& table, const Row& row) {
    const std::uint64_t number = table.append(row);
    if (Clock::now() - last_flush >= options.flush_interval) flush();
    return number;
  }

  void write_rows() {
    lookups.write();
    std::apply([](auto&... table) { (table.table().write(), ...); },
               std::tie(ops, transfers, steps, requests, devices, links, summary));
  }

  void flush() {
    write_rows();
    file.flush();
    last_flush = Clock::now();
  }

  Hdf5File file;
  TraceOptions options;
  Clock::time_point last_flush;
  Lookups lookups{file};
  RowTable<OpRow> ops{file, lookups};
  RowTable<TransferRow> transfers{file, lookups};
  RowTable<StepRow> steps{file, lookups};
  RowTable<RequestRow> requests{file, lookups};
  RowTable<DeviceOccupancyRow> devices{file, lookups};
  RowTable<LinkOccupancyRow> links{file, lookups};
  RowTable<SummaryRow> summary{file, lookups};
};

TraceFile::TraceFile(const std::filesystem::path& path, const TraceHeader& header,
                     TraceOptions options)
    : tables_(std::make_unique<Tables>(path, header, options)) {}
TraceFile::~TraceFile() = default;
TraceFile::TraceFile(TraceFile&&) noexcept = default;
TraceFile& TraceFile::operator=(TraceFile&&) noexcept = default;

TraceFile::Tables& TraceFile::open() {
  if (!tables_) throw std::logic_error("a trace that is finished takes nothing more");
  return *tables_;
}

void TraceFile::append(const OpRow& row) { open().append(open().ops, row); }
void TraceFile::append(const TransferRow& row) { open().append(open().transfers, row); }
void TraceFile::append(const RequestRow& row) { open().append(open().requests, row); }
void TraceFile::append(const DeviceOccupancyRow& row) { open().append(open().devices, row); }
void TraceFile::append(const LinkOccupancyRow& row) { open().append(open().links, row); }
void TraceFile::append(const SummaryRow& row) { open().append(open().summary, row); }
std::uint32_t TraceFile::append(const StepRow& row) {
  return static_cast<std::uint32_t>(open().append(open().steps, row));
}

void TraceFile::set_traced_steps(std::span<const std::uint32_t> steps) {
  set_attribute(open().file, open().ops.table().group(), kTracedSteps, as_ranges(steps));
}

void TraceFile::flush() { open().flush(); }

void TraceFile::finish() {
  open().write_rows();
  set_attribute(tables_->file, tables_->file.id(), kComplete, 1);
  tables_->file.publish();
  tables_.reset();
}

std::filesystem::path TraceFile::finish_incomplete() {
  Hdf5File& file = open().file;
  open().write_rows();
  const bool replaces = std::filesystem::exists(file.path());
  const std::filesystem::path kept = replaces ? file.part_path() : file.path();
  replaces ? file.keep_part() : file.publish();
  tables_.reset();
  return kept;
}

}  // namespace rigsim::analysis
