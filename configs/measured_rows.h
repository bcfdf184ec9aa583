#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rigsim::configs {

/// What a measured row timed. A load is a model that the source could not load at all.
enum class MeasuredPhase { kPrefill, kDecode, kLoad };

[[nodiscard]] std::string_view to_string(MeasuredPhase phase);

/// One published measurement, in our names where we have them. Every row of a source is kept; one
/// that cannot be compared says why in `exclusion`.
struct MeasuredRow {
  std::string source;          ///< where it was published
  std::string source_place;    ///< the file, thread or table there
  std::string date;            ///< "2024-05"
  std::string hardware;        ///< as the source says it
  std::string rig;             ///< our name: "4x3090@230W" (see rig_name.h)
  std::string device;          ///< catalogue name; all devices of a row are of one type
  std::string engine;          ///< our name where a profile ships
  std::string engine_version;  ///< as the source says it
  std::string model;           ///< catalogue name
  std::string weights;         ///< weights format
  MeasuredPhase phase = MeasuredPhase::kDecode;
  std::int64_t prompt_tokens = 0;  ///< timed in prefill; 0: none, or not stated
  std::int64_t output_tokens = 0;  ///< timed in decode; 0: none, or not stated
  std::int64_t context_depth = 0;  ///< KV tokens present before the timed ones
  std::int64_t batch = 1;          ///< sequences in flight
  std::optional<int> threads;      ///< of a CPU run
  std::string kv_format = "f16";   ///< KV cache format
  bool flash_attention = false;    ///< asked of the engine
  double tokens_per_s = 0;         ///< all sequences; 0: the source has no figure
  std::optional<double> stddev;    ///< of tokens_per_s, where the source has it
  std::string exclusion;           ///< why the row is not scored; empty: it is
  std::string note;

  [[nodiscard]] bool scored() const { return exclusion.empty(); }
};

/// Reads rows from CSV text with a header (see parse_csv); its columns are the members of
/// MeasuredRow, in any order, all of them. Throws ConfigError with file, line and column name:
/// a column missing or unknown, a wrong number or choice, and a scored row without a figure or
/// without the length that was timed.
[[nodiscard]] std::vector<MeasuredRow> parse_measured_rows(std::string_view csv, std::string file);

/// The rows that ship with the product, file by file in the order of configs/CMakeLists.txt.
[[nodiscard]] std::vector<MeasuredRow> measured_rows();

}  // namespace rigsim::configs
