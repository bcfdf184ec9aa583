#include "configs/rig_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "configs/catalog.h"
#include "configs/rig_name.h"

namespace rigsim::configs {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace sim::literals;  // NOLINT(google-build-using-namespace)

const Catalog& catalog() {
  static const Catalog loaded = Catalog::load();
  return loaded;
}

topology::Rig read(std::string_view text) {
  const YamlDocument document = parse_yaml(text, "rig.yaml");
  ObjectReader entry = ValueReader(document).object();
  topology::Rig rig = read_rig(entry, catalog());
  entry.finish();
  return rig;
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal(std::string_view text) {
  return refusal([&] { (void)read(text); });
}

TEST(NamedRig, ReadsCountDeviceLinkAndLimit) {
  struct Case {
    const char* name;
    std::size_t count;
    const char* device;
  };
  for (const Case& c :
       {Case{"2x4090", 2, "rtx-4090"}, Case{"a6000", 1, "rtx-a6000"},
        Case{"2x 4090", 2, "rtx-4090"}, Case{"2 x RTX 4090", 2, "rtx-4090"},
        Case{"4x3090-nvlink", 4, "rtx-3090"}, Case{"8xh100-sxm", 8, "h100-sxm-80gb"},
        Case{"a100-80gb-sxm", 1, "a100-80gb-sxm"}, Case{"2xa6000-nvlink", 2, "rtx-a6000"},
        Case{"6x3090", 6, "rtx-3090"}, Case{"2x7900xtx", 2, "rx-7900-xtx"},
        Case{"2x-epyc-9654", 1, "2x-epyc-9654"}, Case{"3xa100-pcie", 3, "a100-80gb-pcie"},
        Case{"1x4090", 1, "rtx-4090"}, Case{"3x4090-pcie", 3, "rtx-4090"},
        Case{"m2-ultra", 1, "m2-ultra-76c"}}) {
    const topology::Rig rig = catalog().rig(c.name);
    EXPECT_EQ(rig.name, c.name);
    ASSERT_EQ(rig.devices.size(), c.count) << c.name;
    EXPECT_EQ(rig.devices[0].device.name, c.device) << c.name;
  }
  EXPECT_EQ(catalog().rig("4x3090@230W").devices[3].power_limit, 230_W);
  EXPECT_EQ(catalog().rig("4x3090-nvlink@ 230 W").devices[0].power_limit, 230_W);
  EXPECT_EQ(catalog().rig("4x3090").devices[0].power_limit, std::nullopt);
}

TEST(NamedRig, JoinsDevicesAsNamed) {
  const auto joined = [](const char* name) {
    int cables = 0;
    for (const topology::Cable& cable : catalog().rig(name).cables) {
      cables += cable.type.starts_with("nvlink") ? 1 : 0;
    }
    return cables;
  };
  EXPECT_EQ(joined("4x3090"), 0);
  EXPECT_EQ(joined("4x3090-nvlink"), 2);  // bridges join 0-1 and 2-3
  EXPECT_EQ(joined("8xh100-sxm"), 8);     // each to the switch
  EXPECT_EQ(joined("2x4090"), 0);
}

TEST(NamedRig, PermitsPeerAccessAndNarrowsSlotsAsNamed) {
  EXPECT_TRUE(catalog().rig("2x4090").peer_access.empty());
  EXPECT_EQ(catalog().rig("2x4090-p2p").peer_access.size(), 2U);
  EXPECT_TRUE(catalog().rig("2xa6000-nop2p").peer_access.empty());
  const topology::Rig narrow = catalog().rig("2x3090-x8");
  EXPECT_EQ(narrow.cables[0].type, "pcie4x8");
  EXPECT_EQ(narrow.devices[0].device.pcie_lanes, 8);
  const topology::Rig both = catalog().rig("2x4090-x4-p2p@300W");
  EXPECT_EQ(both.cables[1].type, "pcie4x4");
  EXPECT_EQ(both.peer_access.size(), 2U);
  EXPECT_EQ(both.devices[1].power_limit, 300_W);
}

// 64 machines of 8 with a NIC for each GPU: 512 NICs, 16 leaves of 32 and a spine.
TEST(NamedRig, JoinsMachinesByANetwork) {
  const topology::Rig rig = catalog().rig("64x8xh100-sxm");
  EXPECT_EQ(rig.name, "64x8xh100-sxm");
  EXPECT_EQ(rig.devices.size(), 512U);
  const auto count = [&](topology::NodeKind kind) {
    return std::ranges::count(rig.nodes, kind, &topology::Node::kind);
  };
  EXPECT_EQ(count(topology::NodeKind::kNic), 512);
  EXPECT_EQ(count(topology::NodeKind::kNetworkSwitch), 17);
  EXPECT_EQ(count(topology::NodeKind::kNvSwitch), 64);
}

TEST(NamedRig, CountsBoardsOfEightAsMachines) {
  const topology::Rig rig = catalog().rig("16xh100-sxm");
  EXPECT_EQ(rig.devices.size(), 16U);
  EXPECT_EQ(rig.nodes.back().kind, topology::NodeKind::kNetworkSwitch);
  EXPECT_EQ(rig.devices[8].name, "m1.gpu0");
  EXPECT_EQ(catalog().rig("2x8xh100-sxm").cables.size(), rig.cables.size());
  EXPECT_EQ(catalog().rig("1x8xh100-sxm").cables.size(), 16U);
}

TEST(NamedRig, RefusesWhatIsNoRig) {
  EXPECT_THAT(refusal([] { (void)catalog().rig("2x4091"); }),
              StartsWith("rig \"2x4091\": unknown device \"4091\", did you mean \"4090\""));
  EXPECT_THAT(refusal([] { (void)catalog().rig("toaster"); }),
              HasSubstr("a rig is [M x][N x]device"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("0x4090"); }),
              HasSubstr("from 1 to 65536, got \"0\""));
  EXPECT_THAT(refusal([] { (void)catalog().rig("99999999999x4090"); }),
              HasSubstr("from 1 to 65536"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("2000x4090"); }),
              HasSubstr("of one machine must be from 1 to 1024, got 2000; MxNxdevice"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("12xh100-sxm"); }),
              HasSubstr("stand on boards of 8; 12 of them are no whole number of machines"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("9000x8xh100-sxm"); }),
              HasSubstr("the number of machines must be from 1 to 8192, got \"9000\""));
  EXPECT_THAT(refusal([] { (void)catalog().rig("2x4090-x8-x4"); }), HasSubstr("unknown device"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("2xrtx-4060-x16"); }),
              HasSubstr("has 8 PCIe lanes, not 16"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("2x4090-nvlink"); }), HasSubstr("no NVLink"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("2x4090@230"); }), HasSubstr("the unit is missing"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("2x4090@2300W"); }),
              HasSubstr("above 1.5 times the 450 W"));
  EXPECT_THAT(refusal([] { (void)catalog().rig("2xm2-ultra"); }), HasSubstr("not a PCIe device"));
  EXPECT_THAT(refusal([] { (void)catalog().rig(""); }), HasSubstr("unknown device"));
}

