#pragma once

#include "workloads/deployment_builder.h"

namespace rigsim::workloads {

/// The plan that an engine makes unasked of `request`, whose own plan is not looked at: its
/// first split over all devices, or where that does not suit the model one stage on each device, up
/// to its layers (llama.cpp), or tensor parallel where the engine can: over all
/// devices, else over the largest power of two, within one machine and at most 8, that divides the
/// model; and as many stages of such groups as the memory needs. Devices beyond that stay idle.
/// Where nothing fits: the split that uses most devices. Throws std::invalid_argument as
/// plan_memory() does of the model, context and batch.
[[nodiscard]] ParallelPlan default_plan(DeploymentRequest request);

}  // namespace rigsim::workloads
