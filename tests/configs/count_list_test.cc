#include "configs/count_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace rigsim::configs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(CountList, NumbersAndDoublingRanges) {
  EXPECT_THAT(parse_increasing("8", 1, 100), ElementsAre(8));
  EXPECT_THAT(parse_increasing("1-8", 1, 100), ElementsAre(1, 2, 4, 8));
  EXPECT_THAT(parse_increasing("1,3,8-24", 1, 100), ElementsAre(1, 3, 8, 16, 24));
  EXPECT_THAT(parse_increasing("5-5", 1, 100), ElementsAre(5));
  const std::int64_t most = 9'223'372'036'854'775'807;
  EXPECT_EQ(parse_increasing("1-9223372036854775807", 1, most).back(), most);
}

TEST(CountList, SaysWhatIsWrong) {
  const auto refused = [](const char* text) {
    try {
      (void)parse_increasing(text, 1, 100);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refused("0-4"), HasSubstr("must be 1 to 100, got \"0\""));
  EXPECT_THAT(refused("101"), HasSubstr("must be 1 to 100, got \"101\""));
  EXPECT_THAT(refused("8-4"), HasSubstr("the range \"8-4\" runs backwards"));
  EXPECT_THAT(refused("4,4"), HasSubstr("numbers must increase, got 4 behind 4"));
  EXPECT_NE(refused("4,"), "");
  EXPECT_NE(refused(""), "");
  EXPECT_NE(refused("1-2-3"), "");
  EXPECT_NE(refused("x"), "");
}

}  // namespace
}  // namespace rigsim::configs
