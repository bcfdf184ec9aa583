#include "configs/nearest_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rigsim::configs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Normalised, IgnoresCaseAndPunctuation) {
  EXPECT_EQ(normalised("RTX 4090"), "rtx4090");
  EXPECT_EQ(normalised("Q4_K_M"), normalised("q4-k-m"));
  EXPECT_EQ(normalised("2\xc3\x97 4090"), "2x4090");
}

TEST(EditDistance, CountsEditsAndSwapsOfNeighbours) {
  EXPECT_EQ(edit_distance("bandwidth", "bandwidth"), 0U);
  EXPECT_EQ(edit_distance("bandwith", "bandwidth"), 1U);
  EXPECT_EQ(edit_distance("bandwdith", "bandwidth"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(NearestNames, PutsTheSmallestDistanceFirst) {
  const std::vector<std::string> names = {"rtx-3090", "rtx-4090", "rtx-a6000", "h100-sxm-80gb"};
  EXPECT_THAT(nearest_names("RTX 4091", names, 2), ElementsAre("rtx-4090", "rtx-3090"));
  EXPECT_THAT(nearest_names("h100", names), ElementsAre("h100-sxm-80gb"));
  EXPECT_THAT(nearest_names("toaster", names), IsEmpty());
  EXPECT_THAT(nearest_names("", names), IsEmpty());
}

TEST(DidYouMean, ReadsAsTheEndOfASentence) {
  const std::vector<std::string> names = {"memory", "memory_bandwidth"};
  EXPECT_EQ(did_you_mean("memroy", names), ", did you mean \"memory\"?");
  EXPECT_EQ(did_you_mean("colour", names), "");
}

}  // namespace
}  // namespace rigsim::configs
