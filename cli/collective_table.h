#pragma once

#include <string>
#include <vector>

#include "analysis/collective_file.h"
#include "cli/collective_question.h"
#include "cli/console.h"
#include "topology/nccl_wiring.h"

namespace rigsim::cli {

/// What was asked of `rigsim collective`, and what came of it.
struct CollectiveAnswer {
  CollectiveQuestion question;
  topology::NcclGraph graph;  ///< what NCCL finds on the first group's devices
  bool contended = false;     ///< whether flows said how much slower shared links are
  std::vector<analysis::CollectiveRow> rows;
};

/// nccl-tests' table, for people.
[[nodiscard]] std::string collective_text(const CollectiveAnswer& answer, const Console& console);

/// The same as one JSON document.
[[nodiscard]] std::string collective_json(const CollectiveAnswer& answer);

}  // namespace rigsim::cli