TEST(NamedRig, StandsOnAHostWithMemoryForOffload) {
  EXPECT_EQ(catalog().rig("4090").host.memory, 128_GiB);
  EXPECT_EQ(catalog().rig("4x3090").host.memory_bandwidth, 204.8_GBps);
  EXPECT_EQ(catalog().rig("8xh100-sxm").host.cores, 192);
  EXPECT_EQ(catalog().rig("m3-max").host.memory.count(), 0);
  ASSERT_TRUE(catalog().rig("4090").host.cpu.has_value());
  EXPECT_EQ(catalog().rig("4090").host.cpu->name, "ryzen-9-7950x");
}

TEST(ReadRig, TakesDevicesByNameByDefinitionAndByLikeness) {
  const topology::Rig rig = read(
      "name: mixed\ndevices:\n  - {device: 3090, power_limit: 280 W}\n"
      "  - device: {like: rtx-4090, name: big-4090, memory: 48 GiB, peak: {fp32: 90 TFLOPS}}\n"
      "    name: second\nlink: pcie\n"
      "host: {name: mine, memory: 64 GiB, memory_bandwidth: 50 GB/s, cores: 8}\n");
  ASSERT_EQ(rig.devices.size(), 2U);
  EXPECT_EQ(rig.devices[0].name, "gpu0");
  EXPECT_EQ(rig.devices[0].power_limit, 280_W);
  EXPECT_EQ(rig.devices[1].name, "second");
  EXPECT_EQ(rig.devices[1].device.name, "big-4090");
  EXPECT_EQ(rig.devices[1].device.memory, 48_GiB);
  EXPECT_EQ(rig.devices[1].device.peak.fp32, 90_TFLOPS);
  EXPECT_EQ(rig.devices[1].device.peak.int8, 660.6_TFLOPS);
  EXPECT_EQ(rig.host.cores, 8);
}

