// Fuzzes the readers of graph documents and Chakra traces (RIGSIM_FUZZ_FORMAT: graph or chakra):
// any bytes are either refused with the user's errors, or give a graph that is written and read
// back as it was.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "configs/chakra.h"
#include "configs/config_error.h"
#include "configs/graph_json.h"

namespace rigsim::configs {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

[[maybe_unused]] void graph(std::string_view text) {
  const workloads::OpGraphDocument read = parse_graph_json(text, "graph.json");
  require(parse_graph_json(to_graph_json(read), "again.json") == read);
}

/// The traces of up to four NPUs, with this between them.
constexpr std::string_view kBetween = "\xFF\xFE\xFD";

[[maybe_unused]] void chakra(std::string_view bytes) {
  std::vector<ChakraTrace> traces;
  for (std::size_t npu = 0; npu < 4; ++npu) {
    const std::size_t end = bytes.find(kBetween);
    traces.push_back(parse_chakra_trace(bytes.substr(0, end), "trace"));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + kBetween.size());
  }
  const workloads::OpGraphDocument graph = graph_of(std::move(traces));
  std::vector<ChakraTrace> again;
  for (const std::string& file : to_chakra(graph).traces) {
    again.push_back(parse_chakra_trace(file, "again"));
  }
  require(graph_of(std::move(again)) == graph);
  require(parse_graph_json(to_graph_json(graph), "again.json") == graph);
}

}  // namespace
}  // namespace rigsim::configs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    rigsim::configs::RIGSIM_FUZZ_FORMAT({reinterpret_cast<const char*>(data), size});
  } catch (const rigsim::configs::ConfigError&) {
  } catch (const rigsim::configs::UnreadableInput&) {
  }
  return 0;
}
