#pragma once

#include <vector>

#include "configs/topology_import/gpu_facts.h"

namespace rigsim::configs {

/// The tables that `nvidia-smi --query-gpu=... --format=csv` printed into a text, each from its
/// header to the next blank line or shell prompt. Units may be there or not; "[N/A]" and the like
/// are unknown. Throws UnreadableInput: a header without rows, a row of another length, a number
/// that is none.
[[nodiscard]] std::vector<GpuList> read_gpu_tables(const ImportFile& file,
                                                   const std::vector<TextLine>& lines);

/// The GPUs that `nvidia-smi -q` printed into a text; none: it did not. Throws UnreadableInput
/// where the last block lacks what the first one has, or blocks are fewer than "Attached GPUs".
[[nodiscard]] std::vector<GpuList> read_gpu_log(const ImportFile& file,
                                                const std::vector<TextLine>& lines);

/// Sets what a key of --query-gpu says; keys of no interest are passed over. Throws
/// std::invalid_argument for a value that is none of its key.
void set_query_field(GpuFacts& facts, std::string_view key, std::string_view value);

}  // namespace rigsim::configs
