#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configs/topology_import/import_text.h"

namespace rigsim::configs {

/// A row of a matrix: its label and what stands behind it.
struct SmiRow {
  int line = 0;
  std::string label;
  std::vector<std::string> cells;  ///< of the matrix, as many as it has columns
  std::vector<std::string> rest;   ///< affinities, trimmed; may hold empty ones
};

/// A matrix as text, before anybody knows what its cells mean.
struct SmiTable {
  int line = 0;                      ///< of the header
  std::vector<std::string> columns;  ///< labels: GPU0, GPU1, ..., NIC0 or mlx5_0, ...
  std::vector<SmiRow> rows;
  std::string above;  ///< the nearest line above that is not blank: a title, a command
};

/// Every matrix of a text whose header begins with GPUs. Throws UnreadableInput: a row with too few
/// cells, a GPU without a row, a row that no column belongs to, too many columns.
[[nodiscard]] std::vector<SmiTable> read_smi_tables(const ImportFile& file,
                                                    const std::vector<TextLine>& lines);

/// The number of "GPU12"; none: not such a label.
[[nodiscard]] std::optional<int> gpu_number(std::string_view label);

}  // namespace rigsim::configs
