#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "configs/measured_rows.h"
#include "topology/rig.h"

namespace rigsim::configs {

class Catalog;

/// One side of a comparison.
struct LinkArm {
  std::string rig;   ///< see link_rig()
  std::string plan;  ///< as parse_plan(); empty: the engine's own
  double measured = 0;
};

/// Two measurements of one model that differ in a link, or in how the model is split over the same
/// links. Every comparison of a source is kept; one that cannot be simulated says why.
struct LinkEffect {
  std::string id;         ///< "3090-bridge-qwen3.6-27b-decode"
  std::string change;     ///< what is other in b: "NVLink bridge -> staged PCIe 4"
  std::string mechanism;  ///< what the effect is made of: "all-reduce", "staged copies"
  std::string model;
  std::string weights;
  std::string engine;
  MeasuredPhase phase = MeasuredPhase::kDecode;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t context_depth = 0;
  std::int64_t batch = 1;
  LinkArm a;
  LinkArm b;
  std::string unit;    ///< of the measured values: "tokens/s", "relative"
  std::string source;  ///< where it was published
  std::string source_place;
  std::string exclusion;  ///< why it is not scored; empty: it is
  std::string note;       ///< what had to be assumed

  [[nodiscard]] bool scored() const { return exclusion.empty(); }
  /// How many times a the source measured in b.
  [[nodiscard]] double measured_ratio() const { return b.measured / a.measured; }
};

/// Reads comparisons from CSV text whose columns are id, change, mechanism, model, weights, engine,
/// phase, prompt_tokens, output_tokens, context_depth, batch, rig_a, plan_a, measured_a, rig_b,
/// plan_b, measured_b, unit, source, source_place, exclusion, note. Throws ConfigError with file,
/// line and column.
[[nodiscard]] std::vector<LinkEffect> parse_link_effects(std::string_view csv, std::string file);

/// The comparisons that ship with the product.
[[nodiscard]] std::vector<LinkEffect> link_effects();

/// The measured row-split runs of llama.cpp that ship with the product.
[[nodiscard]] std::vector<MeasuredRow> row_split_rows();

/// The rig of an arm: a name of the catalogue, then what is other about its PCIe, as words:
/// "2x3090-nvlink@230W", "3xp40 pcie=3x16/8/8" (generation and lanes, of each device where they
/// differ), "2x3090 p2p=on", "8xrtx-pro-6000-blackwell p2p=on nccl-p2p=sys" (NCCL_P2P_LEVEL=SYS as
/// the owner set it). Throws std::invalid_argument for an unknown name or word, or another
/// number of lanes than devices.
[[nodiscard]] topology::Rig link_rig(std::string_view text, const Catalog& catalog);

}  // namespace rigsim::configs
