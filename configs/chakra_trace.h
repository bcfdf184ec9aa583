#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/wire_format.h"
#include "workloads/op_graph_document.h"

namespace rigsim::configs {

/// One node of a Chakra execution trace as it stands in the file (mlcommons/chakra
/// schema/protobuf/et_def.proto @f5124d76: Node), with those attributes that this program
/// understands.
struct ChakraNode {
  enum Type : std::uint64_t {
    kInvalid = 0,
    kMetadata = 1,
    kMemLoad = 2,
    kMemStore = 3,
    kComp = 4,
    kSend = 5,
    kRecv = 6,
    kCollective = 7
  };

  std::uint64_t id = 0;
  std::string name{};
  std::uint64_t type = kInvalid;
  std::vector<std::uint64_t> deps{};  ///< ctrl_deps, then data_deps
  std::uint64_t duration_micros = 0;
  std::string input_values{};  ///< of a metadata node: inputs.values
  // Attributes by name, numbers of whatever type.
  std::map<std::string, std::int64_t, std::less<>> integers{};
  std::map<std::string, double, std::less<>> reals{};
  std::map<std::string, std::string, std::less<>> texts{};
  std::optional<std::vector<bool>> involved_dim{};
  std::uint64_t offset = 0;  ///< in the file

  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view attribute) const;
  [[nodiscard]] std::optional<std::string> text(std::string_view attribute) const;
  [[nodiscard]] bool flag(std::string_view attribute) const {
    return integer(attribute).value_or(0) != 0;
  }
};

/// One file: the trace of one NPU.
struct ChakraTrace {
  std::string file{};
  std::string version{};
  std::vector<ChakraNode> nodes{};  ///< in the order of the file
  // What this program adds to the metadata, so that a graph comes back as it was:
  bool global_ids = false;             ///< equal ids in several files are one node
  std::vector<std::string> devices{};  ///< names of all NPUs
  std::string title{};
  std::optional<workloads::PricedOn> priced_on{};
};

/// Attributes beyond ASTRA-sim's; other programs pass over them.
namespace chakra_attribute {
inline constexpr const char* kGraph = "rigsim.graph";      ///< of the file: ids are global
inline constexpr const char* kDevices = "rigsim.devices";  ///< of the file
inline constexpr const char* kTitle = "rigsim.title";      ///< of the file
// Of the file: the rig that durations hold for.
inline constexpr const char* kPricedOn = "rigsim.priced_on";
inline constexpr const char* kPricedDevices = "rigsim.priced_on.devices";
inline constexpr const char* kPricedDigest = "rigsim.priced_on.digest";
inline constexpr const char* kKind = "rigsim.kind";  ///< "delay", "host"
inline constexpr const char* kDuration = "rigsim.duration_ps";
inline constexpr const char* kFlops = "rigsim.flops";  ///< where num_ops cannot be exact
inline constexpr const char* kFormat = "rigsim.format";
inline constexpr const char* kStream = "rigsim.stream";
inline constexpr const char* kAlgorithm = "rigsim.algorithm";
inline constexpr const char* kLibrary = "rigsim.library";
inline constexpr const char* kLaunch = "rigsim.launch";
inline constexpr const char* kSharesLinks = "rigsim.shares_links";  ///< of a collective
inline constexpr const char* kSize = "rigsim.size";      ///< where comm_size cannot be exact
inline constexpr const char* kRanks = "rigsim.ranks";    ///< "2,0,1": rank order of a group
inline constexpr const char* kStaged = "rigsim.staged";  ///< of both ends of a message
inline constexpr const char* kSync = "rigsim.sync";      ///< send/recv that is a dependency
}  // namespace chakra_attribute

/// Reads one trace: GlobalMetadata, then nodes, each behind its length. Throws UnreadableInput with
/// the byte where the file is cut short or is something else.
[[nodiscard]] ChakraTrace parse_chakra_trace(std::string_view bytes, std::string file);

/// Writes a node as parse_chakra_trace reads it, all dependencies as data_deps.
[[nodiscard]] std::string to_bytes(const ChakraNode& node);

/// Writes the metadata that a trace begins with.
[[nodiscard]] std::string metadata_bytes(const ChakraTrace& trace);

}  // namespace rigsim::configs
