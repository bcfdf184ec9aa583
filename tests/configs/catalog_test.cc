#include "configs/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <stdexcept>

#include "tests/configs/temporary_directory.h"
#include "workloads/tensor.h"

namespace rigsim::configs {
namespace {

using ::testing::HasSubstr;
using namespace sim::literals;  // NOLINT(google-build-using-namespace)

const Catalog& catalog() {
  static const Catalog loaded = Catalog::load();
  return loaded;
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Catalog, HoldsAtLeastWhatItPromises) {
  EXPECT_GE(catalog().devices().size(), 57U);
  EXPECT_GE(catalog().models().size(), 39U + 4U);
  EXPECT_EQ(catalog().tensor_types().size(), 26U);
  EXPECT_EQ(catalog().weights_formats().size(), 30U + 15U);
  EXPECT_EQ(catalog().kv_formats().size(), 11U);
}

TEST(Catalog, NamesASourceADateAndAConfidenceForEveryEntry) {
  const auto check = [](const About& about) {
    EXPECT_FALSE(about.source.empty()) << about.name;
    EXPECT_EQ(about.date.size(), 10U) << about.name;
    EXPECT_FALSE(about.confidence.empty()) << about.name;
  };
  for (const auto& entry : catalog().devices()) check(entry.about);
  for (const auto& entry : catalog().models()) check(entry.about);
  for (const auto& entry : catalog().weights_formats()) check(entry.about);
  for (const auto& entry : catalog().tensor_types()) check(entry.about);
  for (const auto& entry : catalog().kv_formats()) check(entry.about);
  for (const auto& entry : catalog().hosts()) check(entry.about);
}

// Facts of the 4090's entry, one of each kind.
TEST(Catalog, FillsEveryFieldOfADevice) {
  const topology::Device& device = catalog().device("rtx-4090");
  EXPECT_EQ(device.name, "rtx-4090");
  EXPECT_EQ(device.title, "RTX 4090");
  EXPECT_EQ(device.kind, topology::DeviceKind::kGpu);
  EXPECT_EQ(device.architecture, "Ada");
  EXPECT_EQ(device.memory, 24_GiB);
  EXPECT_EQ(device.memory_reported, 24564_MiB);
  EXPECT_EQ(device.memory_bandwidth, 1008_GBps);
  EXPECT_EQ(device.l2, 72_MiB);
  EXPECT_EQ(device.sm_count, 128);
  EXPECT_EQ(device.boost_hz, 2.52e9);
  EXPECT_EQ(device.peak.fp16_tensor_fp32acc, 165.2_TFLOPS);
  EXPECT_EQ(device.peak.int8, 660.6_TFLOPS);
  EXPECT_EQ(device.tdp, 450_W);
  EXPECT_EQ(device.pcie_gen, 4);
  EXPECT_EQ(device.pcie_lanes, 16);
  EXPECT_FALSE(device.pcie_p2p);
  EXPECT_EQ(device.launch_price_usd, 1599);
  EXPECT_EQ(device.street_price_high_usd, 2800);
}

// One direction is half of the figure for both: 112.5 / 2, 900 / 2, 896 / 2 GB/s.
TEST(Catalog, KnowsTheLinksOfDevices) {
  EXPECT_EQ(catalog().device("a6000").peer_link.kind, topology::PeerLinkKind::kNvlinkBridge);
  EXPECT_EQ(catalog().device("a6000").peer_link.per_direction, 56.25_GBps);
  EXPECT_EQ(catalog().device("h100-sxm").peer_link.kind, topology::PeerLinkKind::kNvlinkSwitch);
  EXPECT_EQ(catalog().device("h100-sxm").peer_link.per_direction, 450_GBps);
  EXPECT_EQ(catalog().device("mi300x").peer_link.per_direction, 448_GBps);
  EXPECT_EQ(catalog().device("m3-max").pcie_gen, 0);
  EXPECT_TRUE(catalog().device("m3-max").unified_memory);
}

TEST(Catalog, FindsNamesWhateverTheirCaseAndPunctuation) {
  for (const char* name : {"rtx-4090", "RTX 4090", "rtx4090", "4090", "NVIDIA GeForce RTX 4090"}) {
    EXPECT_EQ(catalog().device(name).name, "rtx-4090") << name;
  }
  EXPECT_EQ(catalog().device("a100-sxm").name, "a100-80gb-sxm");
  EXPECT_EQ(catalog().device("m2-ultra").name, "m2-ultra-76c");
  EXPECT_EQ(catalog().device("2x EPYC 9654").name, "2x-epyc-9654");
  for (const char* name :
       {"llama-3-70b", "Llama 3 70B", "llama3-70b-instruct", "meta-llama/Meta-Llama-3-70B",
        "Meta-Llama-3-70B", "meta-llama/Meta-Llama-3-70B-Instruct"}) {
    EXPECT_EQ(catalog().model(name).name, "llama-3-70b") << name;
  }
  EXPECT_THROW((void)catalog().model("nobody/no-such-model"), std::invalid_argument);
  EXPECT_THROW((void)catalog().model("nobody/no-such-model.json"), UnreadableInput);
  EXPECT_EQ(catalog().weights_format("q4_k_m").name, "Q4_K_M");
  EXPECT_EQ(catalog().weights_format("fp16").name, "F16");
  EXPECT_EQ(catalog().weights_format("nf4").name, "bnb-NF4");
  EXPECT_EQ(catalog().kv_format("FP16"), workloads::KvFormat::kF16);
  EXPECT_EQ(catalog().kv_format("kv-q8_0"), workloads::KvFormat::kQ8_0);
}

TEST(Catalog, SuggestsTheNearestNames) {
  EXPECT_EQ(refusal([] { (void)catalog().device("rtx-4909"); }),
            "unknown device \"rtx-4909\", did you mean \"rtx-4090\"? "
            "\"rigsim catalog devices\" lists all");
  EXPECT_THAT(refusal([] { (void)catalog().device("h100"); }), HasSubstr("did you mean \"h100-"));
  EXPECT_THAT(refusal([] { (void)catalog().model("lama-3-70b"); }), HasSubstr("\"llama-3-70b\""));
  EXPECT_THAT(refusal([] { (void)catalog().weights_format("q4_k_x"); }), HasSubstr("\"Q4_K_S\""));
  EXPECT_THAT(refusal([] { (void)catalog().device("toaster"); }),
              HasSubstr("\"rigsim catalog devices\" lists all"));
}

// Counts published with the checkpoints (Hugging Face safetensors totals, model cards), as compiled
// on 2026-11-22; the last two and Falcon differ by rotary buffers (64 per layer, 2 x ...) and an
// untied copy of the head.
TEST(Catalog, ModelsHaveTheirPublishedParameterCounts) {
  const std::map<std::string, std::int64_t> extra = {
      {"llama-2-7b", 2048}, {"llama-2-13b", 2560}, {"falcon-40b", 532'676'608}};
  int exact = 0;
  for (const auto& entry : catalog().models()) {
    if (!entry.value.published_parameters) continue;
    const auto known = extra.find(entry.about.name);
    const std::int64_t more = known == extra.end() ? 0 : known->second;
    EXPECT_EQ(workloads::parameter_count(entry.value) + more, entry.value.published_parameters)
        << entry.about.name;
    exact += more == 0 ? 1 : 0;
  }
  EXPECT_EQ(exact, 31 + 5);
}

// GiB printed by llama.cpp's quantize README (8B) and by XiongjieDai/GPU-Benchmarks (70B).
TEST(Catalog, FilesHaveTheirPublishedSizes) {
  int checked = 0;
  for (const auto& entry : catalog().weights_formats()) {
    for (const auto& [key, text] : entry.about.facts) {
      const bool small = key == "published_size.llama_3_8b";
      if (!small && key != "published_size.llama_3_70b") continue;
      const workloads::Model model = catalog().model(small ? "llama-3-8b" : "llama-3-70b");
      const double published = static_cast<double>(parse_quantity<sim::Bytes>(text).count());
      const double computed =
          static_cast<double>(workloads::weight_bytes(model, entry.value).count());
      EXPECT_NEAR(computed / published, 1, 0.002) << entry.about.name << " " << key;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 28 + 24);
}

TEST(Catalog, TakesAUsersDirectory) {
  const TemporaryDirectory directory;
  (void)directory.write(
      "mine.yaml",
      "devices:\n  - name: my-card\n    aliases: [mine]\n    kind: gpu\n    memory: 32 GiB\n"
      "    memory_bandwidth: 1 TB/s\n    sm_count: 64\n    boost_clock: 2 GHz\n"
      "    peak: {fp32: 20 TFLOPS}\n    tdp: 200 W\n    pcie: {generation: 4, lanes: 8}\n"
      "  - name: RTX 4090\n    kind: gpu\n    memory: 48 GiB\n    memory_bandwidth: 1 TB/s\n"
      "    sm_count: 64\n    boost_clock: 2 GHz\n    peak: {fp32: 20 TFLOPS}\n    tdp: 200 W\n"
      "    pcie: {generation: 4, lanes: 16}\n"
      "rigs:\n  - name: pair\n    devices: [{device: mine, count: 2}]\n");
  const Catalog extended = Catalog::load(directory.path());
  EXPECT_EQ(extended.device("mine").memory, 32_GiB);
  EXPECT_EQ(extended.device("rtx-4090").memory, 48_GiB);
  EXPECT_EQ(extended.device("4090").memory, 48_GiB);
  EXPECT_EQ(extended.devices().size(), catalog().devices().size() + 1);
  EXPECT_EQ(extended.rig("pair").devices.size(), 2U);
}

TEST(Catalog, NamesThePlaceOfWrongData) {
  const TemporaryDirectory directory;
  const auto file =
      directory.write("mine.yaml", "devices:\n  - name: x\n    kind: gpu\n    memory: 32\n");
  EXPECT_THAT(refusal([&] { (void)Catalog::load(directory.path()); }),
              HasSubstr(file.string() + ":4:13: devices[0].memory: expected a size"));
  (void)directory.write("mine.yaml", "device: []\n");
  EXPECT_THAT(refusal([&] { (void)Catalog::load(directory.path()); }),
              HasSubstr("unknown key \"device\", did you mean \"devices\"?"));
  EXPECT_THROW((void)Catalog::load(directory.path() / "none"), UnreadableInput);
}

TEST(Catalog, RefusesTwoOfOneName) {
  const TemporaryDirectory directory;
  const std::string host = "{name: a, memory: 1 GiB, memory_bandwidth: 1 GB/s, cores: 1}";
  (void)directory.write("mine.yaml", "hosts:\n  - " + host + "\n  - " + host + "\n");
  EXPECT_THAT(refusal([&] { (void)Catalog::load(directory.path()); }),
              HasSubstr("mine.yaml:3:5: hosts[1]: there are two hosts named \"a\""));
}

}  // namespace
}  // namespace rigsim::configs
