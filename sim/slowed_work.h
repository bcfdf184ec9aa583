#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/ids.h"
#include "sim/units.h"

namespace rigsim::sim {

/// How fast a resource works, in parts of its full speed.
enum class Speed : std::int32_t {};
inline constexpr std::int32_t kFullSpeed = 1 << 20;

/// 1 - slowdown, to the nearest 2^-20. Throws std::invalid_argument unless slowdown is in [0, 1)
/// and the speed > 0.
[[nodiscard]] Speed speed_after(double slowdown);

/// What a graph knows of a resource that transfers slow: its speed meanwhile.
struct SlowedResource {
  ResourceId resource;
  Speed speed;
};

/// The ops on resources whose speed changes while they run: at full speed, or slowed while at least
/// one of the transfers that slow them moves. Exact: work is counted in 2^-20 ps, an op that needs
/// d ps is done at the first picosecond by which d ps of work are. So it never ends early, nor a
/// whole picosecond late; without a slowdown it takes exactly d.
class SlowedWork {
 public:
  static constexpr std::uint32_t kNoOp = 0xFFFFFFFF;

  /// An op's end, moved: its event keeps its place in the order of scheduling.
  struct End {
    Time time;
    std::uint32_t sequence;
    std::uint32_t op;
  };

  /// For the first `resources` resources, those in `slowed` with their speeds.
  SlowedWork(std::size_t resources, const std::vector<SlowedResource>& slowed);

  /// Forgets what runs.
  void reset();

  /// Whether the speed of `resource` may change.
  [[nodiscard]] bool watches(std::uint32_t resource) const {
    return states_[resource].slow < kFullSpeed;
  }

  /// `op` begins; returns its end at the speed of now. Throws std::out_of_range where that is
  /// beyond the clock, as the next two.
  Time begin(std::uint32_t resource, std::uint32_t op, std::int64_t picoseconds,
             std::uint32_t sequence, Time now);
  /// A transfer that slows `resource` begins to move, or has arrived. Returns the end of the op
  /// that runs there, where it moves.
  std::optional<End> copy_began(std::uint32_t resource, Time now);
  std::optional<End> copy_ended(std::uint32_t resource, Time now);

  /// Whether `op` ends on `resource` at `time`: the answer is no for ends that have moved since.
  [[nodiscard]] bool ends(std::uint32_t resource, std::uint32_t op, Time time) const {
    return states_[resource].op == op && states_[resource].end == time;
  }
  /// The resource is free again.
  void finish(std::uint32_t resource) { states_[resource].op = kNoOp; }

  [[nodiscard]] std::size_t memory_bytes() const { return states_.capacity() * sizeof(State); }

 private:
  __extension__ using Work = __int128;  // 2^-20 ps

  struct State {
    Work left = 0;  // of the op, at `since`
    Time since;
    Time end;
    std::uint32_t op = kNoOp;
    std::uint32_t sequence = 0;
    std::uint32_t copies = 0;
    std::int32_t slow = kFullSpeed;

    [[nodiscard]] std::int32_t speed() const { return copies > 0 ? slow : kFullSpeed; }
  };

  std::optional<End> change_speed(State& state, std::uint32_t copies, Time now);
  static Time end_of(const State& state);

  std::vector<State> states_;  // by resource
};

}  // namespace rigsim::sim
