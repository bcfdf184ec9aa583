// Topologies that people and projects published, each with what is known of its machine.

#include <gmock/gmock.h>

#include "tests/configs/topology_import/import_support.h"

namespace rigsim::configs::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using topology::NodeKind;

class Samples : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!samples()) GTEST_SKIP() << "no shared data beside this checkout";
  }
};

TEST_F(Samples, TwoRtx3090OnOneHostBridgeMayCopyToEachOther) {
  const ImportedRig imported = import({sample("nvsmi_topo_2xRTX3090_PHB_and_p2p.txt")}, "rtx-3090");
  EXPECT_EQ(path(imported.rig, "gpu0", "gpu1"), "PHB");
  EXPECT_EQ(imported.rig.peer_access.size(), 2U);  // topo -p2p rw says OK both ways
  EXPECT_FALSE(says(imported, NoteKind::kAssumed, "peer access"));
}

// Driver 525 says SYS with one CPU affinity for both cards and no NUMA node.
TEST_F(Samples, AnOldDriversSysWithoutNumaNodesIsTwoHostsAndAWarning) {
  const ImportedRig imported = import({sample("nvsmi_topo_2xRTX4090_SYS_old_driver.txt")}, "4090");
  EXPECT_EQ(path(imported.rig, "gpu0", "gpu1"), "SYS");
  EXPECT_TRUE(says(imported, NoteKind::kWarning, "SYS although both have the same affinity"));
  EXPECT_TRUE(imported.rig.peer_access.empty());  // GeForce 40: refused by the stock driver
}

TEST_F(Samples, FourA100StandOnFourNumaNodesWithBridgesOfTwelveLinks) {
  const ImportedRig imported =
      import({sample("nvsmi_topo_4xA100PCIe_NV12pairs_SYS.txt")}, "a100-80gb-pcie");
  EXPECT_EQ(count(imported.rig, NodeKind::kHost), 4U);
  EXPECT_EQ(path(imported.rig, "gpu0", "gpu1"), "NV12");
  EXPECT_EQ(path(imported.rig, "gpu2", "gpu3"), "NV12");
  EXPECT_EQ(path(imported.rig, "gpu0", "gpu2"), "SYS");
}

TEST_F(Samples, FourRtx3090InTwoBridgedPairsAcrossRootComplexes) {
  const ImportedRig imported =
      import({sample("nvsmi_topo_4xRTX3090_NV4pairs_PHB_NODE.txt")}, "rtx-3090");
  const topology::Rig& rig = imported.rig;
  EXPECT_EQ(path(rig, "gpu0", "gpu1"), "PHB");
  EXPECT_EQ(path(rig, "gpu0", "gpu2"), "NV4");
  EXPECT_EQ(path(rig, "gpu0", "gpu3"), "NODE");
  EXPECT_EQ(count(rig, NodeKind::kRootComplex), 2U);
  // 4 links of 14.0625 GB/s at the measured 0.907: 51.0 GB/s.
  EXPECT_NEAR(cable(rig, "gpu0", "gpu2", "nvlink3x4")->per_direction.count(), 51.0e9, 0.1e9);
  EXPECT_EQ(rig.peer_access.size(), 4U);  // over the bridges alone
}

TEST_F(Samples, FourV100AreJoinedDirectlyByTwoLinksEach) {
  const topology::Rig rig = import({sample("nvsmi_topo_4xV100_NV2_mlx5_NODE.txt")}, "v100").rig;
  EXPECT_EQ(count(rig, NodeKind::kNvSwitch), 0U);  // 3 peers x 2 links: a V100 has 6
  for (const char* other : {"gpu1", "gpu2", "gpu3"}) EXPECT_EQ(path(rig, "gpu0", other), "NV2");
  EXPECT_EQ(path(rig, "gpu0", "nic0"), "NODE");
  ASSERT_NE(cable(rig, "gpu0", "gpu1", "nvlink2x2"), nullptr);
}

