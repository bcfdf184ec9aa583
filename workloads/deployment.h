#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/units.h"
#include "topology/collective_profile.h"
#include "topology/network.h"
#include "topology/rig.h"
#include "workloads/engine_profile.h"
#include "workloads/forward_pass.h"
#include "workloads/kernel_cost.h"
#include "workloads/model.h"
#include "workloads/parallel_plan.h"

namespace rigsim::workloads {

/// Consecutive layers on one group of devices (tensor parallel within the group), or on the host's
/// CPU.
struct DeployedStage {
  int first_layer = 0;
  int layer_count = 0;
  bool has_head = false;
  bool on_host = false;
  std::vector<std::uint32_t> devices;   ///< indices into Rig::devices; empty when on_host
  SplitMode split = SplitMode::kLayer;  ///< how `devices` share a layer where they are several
  std::uint32_t replica = 0;
};

/// A model placed on a rig under an engine: everything a pass needs to be lowered to ops.
struct Deployment {
  Model model;
  std::string weights_format;  ///< catalogue name, selects the format's fit
  WeightLayout weights;
  EngineProfile engine;
  topology::Rig rig;
  topology::RigNetwork network;
  ParallelPlan plan;
  std::vector<DeployedStage> stages;  ///< replica by replica, in the order of the layers
  double kv_bytes_per_element = 2;
  std::vector<DeviceRates> rates;        ///< by device
  std::vector<BackendProfile> backends;  ///< by device
  topology::Device host_device;          ///< the host's CPU, when a stage is on it
  DeviceRates host_rates;                ///< of the host's CPU
  BackendProfile host_backend;
  ResourceScale scale;                                     ///< in all rates and costs above
  std::optional<topology::CollectiveProfile> collectives;  ///< as DeploymentRequest's

  [[nodiscard]] int tensor_parallel() const;
  /// The stages of one of the plan.dp replicas.
  [[nodiscard]] std::span<const DeployedStage> replica(std::size_t index) const;
};

}  // namespace rigsim::workloads
