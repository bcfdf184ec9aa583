#pragma once

#include <optional>

#include "cli/command_options.h"
#include "configs/catalog.h"
#include "workloads/serving/serving_choice.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::cli {

/// What is chosen of speculative decoding, with the draft model that the catalogue, or a user's
/// file, has under its name. Throws configs::ConfigError at --speculative for what `request` or
/// `profile` do not go with, or the catalogue does not know.
[[nodiscard]] std::optional<workloads::Speculating> read_speculating(
    const ParsedOptions& options, const configs::Catalog& catalog,
    const workloads::ServingChoice& choice, const workloads::DeploymentRequest& request,
    const workloads::ServingProfile& profile);

}  // namespace rigsim::cli
