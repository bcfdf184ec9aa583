#include "cli/llama_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cli/build_info.h"
#include "configs/json_text.h"
#include "workloads/kv_cache.h"
#include "workloads/tensor.h"
#include "workloads/weights_format.h"

namespace rigsim::cli {
namespace {

using configs::Scenario;
using workloads::EngineProfile;

constexpr int kAllLayers = 99;  // what people give llama.cpp for "all"

enum class FieldType { kText, kTruth, kNumber };

struct Field {
  std::string name;
  std::string value;
  FieldType type = FieldType::kNumber;
};

Field text(std::string name, std::string value) {
  return {std::move(name), std::move(value), FieldType::kText};
}
Field truth(std::string name, bool value) {
  return {std::move(name), value ? "1" : "0", FieldType::kTruth};
}
template <class T>
Field number(std::string name, T value) {
  return {std::move(name), std::to_string(value)};
}

std::string backend_of(const Scenario& scenario) {
  switch (workloads::backend_of(scenario.rig.devices.front().device)) {
    case workloads::Backend::kCuda:
      return scenario.rig.devices.front().device.vendor == "AMD" ? "ROCm" : "CUDA";
    case workloads::Backend::kMetal:
      return "MTL";
    case workloads::Backend::kCpu:
      return "CPU";
  }
  throw std::logic_error("unknown backend");
}

std::string gpus_of(const Scenario& scenario) {
  std::string gpus;
  for (const auto& installed : scenario.rig.devices)
    gpus += (gpus.empty() ? "" : ", ") + installed.device.title;
  return gpus;
}

int gpu_layers(const Scenario& scenario) {
  return scenario.plan && scenario.plan->gpu_layers ? *scenario.plan->gpu_layers : kAllLayers;
}

std::string split_of(const Scenario& scenario) {
  return std::string(
      to_string(scenario.plan ? scenario.plan->split : workloads::SplitMode::kLayer));
}

std::string type_of(const Scenario& scenario) {
  return scenario.model.name + ' ' + scenario.weights.name;
}

std::int64_t tokens_of(const LlamaBenchTest& test) { return test.prompt + test.generated; }

double rate_of(const LlamaBenchTest& test) {
  return static_cast<double>(tokens_of(test)) / test.seconds;
}

std::int64_t nanoseconds(const LlamaBenchTest& test) { return std::llround(test.seconds * 1e9); }

/// A row of llama-bench's csv and json, in its order.
std::vector<Field> fields_of(const Scenario& s, const EngineProfile& engine,
                             const LlamaBenchTest& test) {
  const std::string kv(workloads::info(s.kv_cache).name);
  return {text("build_commit", std::string(build_info().commit)),
          number("build_number", 0),
          text("cpu_info", ""),
          text("gpu_info", gpus_of(s)),
          text("backends", backend_of(s)),
          text("model_filename", s.model.name),
          text("model_type", type_of(s)),
          number("model_size", workloads::weight_bytes(s.model, s.weights).count()),
          number("model_n_params", workloads::parameter_count(s.model)),
          number("n_batch", engine.batch_tokens),
          number("n_ubatch", engine.micro_batch_tokens),
          number("n_threads", 0),
          text("cpu_mask", "0x0"),
          truth("cpu_strict", false),
          number("poll", 50),
          text("type_k", kv),
          text("type_v", kv),
          number("n_gpu_layers", gpu_layers(s)),
          number("n_cpu_moe", 0),
          text("split_mode", split_of(s)),
          number("main_gpu", 0),
          truth("no_kv_offload", false),
          truth("flash_attn", engine.flash_attention),
          text("devices", "auto"),
          text("tensor_split", "0.00"),
          text("tensor_buft_overrides", "none"),
          truth("use_mmap", true),
          truth("use_direct_io", false),
          truth("embeddings", false),
          number("no_op_offload", 0),
          truth("no_host", false),
          number("n_prompt", test.prompt),
          number("n_gen", test.generated),
          number("n_depth", 0),
          text("test_time", "1970-01-01T00:00:00Z"),
          number("avg_ns", nanoseconds(test)),
          number("stddev_ns", 0),
          number("avg_ts", rate_of(test)),
          number("stddev_ts", 0.0)};
}

std::string json_value(const Field& field) {
  switch (field.type) {
    case FieldType::kText:
      return configs::json_text(field.value);
    case FieldType::kTruth:
      return field.value == "0" ? "false" : "true";
    case FieldType::kNumber:
      return field.value;
  }
  throw std::logic_error("unknown field type");
}

std::string csv_text(const Scenario& scenario, const EngineProfile& engine,
                     std::span<const LlamaBenchTest> tests) {
  std::string out;
  for (const Field& field : fields_of(scenario, engine, {1, 0, 1}))
    out += (out.empty() ? "" : ",") + field.name;
  out += '\n';
  for (const LlamaBenchTest& test : tests) {
    std::string row;
    for (const Field& field : fields_of(scenario, engine, test)) {
      std::string value = field.value;
      for (std::size_t at = 0; (at = value.find('"', at)) != std::string::npos; at += 2)
        value.insert(at, 1, '"');
      row += fmt::format("{}\"{}\"", row.empty() ? "" : ",", value);
    }
    out += row + '\n';
  }
  return out;
}

std::string json_rows(TableForm form, const Scenario& scenario, const EngineProfile& engine,
                      std::span<const LlamaBenchTest> tests) {
  const bool lines = form == TableForm::kJsonl;
  const char* margin = lines ? "" : "    ";
  const char* end = lines ? " " : "\n";
  std::string out = lines ? "" : "[\n";
  for (const LlamaBenchTest& test : tests) {
    if (!lines && &test != tests.data()) out += ",\n";
    out += lines ? "{" : "  {\n";
    for (const Field& field : fields_of(scenario, engine, test))
      out += fmt::format("{}\"{}\": {},{}", margin, field.name, json_value(field), end);
    out += fmt::format("{}\"samples_ns\": [ {} ],{}", margin, nanoseconds(test), lines ? "" : "\n");
    out += fmt::format("{}\"samples_ts\": [ {:g} ]{}", margin, rate_of(test), lines ? "" : "\n");
    out += lines ? "}\n" : "  }";
  }
  return lines ? out : out + "\n]\n";
}

/// A column of llama-bench's markdown: negative widths stand to the left.
struct MarkdownColumn {
  std::string name;
  int width = 0;
};

std::string cell(const std::string& value, int width) {
  return width < 0 ? fmt::format(" {:<{}} |", value, -width)
                   : fmt::format(" {:>{}} |", value, width);
}

std::string size_text(std::int64_t bytes) {
  constexpr double kMib = 1024.0 * 1024.0;
  constexpr std::int64_t kGib = std::int64_t{1} << 30;
  return bytes < kGib ? fmt::format("{:.2f} MiB", static_cast<double>(bytes) / kMib)
                      : fmt::format("{:.2f} GiB", static_cast<double>(bytes) / kMib / 1024.0);
}

std::string count_text(std::int64_t parameters) {
  return parameters < 1'000'000'000
             ? fmt::format("{:.2f} M", static_cast<double>(parameters) / 1e6)
             : fmt::format("{:.2f} B", static_cast<double>(parameters) / 1e9);
}

std::string name_of(const LlamaBenchTest& test) {
  return test.prompt > 0 ? fmt::format("pp{}", test.prompt) : fmt::format("tg{}", test.generated);
}

std::string markdown_text(const Scenario& scenario, std::span<const LlamaBenchTest> tests) {
  const std::string backend = backend_of(scenario);
  std::vector<MarkdownColumn> columns{
      {"model", -30}, {"size", 10}, {"params", 10}, {"backend", -10}};
  std::vector<std::string> first{
      type_of(scenario),
      size_text(workloads::weight_bytes(scenario.model, scenario.weights).count()),
      count_text(workloads::parameter_count(scenario.model)), backend};
  if (backend != "CPU") {
    columns.push_back({"ngl", 3});
    first.push_back(std::to_string(gpu_layers(scenario)));
  }
  if (split_of(scenario) != "layer") {
    columns.push_back({"sm", 5});
    first.push_back(split_of(scenario));
  }
  columns.push_back({"test", 15});
  columns.push_back({"t/s", 20});
  std::string out = "|";
  for (const MarkdownColumn& column : columns) out += cell(column.name, column.width);
  out += "\n|";
  for (const MarkdownColumn& column : columns) {
    out += fmt::format(" {}{} |",
                       std::string(static_cast<std::size_t>(std::abs(column.width)) - 1, '-'),
                       column.width > 0 ? ':' : '-');
  }
  for (const LlamaBenchTest& test : tests) {
    std::vector<std::string> values = first;
    values.push_back(name_of(test));
    values.push_back(fmt::format("{:.2f} ± 0.00", rate_of(test)));
    out += "\n|";
    for (std::size_t i = 0; i < columns.size(); ++i) out += cell(values[i], columns[i].width);
  }
  return out + fmt::format("\n\nbuild: {} (0)\n", build_info().commit);
}

/// What one row of llama-batched-bench derives.
struct BatchedFigures {
  std::int64_t kv_tokens;
  double prompt_rate, rate, total_seconds, total_rate;

