#pragma once

namespace rigsim::workloads {

/// Natural logarithm and exponential from additions, multiplications and divisions alone, so that
/// the same argument gives the same bits on every IEEE 754 machine (a C library picks other code on
/// other processors). Relative error below 1e-15 for what the generators ask: x > 0, |y| < 700.
[[nodiscard]] double portable_log(double x);
[[nodiscard]] double portable_exp(double y);

}  // namespace rigsim::workloads
