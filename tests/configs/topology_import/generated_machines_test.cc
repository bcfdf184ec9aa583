// Machines whose graph is known, written as different tools, drivers and pastes would.

#include <gmock/gmock.h>

#include "tests/configs/topology_import/generated_machine.h"
#include "tests/configs/topology_import/import_support.h"

namespace rigsim::configs::test {
namespace {

constexpr unsigned kSeeds = 30;

/// Every pair of the machine that `visible` says, as `expected` says.
template <class Expected>
void expect_paths(const GeneratedMachine& machine, const topology::Rig& rig, Expected&& expected,
                  const std::string& context) {
  ASSERT_EQ(rig.devices.size(), machine.gpus.size()) << context;
  for (std::size_t i = 0; i < machine.gpus.size(); ++i)
    ASSERT_EQ(rig.devices[i].device.name, machine.device) << context;
  for (std::size_t a = 0; a < machine.size(); ++a)
    for (std::size_t b = 0; b < machine.size(); ++b) {
      const std::string wanted = expected(a, b);
      if (wanted.empty()) continue;
      ASSERT_EQ(path(rig, machine.name(a), machine.name(b)), wanted)
          << context << ": " << machine.name(a) << " - " << machine.name(b);
    }
}

/// NICs may be numbered otherwise than in the file: their own pairs are then left out.
std::string of_gpus(const GeneratedMachine& machine, std::size_t a, std::size_t b) {
  const bool gpus = a < machine.gpus.size() && b < machine.gpus.size();
  return gpus ? machine.path(a, b) : std::string();
}

std::vector<GeneratedMachine> by_nvidia() {
  std::vector<GeneratedMachine> machines = eight_shapes();
  std::erase_if(machines, [](const GeneratedMachine& m) { return m.pci_id.starts_with("1002"); });
  return machines;
}

TEST(GeneratedMachines, NvidiaSmiInAnyStyleGivesTheKnownGraph) {
  for (const GeneratedMachine& machine : by_nvidia())
    for (unsigned seed = 0; seed < kSeeds; ++seed) {
      std::mt19937 random(seed);
      const SmiStyle style = random_style(random);
      const ImportedRig imported = import_text(smi_topo(machine, style, random), machine.device);
      const auto expected = [&](std::size_t a, std::size_t b) {
        const bool nics = a >= machine.gpus.size() && b >= machine.gpus.size();
        return nics && !style.nic_rows ? std::string() : machine.path(a, b);
      };
      expect_paths(machine, imported.rig, expected,
                   machine.shape + ", seed " + std::to_string(seed));
      ASSERT_EQ(written_and_read(imported), to_yaml(imported.rig)) << machine.shape;
    }
}

// What a style leaves out may change the rig, but not how what it shows is written.
TEST(GeneratedMachines, NvidiaSmisStyleDoesNotMatterToTheRig) {
  for (const GeneratedMachine& machine : by_nvidia()) {
    std::mt19937 plain_random(0);
    const std::string plain =
        to_yaml(import_text(smi_topo(machine, {}, plain_random), machine.device).rig);
    for (unsigned seed = 0; seed < kSeeds; ++seed) {
      std::mt19937 random(seed);
      SmiStyle style = random_style(random);
      style.affinities = style.nic_rows = true;
      ASSERT_EQ(to_yaml(import_text(smi_topo(machine, style, random), machine.device).rig), plain)
          << machine.shape << ", seed " << seed;
    }
  }
}

TEST(GeneratedMachines, CsvBesideTheMatrixNamesTheCards) {
  for (const GeneratedMachine& machine : by_nvidia()) {
    std::mt19937 random(1);
    const std::string topo = smi_topo(machine, {}, random);
    const ImportedRig two = import({{"topo.txt", topo}, {"gpus.csv", smi_csv(machine)}});
    const ImportedRig pasted =
        import_text(topo + "\n$ nvidia-smi --query-gpu=...\n" + smi_csv(machine));
    const auto expected = [&](std::size_t a, std::size_t b) { return machine.path(a, b); };
    expect_paths(machine, two.rig, expected, machine.shape);
    EXPECT_EQ(to_yaml(two.rig), to_yaml(pasted.rig)) << machine.shape;
  }
}

// NCCL does not tell NODE from PHB; a switch with one device below is part of its link.
TEST(GeneratedMachines, NcclsXmlInAnyOrderGivesTheKnownGraph) {
  for (const GeneratedMachine& machine : eight_shapes())
    for (unsigned seed = 0; seed < kSeeds; ++seed) {
      std::mt19937 random(seed);
      const ImportedRig imported = import({{"topo.xml", nccl_xml(machine, random)}});
      const auto expected = [&](std::size_t a, std::size_t b) {
        const std::string known = of_gpus(machine, a, b);
        return known == "NODE" ? std::string("PHB") : known;
      };
      expect_paths(machine, imported.rig, expected,
                   machine.shape + ", seed " + std::to_string(seed));
      EXPECT_EQ(count(imported.rig, topology::NodeKind::kNic), machine.nics.size());
      ASSERT_EQ(written_and_read(imported), to_yaml(imported.rig)) << machine.shape;
    }
}

TEST(GeneratedMachines, HwlocsXmlGivesTheKnownGraph) {
  for (const GeneratedMachine& machine : eight_shapes()) {
    const ImportedRig imported = import({{"lstopo.xml", hwloc_xml(machine)}});
    const auto expected = [&](std::size_t a, std::size_t b) { return of_gpus(machine, a, b); };
    expect_paths(machine, imported.rig, expected, machine.shape);
    EXPECT_EQ(count(imported.rig, topology::NodeKind::kNic), machine.nics.size());
    ASSERT_EQ(written_and_read(imported), to_yaml(imported.rig)) << machine.shape;
  }
}

// rocm-smi shows GPUs and NUMA nodes alone: within one node all PCIe is PHB.
TEST(GeneratedMachines, RocmSmiWithAndWithoutSectionsGivesTheKnownGraph) {
  for (const GeneratedMachine& machine : eight_shapes()) {
    GeneratedMachine amd = machine;
    amd.device = "mi300x";
    amd.product = "AMD Instinct MI300X";
    for (const char* sections : {"wht", "wt", "w", "t", "wh", "ht"}) {
      std::mt19937 random(7);
      const ImportedRig imported = import_text(rocm_smi(amd, sections, random));
      const auto expected = [&](std::size_t a, std::size_t b) -> std::string {
        if (a >= amd.gpus.size() || b >= amd.gpus.size()) return {};
        if (a == b || amd.peers[a][b] == "XGMI") return amd.path(a, b);
        return amd.gpus[a].socket == amd.gpus[b].socket ? "PHB" : "SYS";
      };
      expect_paths(amd, imported.rig, expected, amd.shape + ", sections " + sections);
      ASSERT_EQ(written_and_read(imported), to_yaml(imported.rig)) << amd.shape;
    }
  }
}

// Cut anywhere, an output gives an error that says so, or (cut behind the last cell) the same
// links.
TEST(GeneratedMachines, ACutMatrixIsRefusedOrWholeInWhatMatters) {
  for (const GeneratedMachine& machine : by_nvidia()) {
    std::mt19937 random(3);
    SmiStyle style;
    style.legend = false;
    const std::string text = smi_topo(machine, style, random);
    for (std::size_t length = 1; length < text.size(); length += 1 + length / 50) {
      const std::string cut = text.substr(0, length);
      ImportedRig imported;
      const std::string refused = refusal([&] { imported = import_text(cut, machine.device); });
      if (refused == "accepted") {
        const auto expected = [&](std::size_t a, std::size_t b) { return of_gpus(machine, a, b); };
        expect_paths(machine, imported.rig, expected,
                     machine.shape + " cut at " + std::to_string(length));
      } else {
        ASSERT_EQ(refused.substr(0, 2), "3:") << refused;
      }
    }
  }
}

TEST(GeneratedMachines, CutXmlIsRefusedWithItsLine) {
  for (const GeneratedMachine& machine : eight_shapes()) {
    std::mt19937 random(3);
    for (const std::string& text : {nccl_xml(machine, random), hwloc_xml(machine)})
      for (std::size_t length = 1; length + 2 < text.size(); length += 1 + length / 30) {
        const std::string refused =
            refusal([&] { (void)import({{"topo.xml", text.substr(0, length)}}); });
        ASSERT_THAT(refused, ::testing::StartsWith("3: topo.xml:")) << length;
      }
  }
}

}  // namespace
}  // namespace rigsim::configs::test