constexpr std::string_view kWired =
    "name: wired\ndevices: [{device: rtx-4090, count: 3}]\n"
    "nodes: [{name: host0, kind: host}, {name: sw0, kind: pcie-switch}]\n"
    "cables:\n  - {a: gpu0, b: sw0, type: pcie4x16, bandwidth: 22 GB/s, latency: 1 us}\n"
    "  - {a: gpu1, b: sw0, type: pcie4x16, bandwidth: 22 GB/s, latency: 1 us}\n"
    "  - {a: sw0, b: host0, type: pcie4x16, bandwidth: 22 GB/s, latency: 500 ns}\n"
    "  - {a: gpu2, b: host0, type: pcie4x8, bandwidth: 11 GB/s, latency: 1 us}\n"
    "peer_access: [{from: gpu0, to: gpu1}, {from: gpu1, to: gpu0}]\n";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kWired);
  return text.replace(text.find(from), from.size(), to);
}

TEST(ReadRig, TakesAWiringByHand) {
  const topology::Rig rig = read(kWired);
  EXPECT_EQ(rig.nodes.size(), 5U);
  EXPECT_EQ(rig.cables.size(), 4U);
  EXPECT_EQ(rig.cables[2].latency, std::chrono::nanoseconds(500));
  EXPECT_EQ(rig.peer_access.size(), 2U);
}

// NVLink means peer access, whether the file says so or not.
TEST(ReadRig, AnNvlinkCableLetsBothEndsCopy) {
  const topology::Rig rig = read(with(
      "peer_access",
      "  - {a: gpu1, b: gpu2, type: nvlink3x4, bandwidth: 51 GB/s, latency: 7 us}\npeer_access"));
  EXPECT_EQ(rig.peer_access.size(), 4U);
}

TEST(ReadRig, NamesThePlaceOfAWrongWiring) {
  EXPECT_EQ(
      refusal(with("a: gpu1, b: sw0", "a: gpu1, b: sw1")),
      "rig.yaml:6:18: cables[1].b: unknown value \"sw1\", did you mean \"sw0\"? allowed: host0, "
      "sw0, gpu0, gpu1, gpu2");
  EXPECT_EQ(refusal(with("a: gpu1, b: sw0", "a: gpu1, b: gpu1")),
            "rig.yaml:6:5: cables[1]: a cable from \"gpu1\" to itself");
  EXPECT_EQ(
      refusal(with("a: gpu2, b: host0", "a: gpu0, b: host0")),
      "rig.yaml:8:5: cables[3]: this PCIe cable from \"gpu0\" to \"host0\" closes a cycle; PCIe "
      "is a tree");
  EXPECT_THAT(
      refusal(
          with("  - {a: gpu2, b: host0, type: pcie4x8, bandwidth: 11 GB/s, latency: 1 us}\n", "")),
      StartsWith("rig.yaml:5:3: cables: \"gpu2\" reaches no host over these cables"));
  EXPECT_THAT(refusal(with("a: gpu1, b: sw0", "a: sw0, b: gpu0")),
              HasSubstr("a second pcie4x16 cable"));
  EXPECT_EQ(refusal(with("11 GB/s", "-5 GB/s")),
            "rig.yaml:8:51: cables[3].bandwidth: must be > 0, got \"-5 GB/s\"");
  EXPECT_THAT(refusal(with("from: gpu0, to: gpu1", "from: gpu0, to: gpu7")),
              HasSubstr("peer_access[0].to: unknown value \"gpu7\""));
  EXPECT_THAT(refusal(with("kind: host", "kind: hots")), HasSubstr("did you mean \"host\"?"));
}

