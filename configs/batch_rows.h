#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rigsim::configs {

/// What a throughput was measured over.
enum class BatchMeasure {
  kOutput,  ///< output tokens over the whole run
  kTotal,   ///< prompt and output tokens over the whole run
  /// Output tokens while the batch is full: from the first token of request number `limit` to that
  /// of request number `requests - limit` (ML.ENERGY Benchmark, mlenergy/llm/benchmark.py).
  kSteady
};

[[nodiscard]] std::string_view to_string(BatchMeasure measure);

/// One measured throughput of a batch: `requests` are sent at once, of which at most `limit` run
/// together. Rows of one series differ in nothing but the batch.
struct BatchRow {
  std::string set;     ///< what it is summed up with: "lmdeploy", "tensorrt-llm", "ml.energy"
  std::string series;  ///< "a100 llama-2-7b 128/128"
  std::string rig;     ///< as link_rig()
  std::string plan;    ///< as parse_plan(); empty: the engine's own
  std::string engine;
  std::string model;
  std::string weights;
  std::string kv_format;
  bool top_p = false;  ///< tokens are drawn among the likeliest, not the likeliest itself
  BatchMeasure measure = BatchMeasure::kOutput;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;  ///< mean
  double output_cv = 0;            ///< of the answers' lengths (lognormal); 0: all equal
  std::int64_t requests = 0;
  std::optional<std::int64_t> limit;        ///< none: the engine's
  std::optional<std::int64_t> step_tokens;  ///< new tokens of one step; none: the engine's
  std::optional<double> kv_share;           ///< EngineMemory::kv_share_of_free; none: the engine's
  std::optional<double> batch;              ///< sequences running, as the source has it
  double tokens_per_s = 0;
  std::string source;
  std::string source_place;
  std::string date;
  std::string exclusion;  ///< why it is not scored; empty: it is
  std::string note;       ///< what had to be assumed

  [[nodiscard]] bool scored() const { return exclusion.empty(); }
};

/// Reads rows from CSV text whose columns are the members of BatchRow. Throws ConfigError with
/// file, line and column: a number that is wrong, a series whose batches do not increase or whose
/// rows do not stand together, a steady row without more than twice `limit` requests.
[[nodiscard]] std::vector<BatchRow> parse_batch_rows(std::string_view csv, std::string file);

/// The rows that ship with the product.
[[nodiscard]] std::vector<BatchRow> batch_rows();

}  // namespace rigsim::configs
