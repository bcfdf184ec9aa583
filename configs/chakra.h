#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/chakra_trace.h"
#include "workloads/op_graph_document.h"

namespace rigsim::configs {

/// Largest trace of one NPU that is read, bytes.
inline constexpr std::uint64_t kLargestChakraFile = std::uint64_t{2} << 30;

/// Groups of NPUs by name, as ASTRA-sim's --comm-group-configuration has them.
using CommGroups = std::map<std::string, std::vector<std::uint32_t>, std::less<>>;

/// Reads {"name": [rank, ...], ...}. Throws UnreadableInput for what is no JSON, ConfigError for
/// other shapes and ranks from `npus` on.
[[nodiscard]] CommGroups parse_comm_groups(std::string_view text, const std::string& file,
                                           std::uint32_t npus);

/// Makes one graph of the traces of all NPUs, NPU by NPU:
/// - COMP_NODE: compute on its NPU (with is_cpu_op: work of that NPU's host thread), for
///   duration_micros, else by num_ops and tensor_size;
/// - COMM_COLL_NODE: the k-th collective of a group on one NPU and the k-th on the others are one
///   that starts when all have come to it. The group is pg_name (or comm_group), none: all NPUs;
/// - COMM_SEND_NODE and COMM_RECV_NODE: the k-th send of a (source, destination, tag) and the k-th
///   receive are one transfer;
/// - MEM_LOAD_NODE, MEM_STORE_NODE: transfers from and to the host;
/// - METADATA_NODE: groups that PyTorch wrote; it and INVALID_NODE take no time.
/// The order "k-th" is the order of the file as far as dependencies allow. docs/graph.md says more.
/// Throws UnreadableInput for traces that are damaged (ids twice, dependencies on what is not
/// there), ConfigError for those that no machine could run: collectives and messages that do not
/// match, circles, unknown groups and kinds.
[[nodiscard]] workloads::OpGraphDocument graph_of(std::vector<ChakraTrace> traces,
                                                  const CommGroups& groups = {});

/// Reads PREFIX.0.et, PREFIX.1.et, ... as long as there are such files; of a graph of to_chakra, as
/// many as it has devices. Throws as
/// parse_chakra_trace and graph_of.
[[nodiscard]] workloads::OpGraphDocument read_chakra(
    const std::filesystem::path& prefix,
    const std::optional<std::filesystem::path>& comm_groups = std::nullopt);

/// A graph as Chakra traces.
struct ChakraFiles {
  std::vector<std::string> traces;  ///< [NPUs] the bytes of PREFIX.<npu>.et
  std::string comm_groups;          ///< JSON for ASTRA-sim's --comm-group-configuration
  std::size_t sync_messages = 0;    ///< dependencies between NPUs that became 1-byte messages
};

/// Writes `document` so that graph_of gives it back (dependencies of a node in rising order) and
/// ASTRA-sim can run it. docs/graph.md says what Chakra itself cannot carry. Throws
/// std::invalid_argument as workloads::validate does, and for a collective send/recv, which Chakra
/// does not have.
[[nodiscard]] ChakraFiles to_chakra(const workloads::OpGraphDocument& document);

}  // namespace rigsim::configs
