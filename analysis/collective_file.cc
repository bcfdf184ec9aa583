#include "analysis/collective_file.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "analysis/hdf5_file.h"
#include "analysis/hdf5_table.h"
#include "analysis/trace_table.h"

namespace rigsim::analysis {
namespace {

constexpr std::int32_t kSchemaVersion = 1;

void write_header(const Hdf5File& file, const CollectiveFileHeader& header) {
  const hid_t root = file.id();
  set_origin(file, {header.title, header.version, header.commit}, "rigsim-collective",
             kSchemaVersion);
  set_attribute(file, root, "command_line", header.command_line);
  set_attribute(file, root, "rig", header.rig);
  set_attribute(file, root, "collective", header.collective);
  set_attribute(file, root, "library", header.library);
  set_attribute(file, root, "launch", header.launch);
}

}  // namespace

void write_collective_file(const std::filesystem::path& path, const CollectiveFileHeader& header,
                           const std::vector<CollectiveRow>& rows) {
  Hdf5File file(path);
  write_header(file, header);
  {
    Lookups lookups(file);
    Hdf5Table table(file, {.name = "collective", .description = "one row per size"});
    const auto bytes =
        table.add_column<std::int64_t>({"bytes", "B", "size as nccl-tests counts it"});
    const auto time = table.add_column<double>({"time", "s", "predicted time of one call"});
    const auto band = table.add_column<double>(
        {"error_p90", "1", "nine in ten such predictions are off by at most this, relative"});
    const auto algbw = table.add_column<double>({"algbw", "B s-1", "bytes over time"});
    const auto busbw = table.add_column<double>({"busbw", "B s-1", "bus bandwidth of nccl-tests"});
    const auto text = [&](const char* name, const char* description) {
      return table.add_text_column({name, "1", description}, lookups.table(name));
    };
    const auto algorithm = text("algorithm", "what the library runs");
    const auto protocol = text("protocol", "its wire protocol");
    const auto library = text("library", "whose kernel runs");
    const auto evidence = text("evidence", "what the time comes from");
    for (const CollectiveRow& row : rows) {
      const auto put = [&](ColumnId<std::uint32_t> column, const char* name,
                           std::string_view value) {
        table.push(column, lookups.table(name).code(value));
      };
      table.push(bytes, row.size.count());
      table.push(time, sim::to_seconds(row.cost.time));
      table.push(band, row.cost.error_p90);
      table.push(algbw, row.algorithm_bandwidth.count());
      table.push(busbw, row.bus_bandwidth.count());
      put(algorithm, "algorithm", to_string(row.cost.algorithm));
      put(protocol, "protocol", to_string(row.cost.protocol));
      put(library, "library", to_string(row.cost.library));
      put(evidence, "evidence", to_string(row.cost.evidence));
      table.end_row();
    }
    table.write();
    lookups.write();
  }
  file.publish();
}

}  // namespace rigsim::analysis
