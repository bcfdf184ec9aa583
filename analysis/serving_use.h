#pragma once

#include <cstdint>
#include <vector>

#include "topology/power.h"
#include "workloads/serving/serving_work.h"

namespace rigsim::analysis {

/// How far the devices that serve are used, and what that takes.
struct ServingUse {
  double mfu = 0;            ///< model FLOPs over the datasheet's dense 16-bit rate while steps run
  double mbu = 0;            ///< bytes the model has to move over the memory's rate while steps run
  double link_fraction = 0;  ///< of the time that steps run, held up by links between devices
  double energy_j = 0;       ///< of the devices of all replicas, without host and cooling
  double energy_per_output_token_j = 0;
  double mean_power_w = 0;
  bool power_fitted = false;  ///< to a power sweep of this very chip; else of its kin, or a prior
};

/// Sums what the steps of a run do. The sums are whole numbers and power follows from them at the
/// end, so leaps and single steps give the same figures.
///
/// Power is that of topology::PowerModel, apart for steps that only decode and for steps with
/// prompts: between its memory-bound and its compute-bound draw by the share of computing, FLOPs
/// over peak against bytes over bandwidth. While no step runs a device waits.
class UseMeter final : public workloads::ServingObserver {
 public:
  /// `setup` must outlive this.
  explicit UseMeter(const workloads::ServingSetup& setup);

  void steps_executed(const workloads::StepRecord& steps) override;
  void gaps_seen(const workloads::GapRun&) override {}
  void request_ended(std::uint32_t, const workloads::RequestRecord&) override {}
  /// Of a run of `duration_s` on all replicas.
  [[nodiscard]] ServingUse result(double duration_s, std::int64_t output_tokens) const;

 private:
  struct Sum {
    workloads::Ticks time = 0;             // steps running
    std::vector<workloads::Ticks> stages;  // of a pipeline: each stage computing
    workloads::StepWork work;
  };
  struct Device {
    topology::PowerModel power;
    double clock = 1;
    std::size_t stage = 0;
  };

  [[nodiscard]] double compute_share(const Sum& sum) const;

  workloads::ServingWork work_;
  std::int32_t replicas_;
  std::vector<Device> devices_;  // of one replica
  Sum decoding_;
  Sum with_prompts_;
};

}  // namespace rigsim::analysis
