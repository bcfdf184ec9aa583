#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>

namespace rigsim::workloads {

/// Random numbers that are the same on every machine: Boost's mt19937_64, and distributions whose
/// results need nothing of a C library but exact operations.
class RandomVariates {
 public:
  /// Streams of one seed are unrelated: the engine starts from SplitMix64 of both.
  RandomVariates(std::uint64_t seed, std::uint64_t stream);

  /// Mean 1.
  [[nodiscard]] double exponential();
  /// Mean 0, variance 1.
  [[nodiscard]] double normal();
  /// Scale 1, so mean = variance = shape; shape > 0.
  [[nodiscard]] double gamma(double shape);
  /// From `least` to `most`, both included.
  [[nodiscard]] std::int64_t whole(std::int64_t least, std::int64_t most);

 private:
  /// In (0, 1).
  [[nodiscard]] double fraction();

  boost::random::mt19937_64 engine_;
};

}  // namespace rigsim::workloads
