#pragma once

#include "topology/rig.h"
#include "workloads/op_graph_document.h"

namespace rigsim::configs {

/// What a document says of the rig that its durations were priced on. The digest is the 64-bit
/// FNV-1a hash of the rig's YAML without its name.
[[nodiscard]] workloads::PricedOn priced_on(const topology::Rig& rig);

}  // namespace rigsim::configs
