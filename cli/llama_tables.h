#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "configs/scenario.h"
#include "workloads/engine_profile.h"

namespace rigsim::cli {

/// How a table is written.
enum class TableForm { kMarkdown, kCsv, kJson, kJsonl };

/// "md", "csv", "json", "jsonl". Throws std::invalid_argument listing them.
[[nodiscard]] TableForm table_form(const std::string& name);

/// One row of llama-bench: a prompt alone, or tokens generated from an empty context.
struct LlamaBenchTest {
  std::int64_t prompt = 0;
  std::int64_t generated = 0;
  double seconds = 0;
};

/// Predictions as llama.cpp's llama-bench prints measurements (tools/llama-bench, 2026): the same
/// columns and fields in the same order, for scripts that read those. There is one sample of each
/// test, so that the deviation is 0; `model_type` is catalogue names, the commit is rigsim's, what
/// a simulation does not have (time, threads) is left at 0.
[[nodiscard]] std::string llama_bench_text(TableForm form, const configs::Scenario& scenario,
                                           const workloads::EngineProfile& engine,
                                           std::span<const LlamaBenchTest> tests);

/// One row of llama-batched-bench: equal sequences side by side.
struct BatchedBenchTest {
  std::int64_t prompt = 0;
  std::int64_t generated = 0;
  std::int64_t sequences = 1;
  double prompt_seconds = 0;
  double generating_seconds = 0;
};

/// The same for llama-batched-bench (tools/batched-bench, 2026), without shared prompts: kMarkdown
/// or kJsonl. Throws std::invalid_argument for another form.
[[nodiscard]] std::string batched_bench_text(TableForm form, const configs::Scenario& scenario,
                                             const workloads::EngineProfile& engine,
                                             std::span<const BatchedBenchTest> tests);

}  // namespace rigsim::cli
