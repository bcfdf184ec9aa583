#pragma once

#include <optional>

#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "configs/scenario.h"
#include "configs/traffic_text.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/traffic_change.h"

namespace rigsim::analysis {

/// How the engine serves with what is chosen. Throws configs::ConfigError where the engine is not
/// known as a server and no batching is chosen.
[[nodiscard]] workloads::ServingProfile serving_profile(const configs::EngineFile& engine,
                                                        const workloads::ServingChoice& choice);

/// One replica's request; the longest sequence is the scenario's context, else what the model was
/// made for. Throws as deployment_request.
[[nodiscard]] workloads::DeploymentRequest serving_request(const configs::Scenario& scenario,
                                                           const workloads::EngineProfile& engine);

/// What is chosen of speculative decoding, with the draft model that the catalogue, or a user's
/// file, has under its name. Throws std::invalid_argument for what `request` or `profile` do not go
/// with, or the catalogue does not know.
[[nodiscard]] std::optional<workloads::Speculating> speculating(
    const workloads::ServingChoice& choice, const workloads::DeploymentRequest& request,
    const workloads::ServingProfile& profile, const configs::Catalog& catalog);

/// How `scenario` is served under `engine`, its named engine. Less than two KV blocks: the model
/// does not fit. Throws std::invalid_argument for all that does not go together.
[[nodiscard]] workloads::ServingSetup serving_setup(const configs::Scenario& scenario,
                                                    const configs::EngineFile& engine,
                                                    const configs::Catalog& catalog);

/// Traffic that a replica can hold, and what was done to it.
struct FittedTraffic {
  configs::LoadedTraffic loaded;
  workloads::ContextCut cut{};
};

/// Reads or makes traffic, shortened where it asks for that. Throws configs::ConfigError at its
/// place, as configs::load_traffic.
[[nodiscard]] FittedTraffic fitted_traffic(const configs::ScenarioTraffic& traffic,
                                           const workloads::ServingSetup& setup);

}  // namespace rigsim::analysis
