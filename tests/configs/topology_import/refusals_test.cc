// What importers say to files that are cut short, damaged, foreign or at odds with themselves: "3:"
// is exit code 3 (unreadable), "2:" is 2 (contradictory).

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "configs/topology_import/xml_tree.h"
#include "tests/configs/topology_import/import_support.h"

namespace rigsim::configs::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kPair = "\tGPU0\tGPU1\nGPU0\t X \tPHB\nGPU1\tPHB\t X \n";

std::string refusal_of_xml(const std::string& text) {
  return refusal([&] { (void)import({{"topo.xml", text}}); });
}

/// A machine of one card under a host, with `inside` its `gpu`.
std::string nccl(const std::string& gpu, const std::string& more = "") {
  return "<system version=\"1\"><cpu numaid=\"0\"><pci busid=\"0000:01:00.0\" class=\"0x030200\" "
         "vendor=\"0x10de\" device=\"0x2204\" link_speed=\"16 GT/s\" link_width=\"16\">" +
         gpu + "</pci>" + more + "</cpu></system>";
}

TEST(ImportRefusals, AnEmptyFile) { EXPECT_EQ(refusal_of(" \n"), "3: topo.txt: is empty"); }

TEST(ImportRefusals, AFileOfSomethingElseSaysWhatIsExpected) {
  EXPECT_THAT(refusal_of("hello\nworld\n"),
              AllOf(StartsWith("3: topo.txt:1: nothing known is in it; expected the output of "
                               "nvidia-smi topo -m"),
                    HasSubstr("hwloc XML")));
  EXPECT_THAT(refusal_of(std::string("GPU0\0", 5)), StartsWith("3: topo.txt: is a binary file"));
  EXPECT_THAT(refusal_of("\xff\xfeG"), StartsWith("3: topo.txt: is UTF-16 text"));
  EXPECT_THAT(refusal_of("GPU \xc3"), StartsWith("3: topo.txt: is not UTF-8 text (at byte 4)"));
}

TEST(ImportRefusals, AMatrixThatIsCutShortNamesTheLineAndTheRow) {
  EXPECT_EQ(refusal_of("\tGPU0\tGPU1\nGPU0\t X \tPHB\n"),
            "3: topo.txt:2: the matrix of line 1 is cut short: no row of \"GPU1\"");
  EXPECT_EQ(refusal_of("\tGPU0\tGPU1\nGPU0\t X \tPHB\nGPU1\tPHB\n"),
            "3: topo.txt:3: the row of \"GPU1\" is cut short: expected a cell for each of the 2 "
            "columns of the header at line 1, found 1");
  EXPECT_THAT(refusal_of("\tGPU0\tGPU1\nGPU0\t X \tPHB\nGPU2\tPHB\t X \n"),
              StartsWith("3: topo.txt:3: \"GPU2\" has a row but no column"));
}

TEST(ImportRefusals, CellsThatNoDriverPrints) {
  EXPECT_EQ(refusal_of("\tGPU0\tGPU1\nGPU0\t X \tPHB\nGPU1\tPXX\t X \n"),
            "3: topo.txt:3: the cell of GPU1 and GPU0 is \"PXX\"; expected X, PIX, PXB, PHB, NODE, "
            "SYS or NV and a number");
  EXPECT_THAT(refusal_of("\tGPU0\tGPU1\nGPU0\t X \tNV0\nGPU1\tNV0\t X \n"), StartsWith("3:"));
  EXPECT_THAT(refusal_of("\tGPU0\tGPU1\nGPU0\t X \tNV99999999999\nGPU1\tPIX\t X \n"),
              StartsWith("3:"));
}

