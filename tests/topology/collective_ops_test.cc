#include "topology/collective_ops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <tuple>

#include "tests/topology/star.h"

namespace rigsim::topology {
namespace {

using namespace sim::literals;
using namespace std::chrono_literals;
using namespace testing;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Kind = CollectiveKind;
using sim::Duration;

constexpr LinkCost kLink{1us, 100_GBps};
constexpr sim::Bytes kSizes[] = {1_B, 100_kB, 1_MiB, sim::Bytes(123'456'789)};

// How many messages follow each other: the time of empty ones of one second each.
std::int64_t steps(Kind kind, Algorithm algorithm, std::uint32_t ranks,
                   const CollectiveOptions& options) {
  return collective_time(kind, algorithm, ranks, 0_B, {{1s, 1_GBps}}, options) / 1s;
}

using Lowered = std::tuple<Kind, Algorithm, Granularity>;

std::vector<Lowered> everything() {
  std::vector<Lowered> all;
  for (const Kind kind : kCollectiveKinds) {
    for (const Algorithm algorithm : kAlgorithms) {
      if (!supports(kind, algorithm)) continue;
      all.emplace_back(kind, algorithm, Granularity::kStepwise);
      all.emplace_back(kind, algorithm, Granularity::kBulk);
    }
  }
  return all;
}

std::vector<CollectiveOptions> variants(Kind kind, Algorithm algorithm, std::uint32_t ranks,
                                        sim::Bytes size) {
  CollectiveOptions plain;
  plain.chunks = best_chunks(kind, algorithm, ranks, size, kLink);
  std::vector<CollectiveOptions> all{plain};
  all.push_back(plain);
  all.back().reduction = 300_GBps;
  if (algorithm == Algorithm::kHierarchical) {
    for (std::uint32_t machines = 2; machines <= ranks; ++machines) {
      if (ranks % machines != 0) continue;
      all.push_back(all[1]);
      all.back().machines = machines;
    }
  }
  if (algorithm == Algorithm::kPat) all.emplace_back().aggregation = 3;
  const bool chunked = algorithm == Algorithm::kTree || algorithm == Algorithm::kTwoShot ||
                       (kind == Kind::kBroadcast && algorithm == Algorithm::kRing);
  if (chunked) all.emplace_back().chunks = 3;
  return all;
}

class EveryAlgorithm : public ::testing::TestWithParam<Lowered> {};

// One port each way per rank, nothing else on the links: the simulated time is the formula's,
// within the larger of 1e-9 and 1 ps per step.
TEST_P(EveryAlgorithm, AloneOnUniformLinksTakesItsClosedForm) {
  const auto [kind, algorithm, granularity] = GetParam();
  for (std::uint32_t ranks = 2; ranks <= 64; ++ranks) {
    const Star star(ranks, kLink);
    for (const sim::Bytes size : kSizes) {
      for (const CollectiveOptions& options : variants(kind, algorithm, ranks, size)) {
        const Duration formula = collective_time(kind, algorithm, ranks, size, {kLink}, options);
        const Duration simulation =
            simulated(star.network, star.route_of(), request(kind, ranks, size), algorithm,
                      granularity, options);
        const double tolerance =
            std::max(1e-9 * static_cast<double>(formula.count()),
                     static_cast<double>(steps(kind, algorithm, ranks, options)));
        ASSERT_NEAR(static_cast<double>(simulation.count()), static_cast<double>(formula.count()),
                    tolerance)
            << ranks << " ranks, " << size.count() << " B, " << options.machines << " machines";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Collective, EveryAlgorithm, ::testing::ValuesIn(everything()),
                         [](const auto& test) {
                           return std::string(to_string(std::get<0>(test.param))) + "_" +
                                  std::string(to_string(std::get<1>(test.param))) +
                                  (std::get<2>(test.param) == Granularity::kBulk ? "_bulk"
                                                                                 : "_stepwise");
                         });

}  // namespace
}  // namespace rigsim::topology
