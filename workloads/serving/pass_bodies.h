#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "workloads/deployment.h"
#include "workloads/serving/ticks.h"

namespace rigsim::workloads {

/// What a step without its attention takes on each stage of a replica and between them, from the op
/// graph of a pass run through the event simulation, alone. Passes are run at the captured sizes,
/// beyond them at multiples of 64 tokens, linear between (a GEMM's tile has 128 rows).
///
/// A stage takes from when all of the hidden state is there to its last kernel or collective; what
/// its ranks gather of the hidden state is part of it. Between two stages come what passes before
/// bytes move (the host's synchronisation, the library), and then the copy.
///
/// Replicas that share their experts are one pass in which each has as many tokens.
class PassBodies {
 public:
  /// `deployment` must outlive this; on devices. Steps of up to the last of `captured`
  /// are padded to the next of them. All takes `slowness` times as long. Throws
  /// std::invalid_argument for several replicas unless they share their experts and have one stage,
  /// for layers on the host, and unless slowness > 0.
  PassBodies(const Deployment& deployment, std::vector<std::int64_t> captured, double slowness);

  [[nodiscard]] std::size_t stages() const { return stages_; }
  /// Everything but attention on a stage; with one row of logits.
  Ticks stage(std::size_t stage, std::int64_t tokens) { return at(stage, tokens); }
  /// From the end of a stage to where the hidden state starts to move to the next.
  Ticks handover(std::size_t stage, std::int64_t tokens) { return at(stages_ + stage, tokens); }
  /// From there to where it has arrived.
  Ticks copy(std::size_t stage, std::int64_t tokens) { return at(2 * stages_ - 1 + stage, tokens); }
  /// What so many rows of logits cost more than one, on the last stage.
  Ticks head(std::int64_t logits);
  /// What `expert_tokens` of all replicas together take at the experts and on the way there and
  /// back, up to a constant that is the same for any number; for steps behind the captured sizes.
  Ticks experts(std::int64_t expert_tokens);

  /// Of up to the last captured size, the size that is run; others as they are.
  [[nodiscard]] std::int64_t padded(std::int64_t tokens) const;
  /// Whether a step of so many tokens replays a captured graph.
  [[nodiscard]] bool captured(std::int64_t tokens) const {
    return !captured_.empty() && tokens <= captured_.back();
  }

 private:
  /// [stages, then handovers, then copies]
  using Parts = std::vector<Ticks>;

  [[nodiscard]] Parts pass(std::int64_t tokens, std::int64_t logits,
                           std::int64_t expert_tokens = 0) const;
  [[nodiscard]] Ticks slowed(sim::Duration duration) const;
  const Parts& parts(std::int64_t tokens);
  Ticks at(std::size_t part, std::int64_t tokens);

  const Deployment& d_;
  std::vector<std::int64_t> captured_;
  double slowness_;
  std::size_t stages_;
  std::map<std::int64_t, Parts> parts_;      // by tokens
  std::vector<std::optional<Ticks>> heads_;  // by logits
  std::map<std::int64_t, Ticks> experts_;    // by their tokens
};

}  // namespace rigsim::workloads
