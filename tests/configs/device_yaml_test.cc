#include "configs/device_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "configs/catalog.h"

namespace rigsim::configs {
namespace {

using testing::HasSubstr;

topology::Device read(const std::string& text) {
  const YamlDocument document = parse_yaml(text, "device.yaml");
  ObjectReader entry = ValueReader(document).object();
  topology::Device device = read_device(entry);
  entry.finish();
  return device;
}

std::string text_of(const topology::Device& device) {
  YamlWriter out;
  write_device(out, device);
  return out.text();
}

/// A device whose compute slows by `value` while copies move.
std::string slowed(const std::string& value) {
  return text_of(Catalog::load().device("rtx-4090")) + "compute_slowdown_under_copy: " + value +
         '\n';
}

TEST(DeviceYaml, KeepsTheSlowdownOfComputeUnderACopy) {
  const topology::Device device = read(slowed("0.15"));
  EXPECT_DOUBLE_EQ(device.compute_slowdown_under_copy, 0.15);
  EXPECT_DOUBLE_EQ(read(text_of(device)).compute_slowdown_under_copy, 0.15);
}

TEST(DeviceYaml, LeavesOutASlowdownOfZero) {
  const topology::Device device = read(slowed("0"));
  EXPECT_EQ(device.compute_slowdown_under_copy, 0);
  EXPECT_THAT(text_of(device), testing::Not(HasSubstr("slowdown")));
}

TEST(DeviceYaml, RefusesASlowdownThatStopsComputeOrSpeedsItUp) {
  for (const std::string value : {"1", "-0.1", "2"}) {
    try {
      (void)read(slowed(value));
      ADD_FAILURE() << value;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr("compute_slowdown_under_copy: must be at least 0"));
    }
  }
}

}  // namespace
}  // namespace rigsim::configs
