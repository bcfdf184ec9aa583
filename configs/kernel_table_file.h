#pragma once

#include <map>
#include <string>
#include <vector>

#include "configs/csv_table.h"
#include "workloads/kernel_table.h"

namespace rigsim::configs {

/// Which kernels a file of measured times holds; decides its columns.
enum class MeasuredKernel {
  kGemm,             ///< outputs, inputs, tokens, time_us
  kDecodeAttention,  ///< query_heads, kv_heads, head_dim, sequences, kv_tokens, time_us
  kPromptAttention   ///< query_heads, kv_heads, head_dim, tokens, cached_tokens, time_us
};

/// A shipped file of measured kernel times.
struct KernelTableFile {
  std::string file;  ///< below configs/
  MeasuredKernel kernel = MeasuredKernel::kGemm;
  std::vector<std::string> devices;  ///< catalogue names
  std::string source;
  std::string notes;
};

/// Adds the times of `csv` to `table`, shapes it already has excepted. Rows of one shape stand
/// together, each in increasing order. Throws ConfigError with file and line: wrong columns, no
/// number, not increasing, a time that is not above 0.
void add_kernel_times(const CsvTable& csv, MeasuredKernel kernel, workloads::KernelTable& table);

/// What ships (catalog/kernels/tables.yaml), in the order in which files count. Throws ConfigError.
[[nodiscard]] std::vector<KernelTableFile> kernel_table_files();

/// The shipped measured kernels of every device that has any, by catalogue name; of attention
/// (vLLM's FlashAttention) only on demand. Throws ConfigError.
[[nodiscard]] std::map<std::string, workloads::KernelTable> kernel_tables(bool attention = true);

}  // namespace rigsim::configs