constexpr std::string_view kPlanned =
    "name: server\ndevices: [{device: rtx-pro-6000-blackwell, count: 4, lanes: 8}]\n"
    "sockets: 2\nsocket_link: amd-turin\n"
    "root_complexes: [{name: q0, socket: 1, memory: 60 GB/s}]\n"
    "switches:\n  - {name: sw0, devices: [gpu0, gpu1], uplink: pcie5x16, at: q0}\n"
    "  - {name: sw1, devices: [gpu2], at: sw0,\n"
    "     uplink: {type: pcie5x8, bandwidth: 20 GB/s, latency: 300 ns}}\n"
    "p2p: none\nmachines: 3\n"
    "network: {topology: rail-optimized, nic: 200 Gbit/s, nics: 2, latency: 2 us, radix: 32}\n";

std::string planned_with(std::string_view from, std::string_view to) {
  std::string text(kPlanned);
  return text.replace(text.find(from), from.size(), to);
}

TEST(ReadRig, TakesTheShortFormOfAServerAndACluster) {
  const topology::Rig rig = read(kPlanned);
  EXPECT_EQ(rig.devices.size(), 12U);
  EXPECT_TRUE(rig.peer_access.empty());
  const auto cable = [&](std::string_view a, std::string_view b) {
    const auto name = [&](topology::NodeId id) {
      return rig.nodes[static_cast<std::size_t>(id)].name;
    };
    return *std::ranges::find_if(
        rig.cables, [&](const topology::Cable& c) { return name(c.a) == a && name(c.b) == b; });
  };
  EXPECT_EQ(cable("m1.gpu0", "m1.sw0").type, "pcie5x8");
  EXPECT_EQ(cable("m1.sw1", "m1.sw0").per_direction, 20_GBps);
  EXPECT_EQ(cable("m1.sw1", "m1.sw0").latency, std::chrono::nanoseconds(300));
  EXPECT_EQ(cable("m0.q0", "m0.host1").per_direction, 60_GBps);
  EXPECT_EQ(cable("m0.host0", "m0.host1").type, "socket-amd-turin");
  EXPECT_EQ(cable("m0.gpu3", "m0.q0").type, "pcie5x8");
  EXPECT_EQ(cable("m2.nic1", "leaf0").type, "network200g");
}

TEST(ReadRig, NamesThePlaceOfAWrongPlan) {
  EXPECT_THAT(refusal(planned_with("pcie5x16", "pcie5")),
              HasSubstr("switches[0].uplink: a PCIe link is written as pcie5x16, got \"pcie5\""));
  EXPECT_THAT(refusal(planned_with("[gpu2]", "[gpu9]")),
              HasSubstr("switches[1].devices[0]: unknown value \"gpu9\""));
  EXPECT_THAT(refusal(planned_with("lanes: 8", "lanes: 32")), HasSubstr("has 16 PCIe lanes"));
  EXPECT_THAT(refusal(planned_with("amd-turin", "amd")), HasSubstr("socket link \"amd\""));
  EXPECT_THAT(refusal(planned_with("200 Gbit/s", "200 G")), HasSubstr("network.nic"));
  EXPECT_THAT(refusal(planned_with("machines: 3\n", "")), HasSubstr("a network joins machines"));
  EXPECT_THAT(refusal(planned_with("machines: 3", "machines: 3\ncables: []")),
              HasSubstr("give either nodes, cables and peer_access, or sockets"));
  EXPECT_THAT(refusal(planned_with("at: sw0", "at: sw2")),
              HasSubstr("switches[1].at: unknown value \"sw2\", did you mean \"sw0\"? allowed: "
                        "host0, host1, q0, sw0"));
  EXPECT_THAT(refusal(planned_with("radix: 32", "radix: 32, oversubscription: 0.5")),
              HasSubstr("network.oversubscription: must be from 1 to 31, got 0.5"));
}

