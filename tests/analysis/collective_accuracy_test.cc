#include "analysis/collective_accuracy.h"

#include <gtest/gtest.h>

#include "configs/collective_profile.h"

namespace rigsim::analysis {
namespace {

TEST(CollectiveAccuracy, TheShippedFitsAreWhatTheFitGives) {
  const auto again =
      fit_collectives(configs::unfitted_collective_profile(), configs::Catalog::load());
  EXPECT_EQ(configs::to_yaml_fits(again), configs::to_yaml_fits(configs::collective_profile()));
}

TEST(CollectiveAccuracy, EveryMachineHasEveryMethod) {
  const auto profile = configs::collective_profile();
  const auto rows = collective_errors(profile, configs::Catalog::load());
  // 7 machines x (fitted, family, table, nccl), one of them without others of its family, and each
  // of two numbers of GPUs left out on five.
  EXPECT_EQ(rows.size(), 7U * 4U - 1U + 5U * 2U);
  for (const CollectiveErrors& row : rows) {
    EXPECT_GT(row.errors.count, 15) << row.machine;
    EXPECT_LE(row.errors.median, row.errors.p90);
  }
}

}  // namespace
}  // namespace rigsim::analysis