TEST(ImportRefusals, AMatrixAtOddsWithItself) {
  EXPECT_EQ(refusal_of("\tGPU0\tGPU1\nGPU0\tPHB\t X \nGPU1\tPHB\t X \n"),
            "2: topo.txt:2: the cell of GPU0 and GPU0 is PHB; X stands for the device itself and "
            "for nothing else");
  EXPECT_THAT(refusal_of(std::string(kPair) + "GPU1\tPHB\t X \n"),
              StartsWith("2: topo.txt:4: a second row of \"GPU1\""));
  EXPECT_THAT(refusal_of(std::string(kPair) + "\n\tGPU0\nGPU0\t X \n"),
              StartsWith("2: topo.txt:5: another topology than that of line 1"));
}

TEST(ImportRefusals, NotThePairThatIsAsymmetric) {
  const ImportedRig imported =
      import_text("\tGPU0\tGPU1\nGPU0\t X \tSYS\nGPU1\tNV4\t X \n", "rtx-3090");
  EXPECT_EQ(path(imported.rig, "gpu0", "gpu1"), "NV4");
  EXPECT_TRUE(says(imported, NoteKind::kWarning,
                   "topo.txt:2: GPU0 - GPU1 is SYS one way and NV4 the other; NV4 is taken"));
}

TEST(ImportRefusals, FilesOfTwoMachines) {
  const std::string csv = "index, name\n0, NVIDIA GeForce RTX 3090\n";
  EXPECT_EQ(refusal([&] { (void)import({{"a.txt", kPair}, {"b.csv", csv}}); }),
            "2: b.csv:1: the CSV of --query-gpu lists 1 GPUs, the rest of the input 2; give files "
            "of one machine");
  EXPECT_THAT(refusal([&] { (void)import({{"a.txt", kPair}, {"b.xml", nccl("<gpu/>")}}); }),
              StartsWith("2: b.xml: a second topology; a.txt tells the wiring already"));
  EXPECT_THAT(
      refusal([&] { (void)import({{"a.csv", csv}, {"b.csv", "index, name\n0, NVIDIA L40S\n"}}); }),
      StartsWith("2: b.csv:2: this GPU is called \"NVIDIA L40S\" here"));
}

TEST(ImportRefusals, CsvThatIsCutShort) {
  EXPECT_THAT(refusal_of("index, name, pcie.link.gen.max\n0, NVIDIA L40S\n"),
              StartsWith("3: topo.txt:2: expected 3 fields as the header names, found 2"));
  EXPECT_THAT(refusal_of("index, name\n"),
              StartsWith("3: topo.txt:1: a header of --query-gpu without rows"));
  EXPECT_THAT(refusal_of("index, name, pcie.link.gen.max\n0, NVIDIA L40S, x\n"),
              StartsWith("3: topo.txt:2: pcie.link.gen.max: expected a number, got \"x\""));
}

TEST(ImportRefusals, ALogThatIsCutShort) {
  EXPECT_THAT(
      refusal_of("Attached GPUs : 2\nGPU 00000000:06:00.0\n    Product Name : NVIDIA L40S\n"),
      StartsWith("3: topo.txt:3: nvidia-smi -q is cut short: 2 GPUs are attached, 1 follow"));
  EXPECT_THAT(refusal_of("GPU 00000000:06:00.0\n    Product Name : NVIDIA L40S\n"
                         "GPU 00000000:07:00.0\n"),
              StartsWith("3: topo.txt:3: nvidia-smi -q is cut short: the last GPU has no Product"));
}

TEST(ImportRefusals, RocmSmiThatIsCutShort) {
  EXPECT_THAT(refusal_of("===== ROCm System Management Interface =====\n"),
              StartsWith("3: topo.txt:1: rocm-smi's output is cut short"));
  EXPECT_THAT(refusal_of("= Link Type between two GPUs =\n   GPU0 GPU1\nGPU0 0 PCIE\n"),
              StartsWith("3: topo.txt:3: the matrix of line 2 is cut short: no row of \"GPU1\""));
}

