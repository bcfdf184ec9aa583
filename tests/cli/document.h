#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/program.h"

namespace rigsim::cli::test {

/// The JSON document that a command prints; the run must end with `code` and print no error.
inline nlohmann::json document(const std::string& line, const RunOptions& options = {},
                               int code = 0) {
  const Outcome run = rigsim(line, options);
  EXPECT_EQ(run.code, code) << line << '\n' << run.err;
  EXPECT_EQ(run.err, "") << line;
  return nlohmann::json::parse(run.out);
}

}  // namespace rigsim::cli::test