TEST_F(Samples, EightA100InPairsOnTwoSocketsWithoutALegend) {
  const topology::Rig rig =
      import({sample("nvsmi_topo_8xA100PCIe_NV12pairs_NODE_SYS.txt")}, "a100-80gb-pcie").rig;
  EXPECT_EQ(count(rig, NodeKind::kHost), 2U);
  EXPECT_EQ(path(rig, "gpu0", "gpu1"), "NV12");
  EXPECT_EQ(path(rig, "gpu1", "gpu2"), "NODE");
  EXPECT_EQ(path(rig, "gpu3", "gpu4"), "SYS");
}

TEST_F(Samples, EightH100OnAnNvSwitchWithTwelveNics) {
  const ImportedRig imported =
      import({sample("nvsmi_topo_8xH100_NV18_12NICs_PXB_NODE_SYS.txt")}, "h100-sxm");
  const topology::Rig& rig = imported.rig;
  EXPECT_EQ(count(rig, NodeKind::kNvSwitch), 1U);
  EXPECT_EQ(count(rig, NodeKind::kNic), 12U);
  EXPECT_EQ(path(rig, "gpu0", "gpu7"), "NV18");
  EXPECT_EQ(path(rig, "gpu0", "nic0"), "PXB");
  EXPECT_EQ(path(rig, "gpu0", "nic2"), "NODE");
  EXPECT_EQ(path(rig, "gpu0", "nic8"), "NODE");
  EXPECT_EQ(path(rig, "gpu0", "nic4"), "SYS");
  EXPECT_EQ(path(rig, "nic8", "nic9"), "PIX");
  EXPECT_TRUE(says(imported, NoteKind::kAssumed, "nic8 is rocep42s0f0"));
}

TEST_F(Samples, EightRtxPro6000AreNamedByNvidiaSmiQ) {
  const ImportedRig imported = import(
      {sample("nvsmi_topo_8xRTXPRO6000_PIX_NODE_SYS.txt"), sample("nvsmi_q_8xRTXPRO6000.txt")});
  const topology::Rig& rig = imported.rig;
  ASSERT_EQ(rig.devices.size(), 8U);
  EXPECT_EQ(rig.devices[7].device.name, "rtx-pro-6000-blackwell");
  EXPECT_EQ(rig.devices[7].device.pcie_gen, 5);         // Max; Current is 1, the card idles
  EXPECT_EQ(rig.devices[7].power_limit, std::nullopt);  // 600 W is its TDP
  EXPECT_EQ(path(rig, "gpu0", "gpu1"), "PIX");
  EXPECT_EQ(path(rig, "gpu1", "gpu2"), "NODE");
  EXPECT_EQ(path(rig, "gpu3", "gpu4"), "SYS");
  EXPECT_EQ(count(rig, NodeKind::kPcieSwitch), 4U);
}

TEST_F(Samples, TheFourCsvOutputsAreFourMachines) {
  const ImportFile all = sample("nvsmi_query_gpu_csv_samples.txt");
  EXPECT_THAT(refusal([&] { (void)import({all}); }),
              StartsWith("3: nvsmi_query_gpu_csv_samples.txt:"));
  const auto part = [&](const std::string& from, const std::string& to) {
    const std::size_t begin = all.text.find(from);
    return ImportFile{"gpus.csv", all.text.substr(begin, all.text.find(to) - begin)};
  };
  const auto four =
      import({part("$ nvidia-smi --query-gpu=index,name", "$ nvidia-smi --query-gpu=name,driver")});
  ASSERT_EQ(four.rig.devices.size(), 4U);
  EXPECT_EQ(four.rig.devices[0].device.name, "rtx-5060-ti-16gb");
  EXPECT_EQ(four.rig.devices[0].device.pcie_lanes, 4);
  EXPECT_EQ(four.rig.devices[3].device.pcie_lanes, 8);
  const auto two = import({part("$ nvidia-smi --query-gpu=name,driver", "# header names")});
  ASSERT_EQ(two.rig.devices.size(), 2U);
  EXPECT_EQ(two.rig.devices[1].device.pcie_gen, 3);
  EXPECT_EQ(two.rig.devices[1].device.pcie_lanes, 4);
  const auto eight = import(
      {part("$ nvidia-smi --query-gpu=index,pcie", "$ nvidia-smi --query-gpu=index,name")}, "l40s");
  EXPECT_EQ(eight.rig.devices.size(), 8U);
}

