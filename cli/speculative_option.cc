#include "cli/speculative_option.h"

#include <string>
#include <utility>

#include "configs/config_error.h"

namespace rigsim::cli {

std::optional<workloads::Speculating> read_speculating(const ParsedOptions& options,
                                                       const configs::Catalog& catalog,
                                                       const workloads::ServingChoice& choice,
                                                       const workloads::DeploymentRequest& request,
                                                       const workloads::ServingProfile& profile) {
  if (!choice.speculative) return std::nullopt;
  const workloads::SpeculativeChoice& said = *choice.speculative;
  if (said.draft.empty() && choice.async_scheduling == true) {
    throw configs::ConfigError({{}, 0, 0, "--async-scheduling"},
                               "n-grams are looked up between two steps, so that none is scheduled "
                               "ahead; a draft model allows it");
  }
  return options.checked("speculative", [&] {
    workloads::check_speculation(request.plan, profile.batching, request.engine,
                                 choice.prefill_replicas.has_value());
    workloads::Speculating speculating{said, {}};
    if (!said.draft.empty()) {
      configs::ModelFile file = catalog.model_file(said.draft);
      const std::string weights = !said.draft_weights.empty()
                                      ? said.draft_weights
                                      : file.weights_format.value_or(std::string("bf16"));
      speculating.draft = {std::move(file.model), catalog.weights_format(weights)};
      (void)workloads::draft_memory(workloads::draft_request(request, *speculating.draft));
    }
    workloads::BatchLimits limits = profile.limits;
    workloads::ServingHost host = profile.host;
    if (!profile.sized_by_memory) workloads::speculate(speculating, limits, host);
    return std::optional(std::move(speculating));
  });
}

}  // namespace rigsim::cli
