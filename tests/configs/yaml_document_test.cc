#include "configs/yaml_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string refusal(std::string_view text, const YamlLimits& limits = {}) {
  try {
    (void)parse_yaml(text, "rig.yaml", limits);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ParseYaml, KnowsWhereEveryValueStands) {
  const YamlDocument document = parse_yaml("a: 1\nlinks:\n  - bandwidth: 5 GB/s\n", "rig.yaml");
  const YamlNode& bandwidth = *document.root.find("links")->children[0].find("bandwidth");
  EXPECT_EQ(bandwidth.scalar, "5 GB/s");
  EXPECT_EQ(bandwidth.line, 3);
  EXPECT_EQ(bandwidth.column, 16);
}

TEST(ParseYaml, RefusesDuplicateKeysAtEveryDepth) {
  EXPECT_EQ(refusal("a: 1\nb: 2\na: 3\n"),
            "rig.yaml:3:1: a: duplicate key \"a\"; it already stands in line 1");
  EXPECT_EQ(refusal("x:\n  - y: {z: 1, z: 2}\n"),
            "rig.yaml:2:15: x[0].y.z: duplicate key \"z\"; it already stands in line 2");
}

TEST(ParseYaml, RefusesWhatIsNotOneDocument) {
  EXPECT_THAT(refusal("a: 1\n---\nb: 2\n"), StartsWith("rig.yaml:2:1: a second document"));
  EXPECT_EQ(refusal(""), "rig.yaml: the file is empty");
  EXPECT_EQ(refusal("# only a comment\n"), "rig.yaml: the file is empty");
  EXPECT_EQ(refusal("~"), "rig.yaml: the file is empty");
}

TEST(ParseYaml, SaysWhereTheSyntaxIsWrong) {
  EXPECT_THAT(refusal("a: [1, 2\nb: 3\n"), StartsWith("rig.yaml:2:"));
  EXPECT_THAT(refusal("a: \"open\n"), HasSubstr("not valid YAML"));
}

TEST(ParseYaml, CopiesWhatAnAliasNames) {
  const YamlDocument document = parse_yaml("a: &x {m: 1}\nb: *x\n", "rig.yaml");
  EXPECT_EQ(document.root.find("b")->find("m")->scalar, "1");
  EXPECT_THAT(refusal("a: &x [*x]\n"), HasSubstr("an alias inside the value that it names"));
}

TEST(ParseYaml, StopsAtAliasesThatMultiply) {
  std::string text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string number = std::to_string(i);
    const std::string before = std::to_string(i - 1);
    text.append("a").append(number).append(": &a").append(number).append(" [");
    for (int j = 0; j < 10; ++j) text.append("*a").append(before).append(", ");
    text += "]\n";
  }
  EXPECT_THAT(refusal(text), HasSubstr("more than 500000 values"));
}

TEST(ParseYaml, RefusesWhatIsTooDeepOrTooLong) {
  EXPECT_THAT(refusal(std::string(200, '[') + std::string(200, ']')), HasSubstr("deeper than 64"));
  EXPECT_NE(refusal(std::string(1'000'000, '[')), "accepted");
  EXPECT_NE(refusal(std::string(100'000, '{')), "accepted");
  EXPECT_THAT(refusal("a: 123456789\n", {.bytes = 8}), HasSubstr("at most 8"));
}

TEST(ParseYaml, RefusesBytesThatAreNoText) {
  EXPECT_EQ(refusal("a: 1\nb: \xff\n"), "rig.yaml:2:4: not UTF-8 text (byte 0xff)");
  EXPECT_EQ(refusal(std::string_view("a: 1\0", 5)), "rig.yaml:1:5: not UTF-8 text (byte 0x00)");
}

TEST(ReadYaml, SaysWhyAFileCannotBeRead) {
  EXPECT_THROW((void)read_yaml("/nonexistent/rig.yaml"), UnreadableInput);
  EXPECT_THROW((void)read_yaml("/"), UnreadableInput);
  EXPECT_THROW((void)read_yaml("/dev/zero"), UnreadableInput);
}

// Bytes of a good file changed, dropped and doubled at random: a tree or a ConfigError, nothing
// else.
TEST(ParseYaml, SurvivesMutatedFiles) {
  const std::string good =
      "name: x\ndevices:\n  - &d {device: rtx-4090, power_limit: 450 W}\n  - *d\n"
      "cables: [{a: gpu0, b: host, bandwidth: \"22 GB/s\"}]\nnote: |\n  two\n  lines\n";
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text = good;
    for (auto edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      const auto kind = random() % 3;
      if (kind == 0) text[at] = static_cast<char>(random() % 128);
      if (kind == 1) text.erase(at, 1 + random() % 9);
      if (kind == 2) text.insert(at, good.substr(random() % good.size(), 1 + random() % 9));
    }
    if (refusal(text) == "accepted") ++accepted;
  }
  EXPECT_GT(accepted, 50);
}

TEST(ParseYaml, SurvivesTruncationAtEveryByte) {
  const std::string good = "a: {b: [1, 2, {c: \"x\"}], d: &e 5}\nf: *e\ng:\n  - h: 1\n";
  for (std::size_t size = 0; size < good.size(); ++size) (void)refusal(good.substr(0, size));
}

}  // namespace
}  // namespace rigsim::configs