constexpr std::string_view kTwoMachines =
    "name: two-sockets-and-a-network\ndevices: [{device: rtx-4090, count: 2}]\n"
    "nodes:\n  - {name: gpu1, kind: device, machine: 1}\n"
    "  - {name: host0, kind: host}\n  - {name: host1, kind: host}\n"
    "  - {name: quadrant, kind: root-complex}\n  - {name: nic0, kind: nic}\n"
    "  - {name: far, kind: host, machine: 1}\n  - {name: leaf, kind: network-switch}\n"
    "cables:\n  - {a: gpu0, b: quadrant, type: pcie4x16, bandwidth: 26 GB/s}\n"
    "  - {a: quadrant, b: host0, kind: on-die, bandwidth: 73 GB/s}\n"
    "  - {a: host0, b: host1, kind: socket, type: upi, bandwidth: 40 GB/s}\n"
    "  - {a: nic0, b: host0, type: pcie5x16, bandwidth: 50 GB/s}\n"
    "  - {a: nic0, b: leaf, type: network-400g, bandwidth: 48 GB/s}\n"
    "  - {a: far, b: leaf, kind: network, bandwidth: 1 GB/s}\n"
    "  - {a: gpu1, b: far, bandwidth: 26 GB/s}\n";

// The kind of a cable is said, or begins its type; a type that is not said is the kind.
TEST(ReadRig, TakesSocketsRootComplexesNicsAndMachines) {
  using topology::CableKind;
  const topology::Rig rig = read(kTwoMachines);
  EXPECT_EQ(rig.nodes[0].machine, 1U);
  EXPECT_EQ(rig.nodes[3].kind, topology::NodeKind::kRootComplex);
  EXPECT_EQ(rig.nodes[6].kind, topology::NodeKind::kNetworkSwitch);
  const CableKind kinds[] = {CableKind::kPcie, CableKind::kOnDie,   CableKind::kSocket,
                             CableKind::kPcie, CableKind::kNetwork, CableKind::kNetwork,
                             CableKind::kPcie};
  for (std::size_t i = 0; i < std::size(kinds); ++i) EXPECT_EQ(rig.cables[i].kind, kinds[i]) << i;
  EXPECT_EQ(rig.cables[1].type, "on-die");
  EXPECT_EQ(rig.cables[2].type, "upi");
  EXPECT_EQ(rig.cables[6].type, "pcie");
}

TEST(ReadRig, RefusesACableOfNoKind) {
  EXPECT_THAT(refusal(with("type: pcie4x8", "type: wire")),
              HasSubstr("cables[3].type: \"wire\" does not begin with a kind of cable; give its "
                        "kind, one of: pcie, nvlink"));
  EXPECT_THAT(refusal(with("type: pcie4x8", "kind: sockt")), HasSubstr("did you mean \"socket\""));
  EXPECT_THAT(refusal(with("type: pcie4x8", "kind: socket")),
              HasSubstr("a socket cable joins hosts, got device and host"));
}

