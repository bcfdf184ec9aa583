#include "sim/slowed_work.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace rigsim::sim {

Speed speed_after(double slowdown) {
  const double speed = std::nearbyint((1 - slowdown) * kFullSpeed);
  if (!(slowdown >= 0 && slowdown < 1) || speed < 1) {
    throw std::invalid_argument(
        fmt::format("a slowdown must be at least 0 and below 1 (by 2^-20), got {}", slowdown));
  }
  return Speed(static_cast<std::int32_t>(speed));
}

SlowedWork::SlowedWork(std::size_t resources, const std::vector<SlowedResource>& slowed)
    : states_(slowed.empty() ? 0 : resources) {
  for (const auto& [resource, speed] : slowed) {
    states_[index_of(resource)].slow = static_cast<std::int32_t>(speed);
  }
}

void SlowedWork::reset() {
  for (State& state : states_) {
    state.op = kNoOp;
    state.copies = 0;
  }
}

Time SlowedWork::end_of(const State& state) {
  const Work ticks = (state.left + state.speed() - 1) / state.speed();
  if (ticks > (Time::max() - Duration(1) - state.since).count() && state.since > Time{}) {
    throw std::out_of_range("an op finishes beyond the clock's range of 106 days");
  }
  return state.since + Duration(static_cast<std::int64_t>(ticks));
}

Time SlowedWork::begin(std::uint32_t resource, std::uint32_t op, std::int64_t picoseconds,
                       std::uint32_t sequence, Time now) {
  State& state = states_[resource];
  state.left = Work(picoseconds) * kFullSpeed;
  state.since = now;
  state.op = op;
  state.sequence = sequence;
  state.end = end_of(state);
  return state.end;
}

std::optional<SlowedWork::End> SlowedWork::copy_began(std::uint32_t resource, Time now) {
  State& state = states_[resource];
  return change_speed(state, state.copies + 1, now);
}

std::optional<SlowedWork::End> SlowedWork::copy_ended(std::uint32_t resource, Time now) {
  State& state = states_[resource];
  return change_speed(state, state.copies - 1, now);
}

std::optional<SlowedWork::End> SlowedWork::change_speed(State& state, std::uint32_t copies,
                                                        Time now) {
  const std::int32_t before = state.speed();
  const bool changes = (copies > 0) != (state.copies > 0);
  if (!changes || state.op == kNoOp) {
    state.copies = copies;
    return std::nullopt;
  }
  // At its end an op may be done to less than a tick beyond.
  const Work done = Work((now - state.since).count()) * before;
  state.left = done < state.left ? state.left - done : 0;
  state.since = now;
  state.copies = copies;
  const Time end = end_of(state);
  if (end == state.end) return std::nullopt;
  state.end = end;
  return End{end, state.sequence, state.op};
}

}  // namespace rigsim::sim