TEST_F(Samples, NcclsFileOfAP4dHasFourSwitchesAndAnNvSwitchByTheBoard) {
  const ImportedRig imported = import({sample("nccl_topo_aws_p4d_8xA100_4xEFA.xml")});
  const topology::Rig& rig = imported.rig;
  ASSERT_EQ(rig.devices.size(), 8U);
  EXPECT_EQ(rig.devices[0].device.name, "a100-40gb-sxm");  // PCI id 10de:20b0
  EXPECT_EQ(count(rig, NodeKind::kPcieSwitch), 4U);
  EXPECT_EQ(count(rig, NodeKind::kNic), 4U);
  EXPECT_EQ(path(rig, "gpu0", "nic0"), "PIX");
  EXPECT_EQ(path(rig, "gpu0", "nic1"), "PHB");
  EXPECT_EQ(path(rig, "gpu0", "nic2"), "SYS");
  EXPECT_EQ(rig.devices[0].device.pcie_gen, 3);  // link_speed "8 GT/s"
  EXPECT_TRUE(says(imported, NoteKind::kAssumed, "come with the board"));
}

TEST_F(Samples, NvlinksOfAzuresGpusToThemselvesBecomeBridgesOfNeighbours) {
  const ImportedRig imported = import({sample("nccl_topo_azure_ncv4_4xA100PCIe_nvlinkpairs.xml"),
                                       sample("nccl_graph_azure_ncv4.xml")});
  const topology::Rig& rig = imported.rig;
  EXPECT_EQ(rig.devices[0].device.name, "a100-80gb-pcie");  // PCI id 10de:20b5
  EXPECT_EQ(rig.devices[0].device.pcie_lanes, 16);          // link_width="0": the card's own
  EXPECT_EQ(path(rig, "gpu0", "gpu1"), "NV12");
  EXPECT_EQ(path(rig, "gpu2", "gpu3"), "NV12");
  EXPECT_EQ(path(rig, "gpu1", "gpu2"), "SYS");
  EXPECT_TRUE(says(imported, NoteKind::kWarning, "NVLinks to themselves"));
}

TEST_F(Samples, NcclsRingsAloneAreRefused) {
  EXPECT_THAT(refusal([] { (void)import({sample("nccl_graph_azure_ncv4.xml")}); }),
              StartsWith("3: nccl_graph_azure_ncv4.xml: has NCCL's rings and trees"));
}

TEST_F(Samples, RcclsMi300xAreAMeshWithANicBesideEach) {
  const topology::Rig rig = import({sample("rccl_topo_8xMI300X_8xCX7.xml")}).rig;
  ASSERT_EQ(rig.devices.size(), 8U);
  EXPECT_EQ(rig.devices[0].device.name, "mi300x");
  for (const char* other : {"gpu1", "gpu4", "gpu7"}) EXPECT_EQ(path(rig, "gpu0", other), "XGMI");
  EXPECT_EQ(path(rig, "gpu3", "nic3"), "PIX");
  // One link of 64 GB/s at the measured 0.75.
  EXPECT_NEAR(cable(rig, "gpu0", "gpu7", "xgmi")->per_direction.count(), 48e9, 1.0);
}

