#include "cli/pipeline_timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace rigsim::cli {
namespace {

using workloads::PassKind;
using workloads::PipelineSpan;

constexpr std::size_t kLeastCells = 10;

char letter(PassKind kind) {
  if (kind == PassKind::kForward) return 'F';
  return kind == PassKind::kBackwardWeight ? 'W' : 'B';
}

/// The cell of a row of `cells` in which `time` falls.
std::size_t cell_of(sim::Time time, sim::Duration makespan, std::size_t cells) {
  const double share =
      static_cast<double>(time.time_since_epoch().count()) / static_cast<double>(makespan.count());
  return std::min(static_cast<std::size_t>(share * static_cast<double>(cells)), cells);
}

void draw(const PipelineSpan& span, sim::Duration makespan, std::string& row) {
  const std::size_t begin = cell_of(span.start, makespan, row.size());
  const std::size_t end = std::max(cell_of(span.end, makespan, row.size()), begin + 1);
  std::string text(1, letter(span.op.pass.kind));
  const std::string number = fmt::format("{}", span.op.pass.micro_batch);
  if (begin + 1 + number.size() <= end) text += number;
  text.resize(end - begin, '=');
  // A pass too short for a cell of its own gives way to one that has it.
  for (std::size_t i = begin; i < std::min(end, row.size()); ++i) row[i] = text[i - begin];
}

}  // namespace

std::string timeline_text(const workloads::PipelineResult& result, std::size_t columns) {
  const std::size_t stages = result.stages.size();
  if (stages > kMostDrawnStages || result.makespan == sim::Duration::zero()) return {};
  const std::size_t margin = fmt::formatted_size("{} ", stages - 1);
  const std::size_t cells = std::max(columns, margin + kLeastCells) - margin;
  std::vector<std::string> rows(stages, std::string(cells, '.'));
  for (const PipelineSpan& span : result.spans) {
    if (!span.op.transfer && span.end > span.start) {
      draw(span, result.makespan, rows[span.op.stage]);
    }
  }
  std::string text;
  for (std::size_t stage = 0; stage < stages; ++stage) {
    text += fmt::format("{:>{}} {}\n", stage, margin - 1, rows[stage]);
  }
  return text;
}

}  // namespace rigsim::cli