TEST(ImportRefusals, XmlOfSomethingElse) {
  EXPECT_THAT(refusal_of_xml("<html/>"), StartsWith("3: topo.xml:1: is XML of <html>; expected"));
  EXPECT_THAT(refusal_of_xml("<nvidia_smi_log/>"), HasSubstr("nvidia-smi -q -x"));
  EXPECT_THAT(refusal_of_xml("<system><cpu></system>"), StartsWith("3: topo.xml:1: is not XML"));
  EXPECT_THAT(
      refusal_of_xml("<system>\n<cpu>\n"),
      StartsWith("3: topo.xml:3: is cut short: the XML ends, <cpu> of line 2 is still open"));
  EXPECT_EQ(refusal_of_xml("<system version=\"1\"/>"), "2: topo.xml:1: describes no GPU");
  EXPECT_THAT(refusal_of_xml("<topology version=\"2.0\"/>"),
              StartsWith("2: topo.xml: lists no GPU; add a file that does"));
}

// The billion laughs, and an entity from a file: nothing is expanded, nothing is read.
TEST(ImportRefusals, XmlWithEntities) {
  EXPECT_THAT(refusal_of_xml("<!DOCTYPE s [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]>"
                             "<system>&b;</system>"),
              HasSubstr("declares an entity"));
  EXPECT_THAT(
      refusal_of_xml("<!DOCTYPE s [<!ENTITY a SYSTEM \"/etc/passwd\">]><system>&a;</system>"),
      HasSubstr("declares an entity"));
}

TEST(ImportRefusals, XmlBeyondWhatMachinesHave) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<pci>";
  EXPECT_THAT(refusal_of_xml("<system>" + deep),
              HasSubstr("more than 64 elements within each other"));
  std::string wide = "<system>";
  for (int i = 0; i < 100; ++i) wide += "<pci/>";
  const ImportFile file{"wide.xml", wide + "</system>"};
  EXPECT_THAT(refusal([&] { (void)parse_xml(file, {.elements = 50}); }),
              HasSubstr("more than 50 elements"));
  EXPECT_THAT(refusal([&] { (void)parse_xml({"a.xml", "<a b=\"0123456789\"/>"}, {.text = 5}); }),
              HasSubstr("more than 5 bytes of text"));
}

TEST(ImportRefusals, NcclValuesThatAreNone) {
  EXPECT_THAT(refusal_of_xml(nccl("<gpu><nvlink target=\"a\" count=\"-1\"/></gpu>")),
              StartsWith("2: topo.xml:1: count must be 0 to 64, got \"-1\""));
  EXPECT_THAT(refusal_of_xml(nccl("<gpu/>", "<pci busid=\"0000:01:00.0\" class=\"0x030200\"/>")),
              StartsWith("2: topo.xml:1: a second GPU at bus"));
  EXPECT_THAT(refusal_of_xml("<system><cpu host_hash=\"1\"/><cpu host_hash=\"2\"/></system>"),
              StartsWith("2: topo.xml:1: describes 2 machines"));
}

TEST(ImportRefusals, NotALinkToAnUnknownTarget) {
  const ImportedRig imported = import(
      {{"topo.xml", nccl("<gpu sm=\"86\"><nvlink target=\"zz\" count=\"4\" tclass=\"\"/></gpu>")}});
  EXPECT_TRUE(says(imported, NoteKind::kWarning, "goes to \"zz\", which the file does not have"));
}

TEST(ImportRefusals, AnHwlocMatrixOfAnotherSize) {
  EXPECT_THAT(refusal_of_xml("<topology><distances2hetero nbobjs=\"2\" name=\"NVLinkBandwidth\">"
                             "<indexes>OSDev:1 OSDev:2</indexes><u64values>0 1 1</u64values>"
                             "</distances2hetero></topology>"),
              StartsWith("2: topo.xml:1: NVLinkBandwidth: \"2\" objects are said to follow"));
}

TEST(ImportRefusals, ADeviceThatTheCatalogueDoesNotHave) {
  EXPECT_THAT(refusal([] { (void)import_text(kPair, "rtx-9090"); }),
              StartsWith("2: --device: unknown device \"rtx-9090\""));
}