TEST_F(Samples, RcclsPcieGpusHangOnTwoSwitchesAndAreDefinedAfterARelative) {
  const ImportedRig imported = import({sample("rccl_topo_8gpu_pcie_switch.xml")});
  const topology::Rig& rig = imported.rig;
  EXPECT_EQ(count(rig, NodeKind::kPcieSwitch), 2U);
  EXPECT_EQ(path(rig, "gpu0", "gpu3"), "PIX");
  EXPECT_EQ(path(rig, "gpu0", "gpu4"), "PHB");
  EXPECT_EQ(rig.devices[0].device.sm_count, 64);
  EXPECT_EQ(rig.devices[0].device.pcie_gen, 3);  // the slower of 16 and 8 GT/s in series
  EXPECT_TRUE(says(imported, NoteKind::kAssumed, "is not in the catalogue"));
}

TEST_F(Samples, HwlocsDgx2Has16GpusOnOneNvSwitch) {
  const ImportedRig imported = import({sample("hwloc_nvidiaDGX2.xml")});
  const topology::Rig& rig = imported.rig;
  ASSERT_EQ(rig.devices.size(), 16U);
  EXPECT_EQ(rig.devices[0].device.title, "Tesla V100-SXM3-32GB-H");
  EXPECT_EQ(count(rig, NodeKind::kNvSwitch), 1U);
  ASSERT_NE(cable(rig, "gpu0", "nvswitch0", "nvlink2x6"), nullptr);  // 6 x 25000 MB/s
  EXPECT_EQ(count(rig, NodeKind::kHost), 2U);
  EXPECT_EQ(rig.host.memory.count(), 810234351616 + 811737923584);
  EXPECT_EQ(rig.devices[0].device.pcie_gen, 3);
}

TEST_F(Samples, HwlocsDgxSparkIsKnownByItsName) {
  const topology::Rig rig = import({sample("hwloc_nvidia_dgx_gb10.xml")}).rig;
  ASSERT_EQ(rig.devices.size(), 1U);
  EXPECT_EQ(rig.devices[0].device.name, "gb10");
  EXPECT_TRUE(rig.cables.empty());
}

TEST_F(Samples, RocmSmisMi50HaveALinkEach) {
  const topology::Rig rig = import({sample("rocm_smi_showtopo_4xMI50_PCIE.txt")}, "mi50").rig;
  ASSERT_EQ(rig.devices.size(), 4U);
  EXPECT_EQ(path(rig, "gpu0", "gpu3"), "PHB");
}

TEST_F(Samples, EveryRigComesBackFromItsYamlTheSame) {
  const std::vector<std::pair<std::string, std::string>> all = {
      {"nvsmi_topo_2xRTX3090_PHB_and_p2p.txt", "rtx-3090"},
      {"nvsmi_topo_4xA100PCIe_NV12pairs_SYS.txt", "a100-80gb-pcie"},
      {"nvsmi_topo_8xH100_NV18_12NICs_PXB_NODE_SYS.txt", "h100-sxm"},
      {"nvsmi_q_8xRTXPRO6000.txt", ""},
      {"nccl_topo_aws_p4d_8xA100_4xEFA.xml", ""},
      {"rccl_topo_8xMI300X_8xCX7.xml", ""},
      {"rccl_topo_8gpu_pcie_switch.xml", ""},
      {"hwloc_nvidiaDGX2.xml", ""},
      {"hwloc_nvidia_dgx_gb10.xml", ""},
      {"rocm_smi_showtopo_4xMI50_PCIE.txt", "mi50"}};
  for (const auto& [name, device] : all) {
    const ImportedRig imported =
        import({sample(name)}, device.empty() ? std::nullopt : std::optional(device));
    EXPECT_EQ(written_and_read(imported), to_yaml(imported.rig)) << name;
  }
}

TEST_F(Samples, AMatrixWithoutNamesAsksForTheDevice) {
  EXPECT_THAT(refusal([] { (void)import({sample("nvsmi_topo_4xRTX3090_NV4pairs_PHB_NODE.txt")}); }),
              ::testing::AllOf(StartsWith("2: "), HasSubstr("--device"), HasSubstr("RTX 3090")));
}

}  // namespace
}  // namespace rigsim::configs::test
