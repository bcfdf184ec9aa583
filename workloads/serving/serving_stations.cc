#include "workloads/serving/serving_stations.h"

namespace rigsim::workloads {

ServingStations::ServingStations(const ServingSetup& setup, Slowness slowness) {
  if (!setup.speculating) {
    passes_.emplace(setup.deployment, setup.host, slowness, setup.host_kv.stages);
    return;
  }
  speculative_.emplace(setup.deployment, setup.draft ? &*setup.draft : nullptr,
                       setup.speculating->choice.tokens, setup.host, slowness);
  speculating_.cost = &*speculative_;
}

}  // namespace rigsim::workloads
