#include "workloads/serving/host_tier_rules.h"

#include <stdexcept>
#include <string>

namespace rigsim::workloads {

void require_host_tier(const HostTierUse& use) {
  const auto refuse = [](const std::string& what) {
    throw std::invalid_argument("host memory behind the prefix cache " + what);
  };
  const auto* v1 = std::get_if<VllmV1Batching>(&use.batching);
  if (v1 == nullptr || v1->by_priority)
    refuse("is modelled with vllm-v1 batching without priorities, not with " +
           text_of(use.batching));
  if (!use.prefix_caching) refuse("needs prefix caching");
  if (use.pipeline) refuse("is not modelled with pipelines yet");
  if (use.speculation) refuse("is not modelled with speculative decoding");
  if (use.prompt_pools) refuse("is not modelled with prompts on replicas of their own");
}

}  // namespace rigsim::workloads
