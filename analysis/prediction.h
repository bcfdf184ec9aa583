#pragma once

#include <map>
#include <span>
#include <string>

#include "analysis/validation.h"
#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "configs/measured_rows.h"

namespace rigsim::analysis {

/// What the predictor may know of the device that it is asked about.
enum class DeviceKnowledge {
  kAsShipped,  ///< the fit that the product ships, made with the device's own rows among others
  kLeftOut     ///< the fit made without the device's rows: it is predicted from its family
};

/// Predicts measured rows by simulating them, as `rigsim compare` would.
class RowPredictor {
 public:
  /// Loads the engines that the scored `rows` name. `catalog` must outlive this.
  /// Throws as configs::engine_named.
  RowPredictor(const configs::Catalog& catalog, std::span<const configs::MeasuredRow> rows,
               DeviceKnowledge knowledge);

  /// Throws std::invalid_argument as measured_run() and workloads::deploy() do. May be called from
  /// several threads at once.
  [[nodiscard]] Prediction operator()(const configs::MeasuredRow& row) const;

 private:
  const configs::Catalog& catalog_;
  DeviceKnowledge knowledge_;
  std::map<std::string, configs::EngineFile> engines_;
};

}  // namespace rigsim::analysis
