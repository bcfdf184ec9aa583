#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "configs/chakra_trace.h"

namespace rigsim::configs {

/// A node of one NPU's trace.
struct ChakraPart {
  const ChakraTrace* trace = nullptr;
  const ChakraNode* node = nullptr;
  std::uint32_t npu = 0;

  /// Throws ConfigError with the file and the node's id and name.
  [[noreturn]] void fail(const std::string& message) const;
};

/// What the NPUs do together, or one of them alone.
struct ChakraOp {
  std::vector<ChakraPart> parts;     ///< one per NPU that takes part, at least one
  std::vector<std::uint32_t> after;  ///< rising: indices of ops
};

/// Which NPUs take part in a collective, rising.
using GroupOf = std::function<std::vector<std::uint32_t>(const ChakraPart&)>;

/// Joins the traces of all NPUs: collectives and messages with their counterparts (see graph_of),
/// dependencies across files. Metadata that nothing waits for is left out; messages that stand for
/// a dependency become one. Ops are in the order of their ids, then of their NPUs. `traces` must
/// outlive the result. Throws as graph_of.
[[nodiscard]] std::vector<ChakraOp> merge_traces(const std::vector<ChakraTrace>& traces,
                                                 const GroupOf& group_of);

}  // namespace rigsim::configs