  explicit BatchedFigures(const BatchedBenchTest& t)
      : kv_tokens(t.sequences * (t.prompt + t.generated)),
        prompt_rate(static_cast<double>(t.sequences * t.prompt) / t.prompt_seconds),
        rate(static_cast<double>(t.sequences * t.generated) / t.generating_seconds),
        total_seconds(t.prompt_seconds + t.generating_seconds),
        total_rate(static_cast<double>(kv_tokens) / total_seconds) {}
};

}  // namespace

TableForm table_form(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, TableForm>, 4> kForms{
      {{"md", TableForm::kMarkdown},
       {"csv", TableForm::kCsv},
       {"json", TableForm::kJson},
       {"jsonl", TableForm::kJsonl}}};
  for (const auto& [known, form] : kForms) {
    if (known == name) return form;
  }
  throw std::invalid_argument(
      fmt::format("must be md, csv, json or jsonl, got {}", configs::in_quotes(name)));
}

std::string llama_bench_text(TableForm form, const Scenario& scenario, const EngineProfile& engine,
                             std::span<const LlamaBenchTest> tests) {
  switch (form) {
    case TableForm::kMarkdown:
      return markdown_text(scenario, tests);
    case TableForm::kCsv:
      return csv_text(scenario, engine, tests);
    case TableForm::kJson:
    case TableForm::kJsonl:
      return json_rows(form, scenario, engine, tests);
  }
  throw std::logic_error("unknown form");
}

std::string batched_bench_text(TableForm form, const Scenario& scenario,
                               const EngineProfile& engine,
                               std::span<const BatchedBenchTest> tests) {
  if (form != TableForm::kMarkdown && form != TableForm::kJsonl)
    throw std::invalid_argument("llama-batched-bench writes md and jsonl");
  std::int64_t kv_max = 0;
  for (const BatchedBenchTest& test : tests)
    kv_max = std::max(kv_max, BatchedFigures(test).kv_tokens);
  const int fa = engine.flash_attention ? 1 : 0;
  const int ngl = gpu_layers(scenario);
  std::string out;
  if (form == TableForm::kMarkdown) {
    out = fmt::format(
        "\nmain: n_kv_max = {}, n_batch = {}, n_ubatch = {}, flash_attn = {}, is_pp_shared = 0, "
        "n_gpu_layers = {}, n_threads = 0, n_threads_batch = 0\n\n",
        kv_max, engine.batch_tokens, engine.micro_batch_tokens, fa, ngl);
    out += fmt::format(
        "|{:>6} | {:>6} | {:>4} | {:>6} | {:>8} | {:>8} | {:>8} | {:>8} | {:>8} | {:>8} |\n", "PP",
        "TG", "B", "N_KV", "T_PP s", "S_PP t/s", "T_TG s", "S_TG t/s", "T s", "S t/s");
    out +=
        "|-------|--------|------|--------|----------|----------|----------|----------|----------|"
        "----------|\n";
  }
  for (const BatchedBenchTest& t : tests) {
    const BatchedFigures f(t);
    if (form == TableForm::kMarkdown) {
      out += fmt::format(
          "|{:6} | {:6} | {:4} | {:6} | {:8.3f} | {:8.2f} | {:8.3f} | {:8.2f} | {:8.3f} | {:8.2f} "
          "|\n",
          t.prompt, t.generated, t.sequences, f.kv_tokens, t.prompt_seconds, f.prompt_rate,
          t.generating_seconds, f.rate, f.total_seconds, f.total_rate);
      continue;
    }
    out += fmt::format(
        "{{\"n_kv_max\": {}, \"n_batch\": {}, \"n_ubatch\": {}, \"flash_attn\": {}, "
        "\"is_pp_shared\": 0, \"n_gpu_layers\": {}, \"n_threads\": 0, \"n_threads_batch\": 0, "
        "\"pp\": {}, \"tg\": {}, \"pl\": {}, \"n_kv\": {}, \"t_pp\": {:f}, \"speed_pp\": {:f}, "
        "\"t_tg\": {:f}, \"speed_tg\": {:f}, \"t\": {:f}, \"speed\": {:f}}}\n",
        kv_max, engine.batch_tokens, engine.micro_batch_tokens, fa, ngl, t.prompt, t.generated,
        t.sequences, f.kv_tokens, t.prompt_seconds, f.prompt_rate, t.generating_seconds, f.rate,
        f.total_seconds, f.total_rate);
  }
  return out;
}

}  // namespace rigsim::cli
