#include "cli/speculative_option.h"

#include "analysis/scenario_service.h"
#include "configs/config_error.h"

namespace rigsim::cli {

std::optional<workloads::Speculating> read_speculating(const ParsedOptions& options,
                                                       const configs::Catalog& catalog,
                                                       const workloads::ServingChoice& choice,
                                                       const workloads::DeploymentRequest& request,
                                                       const workloads::ServingProfile& profile) {
  if (!choice.speculative) return std::nullopt;
  if (choice.speculative->draft.empty() && choice.async_scheduling == true) {
    throw configs::ConfigError({{}, 0, 0, "--async-scheduling"},
                               "n-grams are looked up between two steps, so that none is scheduled "
                               "ahead; a draft model allows it");
  }
  return options.checked("speculative",
                         [&] { return analysis::speculating(choice, request, profile, catalog); });
}

}  // namespace rigsim::cli
