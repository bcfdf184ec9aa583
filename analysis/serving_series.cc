#include "analysis/serving_series.h"

#include <algorithm>
#include <numeric>

namespace rigsim::analysis {

SeriesWindow& SeriesWindow::operator+=(const SeriesWindow& other) {
  busy_s += other.busy_s;
  sequence_s += other.sequence_s;
  block_s += other.block_s;
  waiting_s += other.waiting_s;
  stage_s += other.stage_s;
  link_s += other.link_s;
  decode_tokens += other.decode_tokens;
  prompt_tokens += other.prompt_tokens;
  preemptions += other.preemptions;
  return *this;
}

void ServingSeries::make_room(double end_s) {
  while (end_s > window_s_ * static_cast<double>(kMost)) {
    for (std::size_t i = 0; i < windows_.size(); ++i) {
      const SeriesWindow moved = windows_[i];
      if (i % 2 == 0) {
        windows_[i / 2] = moved;
      } else {
        windows_[i / 2] += moved;
      }
    }
    windows_.resize((windows_.size() + 1) / 2);
    window_s_ *= 2;
  }
}

void ServingSeries::add(const workloads::StepRecord& s, workloads::Ticks link) {
  const double begin = workloads::to_seconds(s.start);
  const double duration = workloads::to_seconds(s.duration());
  const double alone = duration > 0 ? workloads::to_seconds(s.busy()) / duration : 1.0;
  const double end = begin + duration;
  const double stages =
      workloads::to_seconds(std::accumulate(s.stages.begin(), s.stages.end(), workloads::Ticks{0}));
  make_room(end);
  const auto at = [&](double time) { return static_cast<std::size_t>(time / window_s_); };
  const std::size_t last = std::min(at(end), kMost - 1);
  if (windows_.size() <= last) windows_.resize(last + 1);
  for (std::size_t i = std::min(at(begin), last); i <= last; ++i) {
    const double from = std::max(begin, static_cast<double>(i) * window_s_);
    const double to = std::min(end, static_cast<double>(i + 1) * window_s_);
    const double inside = std::max(to - from, 0.0);
    const double share = duration > 0 ? inside / duration : 1.0;
    const double busy = inside * alone;
    windows_[i] +=
        {.busy_s = busy,
         .sequence_s = busy * static_cast<double>(s.decodes + s.chunks),
         .block_s = busy * static_cast<double>(s.kv_blocks_held),
         .waiting_s = busy * static_cast<double>(s.waiting),
         .stage_s = share * stages,
         .link_s = share * workloads::to_seconds(link),
         .decode_tokens = share * static_cast<double>(s.decodes * s.steps + s.more_tokens),
         .prompt_tokens = share * static_cast<double>(s.prompt_tokens * s.steps),
         .preemptions = i == last ? s.preemptions : 0};
  }
}

}  // namespace rigsim::analysis
