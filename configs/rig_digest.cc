#include "configs/rig_digest.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "configs/rig_yaml.h"

namespace rigsim::configs {
namespace {

/// Fowler, Noll and Vo (draft-eastlake-fnv): the same on every machine.
std::uint64_t fnv_1a(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3;
  }
  return hash;
}

}  // namespace

workloads::PricedOn priced_on(const topology::Rig& rig) {
  workloads::PricedOn result{rig.name, {}, {}};
  for (const auto& installed : rig.devices) result.devices.push_back(installed.device.name);
  topology::Rig nameless = rig;
  nameless.name.clear();
  result.digest = fmt::format("{:016x}", fnv_1a(to_yaml(nameless)));
  return result;
}

}  // namespace rigsim::configs
