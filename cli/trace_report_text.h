#pragma once

#include <string>

#include "configs/traffic/trace.h"

namespace rigsim::cli {

/// What was left out or put in order of a trace's rows, a line each; nothing where nothing was.
[[nodiscard]] std::string report_text(const configs::TraceReport& report);

}  // namespace rigsim::cli
