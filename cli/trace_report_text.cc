#include "cli/trace_report_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "cli/table.h"

namespace rigsim::cli {

std::string report_text(const configs::TraceReport& report) {
  std::string text;
  const auto line = [&](std::int64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("{} of {} rows {}\n", count, report.rows, what);
  };
  line(report.bad, "were wrong and are left out:");
  for (const std::string& example : report.bad_examples) text += wrapped("  " + example, "    ");
  line(report.unanswered, "have no answer and are left out");
  line(report.out_of_order, "came before the row above and were put in order");
  line(report.same_time, "arrive at the very time of the request before (--spread parts them)");
  if (!report.note.empty()) text += report.note + '\n';
  return text;
}

}  // namespace rigsim::cli
