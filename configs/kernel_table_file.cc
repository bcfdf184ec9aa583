#include "configs/kernel_table_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "configs/embedded_files.h"
#include "configs/quantity_parser.h"
#include "configs/yaml_reader.h"

namespace rigsim::configs {
namespace {

using workloads::GemmShape;
using workloads::HeadShape;
using workloads::KernelTable;
using workloads::TimeCurve;
using workloads::TimeSurface;

constexpr std::string_view kFolder = "catalog/kernels/";
constexpr double kMicrosecond = 1e-6;

std::vector<std::string> columns(MeasuredKernel kernel) {
  switch (kernel) {
    case MeasuredKernel::kGemm:
      return {"outputs", "inputs", "tokens", "time_us"};
    case MeasuredKernel::kDecodeAttention:
      return {"query_heads", "kv_heads", "head_dim", "sequences", "kv_tokens", "time_us"};
    case MeasuredKernel::kPromptAttention:
      return {"query_heads", "kv_heads", "head_dim", "tokens", "cached_tokens", "time_us"};
  }
  throw std::logic_error("unknown measured kernel");
}

double number(const CsvTable& csv, const CsvRecord& record, std::size_t column) {
  try {
    return parse_number(record.fields[column]);
  } catch (const std::invalid_argument& error) {
    throw ConfigError(csv.place(record, csv.header[column]), error.what());
  }
}

std::int64_t whole(const CsvTable& csv, const CsvRecord& record, std::size_t column) {
  try {
    return parse_count(record.fields[column]);
  } catch (const std::invalid_argument& error) {
    throw ConfigError(csv.place(record, csv.header[column]), error.what());
  }
}

using Records = std::span<const CsvRecord>;

/// Cuts `records` into runs that agree in the column `key`, and hands each to `use`.
template <class Use>
void for_each_run(Records records, std::size_t key, Use use) {
  while (!records.empty()) {
    const std::string& value = records.front().fields[key];
    const auto end = std::find_if(records.begin(), records.end(),
                                  [&](const CsvRecord& r) { return r.fields[key] != value; });
    const auto length = static_cast<std::size_t>(end - records.begin());
    use(records.first(length));
    records = records.subspan(length);
  }
}

/// Runs `make`; what it refuses is a ConfigError at the first of `records`.
template <class Make>
auto checked(const CsvTable& csv, Records records, Make make) {
  try {
    return make();
  } catch (const ConfigError&) {
    throw;
  } catch (const std::invalid_argument& error) {
    throw ConfigError({csv.file, records.front().line, 0, {}}, error.what());
  }
}

TimeCurve curve(const CsvTable& csv, Records records, std::size_t at) {
  std::vector<TimeCurve::Point> points;
  for (const CsvRecord& record : records) {
    points.push_back(
        {number(csv, record, at), number(csv, record, csv.header.size() - 1) * kMicrosecond});
  }
  return checked(csv, records, [&] { return TimeCurve(std::move(points)); });
}

TimeSurface surface(const CsvTable& csv, Records records, std::size_t row) {
  std::vector<TimeSurface::Row> rows;
  for_each_run(records, row, [&](Records run) {
    rows.push_back({number(csv, run.front(), row), curve(csv, run, row + 1)});
  });
  return checked(csv, records, [&] { return TimeSurface(std::move(rows)); });
}

void add_gemms(const CsvTable& csv, KernelTable& table) {
  for_each_run(csv.records, 0, [&](Records same_outputs) {
    for_each_run(same_outputs, 1, [&](Records run) {
      const GemmShape shape{whole(csv, run.front(), 0), whole(csv, run.front(), 1)};
      table.add_gemm(shape, curve(csv, run, 2));
    });
  });
}

template <class Add>
void add_attention(const CsvTable& csv, Add add) {
  for_each_run(csv.records, 0, [&](Records same_queries) {
    for_each_run(same_queries, 1, [&](Records same_heads) {
      for_each_run(same_heads, 2, [&](Records run) {
        const CsvRecord& first = run.front();
        add(HeadShape{whole(csv, first, 0), whole(csv, first, 1), whole(csv, first, 2)},
            surface(csv, run, 3));
      });
    });
  });
}

const EmbeddedFile& embedded(std::string_view path) {
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path == path) return file;
  }
  throw std::logic_error(fmt::format("no built-in file {}", path));
}

KernelTableFile read_entry(const ValueReader& value) {
  ObjectReader entry = value.object();
  KernelTableFile out;
  out.file = std::string(kFolder) + entry.required<std::string>("file");
  out.kernel = entry.value("kernel").choice<MeasuredKernel>(
      {{"gemm", MeasuredKernel::kGemm},
       {"decode_attention", MeasuredKernel::kDecodeAttention},
       {"prompt_attention", MeasuredKernel::kPromptAttention}});
  for (const ValueReader& device : entry.value("devices").some_items()) {
    out.devices.push_back(device.as<std::string>());
  }
  out.source = entry.required<std::string>("source");
  out.notes = entry.value_or<std::string>("notes", {});
  entry.finish();
  return out;
}

}  // namespace

void add_kernel_times(const CsvTable& csv, MeasuredKernel kernel, KernelTable& table) {
  const std::vector<std::string> expected = columns(kernel);
  if (csv.header != expected) {
    throw ConfigError({csv.file, 1, 0, {}},
                      fmt::format("the columns must be {}, got {}", fmt::join(expected, ", "),
                                  fmt::join(csv.header, ", ")));
  }
  switch (kernel) {
    case MeasuredKernel::kGemm:
      add_gemms(csv, table);
      return;
    case MeasuredKernel::kDecodeAttention:
      add_attention(csv, [&](const HeadShape& shape, TimeSurface times) {
        table.add_decode_attention(shape, std::move(times));
      });
      return;
    case MeasuredKernel::kPromptAttention:
      add_attention(csv, [&](const HeadShape& shape, TimeSurface times) {
        table.add_prompt_attention(shape, std::move(times));
      });
      return;
  }
}

std::vector<KernelTableFile> kernel_table_files() {
  const std::string path = std::string(kFolder) + "tables.yaml";
  const YamlDocument document = parse_yaml(embedded(path).text, path);
  ObjectReader map = ValueReader(document).object();
  (void)map.required<std::string>("date");
  std::vector<KernelTableFile> files;
  for (const ValueReader& entry : map.value("tables").some_items()) {
    files.push_back(read_entry(entry));
  }
  map.finish();
  return files;
}

std::map<std::string, KernelTable> kernel_tables(bool attention) {
  std::map<std::string, KernelTable> tables;
  for (const KernelTableFile& entry : kernel_table_files()) {
    if (!attention && entry.kernel != MeasuredKernel::kGemm) continue;
    const CsvTable csv = parse_csv(embedded(entry.file).text, entry.file);
    for (const std::string& device : entry.devices)
      add_kernel_times(csv, entry.kernel, tables[device]);
  }
  return tables;
}

}  // namespace rigsim::configs
