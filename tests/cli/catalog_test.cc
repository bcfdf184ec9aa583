#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/document.h"
#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(CatalogCommand, CountsWhatThereIs) {
  const json counts = document("catalog --json").at("entries");
  EXPECT_GE(counts.at("devices"), 57);
  EXPECT_GE(counts.at("models"), 39);
  // The catalogue's 81 formats (26 tensor types, 44 weights formats, 11 KV formats), and MXFP4_MOE.
  EXPECT_EQ(counts.at("tensor-types"), 26);
  EXPECT_EQ(counts.at("weights"), 45);
  EXPECT_EQ(counts.at("kv-formats"), 11);
}

TEST(CatalogCommand, EveryEntryOfEveryKindHasANameAndADate) {
  const json counts = document("catalog --json").at("entries");
  for (const auto& [kind, count] : counts.items()) {
    const json list = document("catalog " + kind + " --json").at(kind);
    EXPECT_EQ(list.size(), count.get<std::size_t>()) << kind;
    for (const json& entry : list) {
      EXPECT_NE(entry.at("name"), "") << kind;
      EXPECT_NE(entry.at("date"), "") << kind << ' ' << entry.at("name");
    }
  }
}

TEST(CatalogCommand, EveryDeviceAndModelSaysItsSourceAndHowSureItIs) {
  for (const std::string kind : {"devices", "models"}) {
    const json listing = document("catalog " + kind + " --json");
    for (const json& entry : listing.at(kind)) {
      EXPECT_NE(entry.at("source"), "") << entry.at("name");
      EXPECT_THAT(entry.at("confidence").get<std::string>(),
                  testing::AnyOf("high", "medium", "low"))
          << entry.at("name");
    }
  }
}

TEST(CatalogCommand, ShowsADeviceWithUnitsInItsKeys) {
  const json device = document("catalog devices 'NVIDIA GeForce RTX 4090' --json");
  EXPECT_EQ(device.at("name"), "rtx-4090");
  EXPECT_EQ(device.at("memory_bytes"), 24LL << 30);
  EXPECT_EQ(device.at("memory_bandwidth_bytes_per_s"), 1008e9);
  EXPECT_EQ(device.at("tdp_w"), 450);
}

TEST(CatalogCommand, WhatItShowsOfADeviceCanBeUsedAsAFile) {
  const Folder folder;
  const Outcome shown = rigsim("catalog devices rtx-4090");
  ASSERT_EQ(shown.code, 0);
  std::string own = "devices:\n";
  std::istringstream lines(shown.out);
  for (std::string line; std::getline(lines, line);) {
    own += own.ends_with("devices:\n") ? "  - " : "    ";
    own += line.starts_with("name:") ? "name: my-card" : line;
    own += '\n';
  }
  folder.write("own.yaml", own);
  const json device =
      document("catalog devices my-card --json --catalog '" + folder.path().string() + "'");
  EXPECT_EQ(device.at("memory_bandwidth_bytes_per_s"), 1008e9);
}

TEST(CatalogCommand, ShowsARigThatIsOnlyAName) {
  const json rig = document("catalog rigs 3x4090 --json");
  EXPECT_EQ(rig.at("devices").size(), 3U);
  EXPECT_EQ(rig.at("cables").size(), 3U);
}

TEST(CatalogCommand, SuggestsTheNearestName) {
  const Outcome run = rigsim("catalog devices 4091");
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("did you mean \"4090\""));
  EXPECT_EQ(rigsim("catalog weight").code, 2);
  EXPECT_EQ(rigsim("catalog models lama-3-70b").code, 2);
}

TEST(CatalogCommand, AnUnreadableDirectoryIsCode3) {
  EXPECT_EQ(rigsim("catalog --catalog /nonexistent").code, 3);
}

TEST(CatalogCommand, TablesAreAtMost100ColumnsWide) {
  const json counts = document("catalog --json").at("entries");
  for (const auto& [kind, count] : counts.items()) {
    std::istringstream lines(rigsim("catalog " + kind).out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST(CatalogCommand, TheSameQuestionGivesTheSameBytes) {
  EXPECT_EQ(rigsim("catalog devices --json").out, rigsim("catalog devices --json").out);
}

}  // namespace
}  // namespace rigsim::cli::test
