#include "workloads/serving/batching.h"

#include <array>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

constexpr std::array<std::string_view, 5> kNames{"vllm-v1", "vllm-v0", "sarathi", "orca", "static"};

}  // namespace

std::string_view name_of(const Batching& batching) { return kNames[batching.index()]; }

Batching batching_named(std::string_view name) {
  const std::array<Batching, kNames.size()> all{
      VllmV1Batching{}, VllmV0Batching{}, SarathiBatching{}, OrcaBatching{}, StaticBatching{}};
  std::string allowed;
  for (const Batching& each : all) {
    if (name_of(each) == name) return each;
    if (!allowed.empty()) allowed += ", ";
    allowed += name_of(each);
  }
  throw std::invalid_argument("batching \"" + std::string(name) + "\" is not one of " + allowed);
}

void validate(const BatchLimits& limits) {
  const auto at_least_one = [](const char* what, std::int64_t value) {
    if (value < 1)
      throw std::invalid_argument(std::string(what) + " must be >= 1, got " +
                                  std::to_string(value));
  };
  at_least_one("max_sequences", limits.max_sequences);
  at_least_one("step_tokens", limits.step_tokens);
  at_least_one("kv_blocks", limits.kv_blocks);
  at_least_one("kv_block_tokens", limits.kv_block_tokens);
}

}  // namespace rigsim::workloads
