#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "configs/config_error.h"
#include "workloads/op_graph_document.h"

namespace rigsim::configs {

/// The version that graph documents carry as "rigsim_graph".
inline constexpr int kGraphSchemaVersion = 1;

/// Largest graph file that is read, bytes. A document takes about twice its text in memory.
inline constexpr std::uint64_t kLargestGraphFile = std::uint64_t{4} << 30;

/// Reads a graph document, the JSON of docs/graph.md. Throws UnreadableInput where the text is no
/// JSON; ConfigError with line, column and path ("nodes[3].after[0]"), the value and what is
/// allowed, with the nearest name, for everything else: unknown or duplicate keys, missing ones,
/// bad values, unknown names, circles.
[[nodiscard]] workloads::OpGraphDocument parse_graph_json(std::string_view text, std::string file);

/// The same from a file. Throws UnreadableInput also for a file that cannot be read or is too
/// large.
[[nodiscard]] workloads::OpGraphDocument read_graph_json(const std::filesystem::path& file);

/// Where the node of this number stands in a file that read_graph_json has read; it is read again.
[[nodiscard]] Place graph_node_place(const std::filesystem::path& file, std::uint32_t node);

/// Writes `document` so that parse_graph_json gives an equal one. One node a line. Throws
/// std::invalid_argument as workloads::validate does.
[[nodiscard]] std::string to_graph_json(const workloads::OpGraphDocument& document);

}  // namespace rigsim::configs
