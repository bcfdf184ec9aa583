#include "analysis/hdf5_part_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "analysis/hdf5_held_writes.h"
#include "tests/analysis/hdf5_read.h"

namespace rigsim::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using testing::TemporaryDirectory;

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string on_disk(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::string seen(const PartFile& file, std::uint64_t address, std::size_t size) {
  std::string text(size, '?');
  EXPECT_TRUE(file.read(address, std::as_writable_bytes(std::span(text))));
  return text;
}

TEST(HeldWrites, TheNewestContentWinsAndTheEndsOfTheOldOneStay) {
  HeldWrites held;
  held.put(10, bytes("aaaaaa"), 1);
  held.put(12, bytes("BB"), 2);
  std::string text = "..........";
  held.overlay(8, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, "..aaBBaa..");
}

TEST(HeldWrites, ComeByRankAndWithinARankFromTheEndOfTheFile) {
  HeldWrites held;
  held.put(100, bytes("x"), 2);
  held.put(200, bytes("x"), 2);
  held.put(300, bytes("x"), 3);
  held.put(400, bytes("x"), 1);
  std::vector<std::pair<int, std::uint64_t>> order;
  for (const auto& [address, range] : held.in_order()) order.emplace_back(range->rank, address);
  EXPECT_THAT(order, ElementsAre(Pair(1, 400), Pair(2, 200), Pair(2, 100), Pair(3, 300)));
}

TEST(HeldWrites, AgreeWithAPlainArrayUnderRandomOverlaps) {
  std::mt19937 random(20);
  HeldWrites held;
  std::string plain(200, '.');
  for (int i = 0; i < 5'000; ++i) {
    const std::size_t at = random() % 180;
    const std::string text(random() % 20, static_cast<char>('a' + random() % 26));
    held.put(at, bytes(text), i % 3);
    std::ranges::copy(text, plain.begin() + static_cast<std::ptrdiff_t>(at));
  }
  std::string text(200, '.');
  held.overlay(0, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, plain);
}

TEST(PartFile, DoesNotTouchWhatIsCommittedBeforeTheNextCommit) {
  const TemporaryDirectory directory;
  PartFile file(directory / "f");
  file.set_size(6);
  file.write(0, bytes("abcdef"), 0);
  file.commit();
  file.set_size(9);
  file.write(3, bytes("DEFGHI"), 0);
  EXPECT_EQ(on_disk(directory / "f.part").substr(0, 6), "abcdef");
  EXPECT_EQ(seen(file, 0, 9), "abcDEFGHI");
  file.commit();
  EXPECT_EQ(on_disk(directory / "f.part"), "abcDEFGHI");
}

TEST(PartFile, ReadsZerosWhereNothingWasWritten) {
  const TemporaryDirectory directory;
  const PartFile file(directory / "f");
  EXPECT_EQ(seen(file, 5, 3), std::string(3, '\0'));
}

TEST(PartFile, FollowsASymbolicLink) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "target") << "old";
  std::filesystem::create_symlink("target", directory / "link");
  PartFile file(directory / "link");
  file.set_size(3);
  file.write(0, bytes("new"), 0);
  file.publish();
  EXPECT_EQ(on_disk(directory / "target"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link"));
}

}  // namespace
}  // namespace rigsim::analysis