TEST(ImportedDevices, AreMatchedByNameIdAndMemory) {
  const auto named = [](const std::string& name, const std::string& mib) {
    return import_text("name, memory.total [MiB]\n" + name + ", " + mib + " MiB\n");
  };
  EXPECT_EQ(named("NVIDIA A100-SXM4-80GB", "81920").rig.devices[0].device.name, "a100-80gb-sxm");
  EXPECT_EQ(named("NVIDIA RTX 6000 Ada Generation", "49140").rig.devices[0].device.name,
            "rtx-6000-ada");
  EXPECT_EQ(named("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "97887")
                .rig.devices[0]
                .device.name,
            "rtx-pro-6000-blackwell");
  // The 8 GB card of the same name: the catalogue's but for its memory.
  const ImportedRig small = named("NVIDIA GeForce RTX 5060 Ti", "8151");
  EXPECT_EQ(small.rig.devices[0].device.name, "rtx-5060-ti-16gb-8gb");
  EXPECT_EQ(small.rig.devices[0].device.memory.count(), std::int64_t{8} << 30);
  EXPECT_TRUE(says(small, NoteKind::kAssumed, "has 8 GiB here"));
  const ImportedRig other = named("NVIDIA GeForce RTX 4090 D", "24564");
  EXPECT_EQ(other.rig.devices[0].device.name, "nvidia-geforce-rtx-4090-d");
  EXPECT_TRUE(says(other, NoteKind::kAssumed, "every other figure is that of rtx-4090"));
}

TEST(ImportedDevices, KeepAPowerLimitBelowTheirTdp) {
  const ImportedRig imported =
      import_text("name, power.limit [W]\nNVIDIA GeForce RTX 3090, 230.00 W\n");
  EXPECT_EQ(imported.rig.devices[0].power_limit, sim::Watts(230));
}

// Two cards below an Intel CPU that no file names any closer: NCCL keeps them apart.
TEST(ImportedHost, KeepsTheVendorOfItsCpu) {
  const auto machine = [](const std::string& vendor) {
    const auto card = [](int i) {
      return fmt::format(
          "<pci busid=\"0000:0{0}:00.0\" class=\"0x030200\" link_speed=\"16.0 GT/s PCIe\" "
          "link_width=\"16\"><gpu dev=\"{0}\" sm=\"80\"/></pci>",
          i);
    };
    return fmt::format("<system version=\"1\"><cpu numaid=\"0\" vendor=\"{}\">{}{}</cpu></system>",
                       vendor, card(0), card(1));
  };
  const ImportedRig intel = import({{"topo.xml", machine("GenuineIntel")}}, "a100-80gb-pcie");
  EXPECT_EQ(cpu_vendor(intel.rig.host), "Intel");
  EXPECT_TRUE(says(intel, NoteKind::kAssumed, "is taken, but its CPU is Intel's"));
  const ImportedRig amd = import({{"topo.xml", machine("AuthenticAMD")}}, "a100-80gb-pcie");
  EXPECT_EQ(cpu_vendor(amd.rig.host), "AMD");
  EXPECT_FALSE(says(amd, NoteKind::kAssumed, "but its CPU"));
}

TEST(ImportedPeers, AreThoseOfTopoP2p) {
  const std::string peers =
      "$ nvidia-smi topo -p2p w\n \tGPU0\tGPU1\n GPU0\tX\tOK\n GPU1\tCNS\tX\n";
  const ImportedRig imported = import({{"a.txt", kPair}, {"b.txt", peers}}, "a6000");
  ASSERT_EQ(imported.rig.peer_access.size(), 1U);
  EXPECT_EQ(imported.rig.peer_access[0].from, 0U);
  EXPECT_EQ(imported.rig.peer_access[0].to, 1U);
}

}  // namespace
}  // namespace rigsim::configs::test
