#pragma once

#include "analysis/figure.h"
#include "configs/batch_rows.h"
#include "configs/engine_file.h"

namespace rigsim::configs {
class Catalog;
}

namespace rigsim::analysis {

/// What the simulator says of a measured throughput.
struct PredictedBatch {
  Figure tokens_per_s;       ///< as the row measures
  double mean_batch = 0;     ///< sequences running, over the time that was measured
  double decode_step_s = 0;  ///< mean step without a prompt in it; 0: there was none
};

/// Replays a row the way it was measured: all requests at once through the engine's scheduler.
/// Throws std::invalid_argument as configs::link_rig(), the catalogue and
/// workloads::serving_setup(), naming the row's series; also where the model does not fit.
[[nodiscard]] PredictedBatch replay(const configs::BatchRow& row, const configs::EngineFile& engine,
                                    const configs::Catalog& catalog);

}  // namespace rigsim::analysis