TEST(ReadRig, RefusesWrongDevices) {
  EXPECT_EQ(
      refusal("name: x\ndevices:\n  - device: rtx-4091\n"),
      "rig.yaml:3:13: devices[0].device: unknown device \"rtx-4091\", did you mean \"rtx-4090\" "
      "or \"rtx-3090\" or \"rtx-5090\"? \"rigsim catalog devices\" lists all");
  EXPECT_THAT(refusal("name: x\ndevices: []\n"), HasSubstr("at least one element"));
  EXPECT_THAT(refusal("name: x\ndevices: [{device: 4090, count: 0}]\n"),
              HasSubstr("from 1 to 1024, got 0"));
  EXPECT_THAT(refusal("name: x\ndevices: [{device: 4090, memory: 5 GiB}]\n"),
              HasSubstr("devices[0].memory: unknown key"));
  EXPECT_THAT(refusal("name: x\ndevices: [{device: 4090, count: 2, name: a}]\n"),
              HasSubstr("a name is for one device"));
  EXPECT_THAT(refusal("name: x\ndevices: [{device: 4090}, {device: 4090, name: gpu0}]\n"),
              HasSubstr("two devices are named \"gpu0\""));
  EXPECT_THAT(refusal("name: x\ndevices: [{device: 4090, count: 2}]\nlink: nvlink\n"),
              StartsWith("rig.yaml:3:7: link: "));
  EXPECT_THAT(refusal("name: x\ndevices: [{device: 4090}]\nlink: pcie\ncables: []\n"),
              HasSubstr("give either a link, or nodes"));
  EXPECT_THAT(refusal("name: x\ndevices: [{device: 4090}]\nhost: {name: h, memory: 1 GiB}\n"),
              HasSubstr("\"memory_bandwidth\" is missing"));
  EXPECT_THAT(refusal("name: x\ndevices: [{device: 4090}]\nhost: {name: h, memory: 1 GiB, "
                      "memory_bandwidth: 1 GB/s, cores: 2, cpu: rtx-4090}\n"),
              HasSubstr("is no CPU"));
}

// What is written reads back to the same text, cable by cable and device by device.
TEST(ToYaml, GivesTheSameRigBack) {
  std::vector<topology::Rig> rigs = {read(kWired), read(kTwoMachines),
                                     catalog().rig("6x3090-nvlink@230W"),
                                     catalog().rig("8xh100-sxm"), catalog().rig("3x4090")};
  for (const auto& entry : catalog().rigs()) rigs.push_back(entry.value);
  for (const auto& entry : catalog().devices()) rigs.push_back(catalog().rig(entry.about.name));
  for (const topology::Rig& rig : rigs) {
    const std::string text = to_yaml(rig);
    const topology::Rig back = read(text);
    EXPECT_EQ(to_yaml(back), text) << rig.name;
    EXPECT_EQ(back.name, rig.name);
    ASSERT_EQ(back.devices.size(), rig.devices.size());
    ASSERT_EQ(back.cables.size(), rig.cables.size());
    ASSERT_EQ(back.nodes.size(), rig.nodes.size());
    EXPECT_EQ(back.peer_access.size(), rig.peer_access.size());
    EXPECT_EQ(back.devices[0].device.memory_bandwidth, rig.devices[0].device.memory_bandwidth);
    for (std::size_t i = 0; i < rig.cables.size(); ++i) {
      EXPECT_EQ(back.cables[i].a, rig.cables[i].a);
      EXPECT_EQ(back.cables[i].kind, rig.cables[i].kind);
      EXPECT_EQ(back.cables[i].per_direction, rig.cables[i].per_direction);
      EXPECT_EQ(back.cables[i].latency, rig.cables[i].latency);
    }
  }
}

TEST(ReadRig, SurvivesMutatedFiles) {
  std::mt19937 random(11);
  const std::string good(kWired);
  for (int i = 0; i < 3000; ++i) {
    std::string text = good;
    for (auto edits = 1 + random() % 3; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      const auto kind = random() % 3;
      if (kind == 0) text[at] = static_cast<char>(random() % 256);
      if (kind == 1) text.erase(at, 1 + random() % 5);
      if (kind == 2) text.insert(at, good.substr(random() % good.size(), 1 + random() % 12));
    }
    (void)refusal(text);
  }
}

}  // namespace
}  // namespace rigsim::configs
