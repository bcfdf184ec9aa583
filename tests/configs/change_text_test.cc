#include "configs/change_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace rigsim::configs {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using workloads::ResourceScale;

ResourceScale scale_of(std::string_view text) {
  return std::get<ResourceScale>(parse_change(text).change);
}

TEST(ChangeText, FactorsAreReadInEachSpelling) {
  EXPECT_EQ(scale_of("compute=x2").compute, 2);
  EXPECT_EQ(scale_of("compute=2x").compute, 2);
  EXPECT_EQ(scale_of("launch=1.5").launch, 1.5);
  EXPECT_EQ(scale_of("host=x0.5").host, 0.5);
}

TEST(ChangeText, ALinkIsBandwidthAndLatency) {
  EXPECT_EQ(scale_of("link=x2"), (ResourceScale{.link_bandwidth = 2, .link_latency = 2}));
  EXPECT_EQ(scale_of("link-latency=inf"), (ResourceScale{.link_latency = 1e6}));
}

TEST(ChangeText, WiringIsReadToo) {
  EXPECT_TRUE(std::holds_alternative<workloads::NvlinkBridges>(parse_change("nvlink").change));
  EXPECT_FALSE(std::get<workloads::PciePeerAccess>(parse_change("p2p=off").change).permitted);
  EXPECT_EQ(std::get<workloads::PcieChange>(parse_change("pcie=5").change).generation, 5);
  EXPECT_EQ(std::get<workloads::PcieChange>(parse_change("lanes=8").change).lanes, 8);
}

TEST(ChangeText, RefusesWithWhatIsAllowed) {
  const auto refuses = [](const char* text, const char* why) {
    EXPECT_THAT([&] { (void)parse_change(text); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(why)))
        << text;
  };
  refuses("memry=x2", "did you mean \"memory\"");
  refuses("", "allowed: nvlink");
  refuses("lanes=3", "1, 2, 4, 8 or 16");
  refuses("pcie=", "1 to 6");
  refuses("pcie=9", "1 to 6");
  refuses("p2p=maybe", "on or off");
  refuses("nvlink=2", "without a value");
  for (const char* factor : {"x0", "x-1", "nan", "x", "1e400", "x2x"})
    refuses((std::string("link=") + factor).c_str(), "a factor > 0");
}

TEST(ChangeText, TheUsualOnesReadBack) {
  for (const auto& change : usual_changes())
    EXPECT_EQ(parse_change(change.text).title, change.title);
}

}  // namespace
}  // namespace rigsim::configs
