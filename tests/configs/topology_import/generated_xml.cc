// What NCCL and hwloc write about a machine.
#include <algorithm>
#include <numeric>
#include <sstream>

#include "tests/configs/topology_import/generated_machine.h"

namespace rigsim::configs::test {
namespace {

std::vector<int> values(const GeneratedMachine& machine, int Spot::* member,
                        const std::vector<std::size_t>& of) {
  std::vector<int> found;
  for (const std::size_t i : of) {
    const int value = machine.spot(i).*member;
    if (std::find(found.begin(), found.end(), value) == found.end()) found.push_back(value);
  }
  return found;
}

std::vector<std::size_t> where(const GeneratedMachine& machine, const std::vector<std::size_t>& of,
                               int Spot::* member, int value) {
  std::vector<std::size_t> found;
  for (const std::size_t i : of)
    if (machine.spot(i).*member == value) found.push_back(i);
  return found;
}

std::vector<std::size_t> everything(const GeneratedMachine& machine) {
  std::vector<std::size_t> all(machine.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

/// Writes the PCIe tree of a machine; what an element looks like is the format's affair.
class TreeText {
 public:
  virtual ~TreeText() = default;
  virtual std::string leaf(std::size_t i) = 0;
  virtual std::string bridge(const std::string& inside) = 0;
  virtual std::vector<std::string> ordered(std::vector<std::string> parts) { return parts; }

  /// What hangs on a root complex: tops, leaves below them, devices.
  std::string below_root(const GeneratedMachine& machine, const std::vector<std::size_t>& members) {
    std::vector<std::string> parts;
    for (const int top : values(machine, &Spot::top, members)) {
      const auto in_top = where(machine, members, &Spot::top, top);
      if (top < 0) {
        for (const std::size_t i : in_top) parts.push_back(leaf(i));
        continue;
      }
      const std::vector<int> leaves = values(machine, &Spot::leaf, in_top);
      std::vector<std::string> inner;
      for (const int number : leaves) {
        std::vector<std::string> devices;
        for (const std::size_t i : where(machine, in_top, &Spot::leaf, number))
          devices.push_back(leaf(i));
        inner.push_back(leaves.size() == 1 ? joined(devices) : bridge(joined(devices)));
      }
      parts.push_back(bridge(joined(inner)));
    }
    return joined(parts);
  }

 protected:
  std::string joined(std::vector<std::string> parts) {
    std::string text;
    for (const std::string& part : ordered(std::move(parts))) text += part;
    return text;
  }
  int bridges_ = 0;
};

std::string peers_xml(const GeneratedMachine& machine, std::size_t gpu) {
  std::string text;
  for (std::size_t other = 0; other < machine.gpus.size(); ++other) {
    const std::string& link = machine.peers[gpu][other];
    if (link == "NV18") continue;
    if (link == "XGMI")
      text += "<xgmi target=\"" + bus_id(other) + "\" count=\"1\" tclass=\"0x120000\"/>\n";
    else if (!link.empty())
      text += "<nvlink target=\"" + bus_id(other) + "\" count=\"" + link.substr(2) +
              "\" tclass=\"0x030200\"/>\n";
  }
  // An NVSwitch is four chips.
  if (machine.gpus.size() > 1 && machine.peers[0][1] == "NV18")
    for (const char* links : {"4", "5", "4", "5"})
      text += std::string("<nvlink target=\"0000:f") + links[0] + ":00.0\" count=\"" + links +
              "\" tclass=\"0x068000\"/>\n";
  return text;
}

class NcclText final : public TreeText {
 public:
  NcclText(const GeneratedMachine& machine, std::mt19937& random)
      : machine_(machine), random_(random) {}

  std::string leaf(std::size_t i) override {
    const std::string start = "<pci busid=\"" + bus_id(i) + "\" class=\"";
    const std::string speed = "\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">\n";
    if (i >= machine_.gpus.size())
      return start + "0x020700\" vendor=\"0x15b3\" device=\"0x1021" + speed +
             "<nic><net name=\"mlx5_" + std::to_string(i - machine_.gpus.size()) +
             "\" speed=\"400000\"/></nic></pci>\n";
    const bool amd = machine_.pci_id.starts_with("1002");
    return start + (amd ? "0x120000" : "0x030200") + "\" vendor=\"0x" +
           machine_.pci_id.substr(0, 4) + "\" device=\"0x" + machine_.pci_id.substr(5) + speed +
           "<gpu dev=\"" + std::to_string(i) +
           (amd ? "\" sm=\"304\" gcn=\"gfx942\">\n" : "\" sm=\"86\">\n") + peers_xml(machine_, i) +
           "</gpu></pci>\n";
  }
  std::string bridge(const std::string& inside) override {
    return "<pci busid=\"ffff:ff:" + std::to_string(10 + bridges_++) +
           ".0\" class=\"0x060400\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">\n" + inside +
           "</pci>\n";
  }
  std::vector<std::string> ordered(std::vector<std::string> parts) override {
    std::shuffle(parts.begin(), parts.end(), random_);
    return parts;
  }

 private:
  const GeneratedMachine& machine_;
  std::mt19937& random_;
};

class HwlocText final : public TreeText {
 public:
  explicit HwlocText(const GeneratedMachine& machine) : machine_(machine) {}

  std::string leaf(std::size_t i) override {
    const bool gpu = i < machine_.gpus.size();
    const bool amd = machine_.pci_id.starts_with("1002");
    const std::string kind =
        !gpu ? "0207 [15b3:1021]" : (amd ? "1200 [" : "0302 [") + machine_.pci_id + "]";
    const std::string os = gpu ? "<object type=\"OSDev\" gp_index=\"" + std::to_string(500 + i) +
                                     "\" name=\"nvml0\"><info name=\"GPUModel\" value=\"" +
                                     machine_.product + "\"/></object>"
                               : "<object type=\"OSDev\" gp_index=\"" + std::to_string(500 + i) +
                                     "\" name=\"mlx5_0\"/>";
    return bridge("<object type=\"PCIDev\" gp_index=\"" + std::to_string(100 + i) +
                  "\" pci_busid=\"" + bus_id(i) + "\" pci_type=\"" + kind +
                  " [0000:0000] a1 00\" pci_link_speed=\"31.507692\">" + os + "</object>\n");
  }
  std::string bridge(const std::string& inside) override {
    return "<object type=\"Bridge\" bridge_type=\"1-1\" pci_link_speed=\"31.507692\">\n" + inside +
           "</object>\n";
  }

 private:
  const GeneratedMachine& machine_;
};

/// Bandwidths between GPUs as hwloc keeps them; the NVSwitch is one more object.
std::string hwloc_matrix(const GeneratedMachine& machine) {
  const std::size_t gpus = machine.gpus.size();
  const bool switched = gpus > 1 && machine.peers[0][1] == "NV18";
  const bool xgmi = gpus > 1 && machine.peers[0][1] == "XGMI";
  const std::size_t size = gpus + (switched ? 1 : 0);
  std::ostringstream out;
  out << "<distances2hetero nbobjs=\"" << size << "\" kind=\"25\" name=\""
      << (xgmi ? "XGMIBandwidth" : "NVLinkBandwidth") << "\">\n<indexes length=\"1\">";
  for (std::size_t i = 0; i < gpus; ++i) out << "OSDev:" << 500 + i << ' ';
  if (switched) out << "PCIDev:900 ";
  out << "</indexes>\n";
  for (std::size_t a = 0; a < size; ++a) {
    out << "<u64values length=\"1\">";
    for (std::size_t b = 0; b < size; ++b) {
      const bool to_switch = switched && (a == gpus) != (b == gpus);
      const std::string link = a < gpus && b < gpus ? machine.peers[a][b] : "";
      // NV4 of GA102: 4 x 14062 MB/s; NV12 and NV18: 25000 each; xGMI of an MI300X: 64000.
      const int rate = to_switch        ? 450000
                       : link == "NV4"  ? 56250
                       : link == "NV12" ? 300000
                       : link == "XGMI" ? 64000
                                        : 0;
      out << rate << ' ';
    }
    out << "</u64values>\n";
  }
  out << "</distances2hetero>\n";
  return out.str();
}

}  // namespace

std::string nccl_xml(const GeneratedMachine& machine, std::mt19937& random) {
  NcclText tree(machine, random);
  std::string text = "<system version=\"1\">\n";
  const auto all = everything(machine);
  std::vector<int> sockets = values(machine, &Spot::socket, all);
  std::sort(sockets.begin(), sockets.end());
  for (const int socket : sockets) {
    const auto members = where(machine, all, &Spot::socket, socket);
    std::vector<std::string> roots;
    for (const int root : values(machine, &Spot::root, members))
      roots.push_back(tree.below_root(machine, where(machine, members, &Spot::root, root)));
    text += "<cpu numaid=\"" + std::to_string(socket) +
            "\" arch=\"x86_64\" vendor=\"AuthenticAMD\" familyid=\"175\" modelid=\"17\">\n";
    for (const std::string& root : tree.ordered(roots)) text += root;
    text += "</cpu>\n";
  }
  return text + "</system>\n";
}

std::string hwloc_xml(const GeneratedMachine& machine) {
  HwlocText tree(machine);
  std::string text =
      "<?xml version=\"1.0\"?>\n<topology version=\"2.0\">\n<object type=\"Machine\">\n";
  const auto all = everything(machine);
  std::vector<int> sockets = values(machine, &Spot::socket, all);
  std::sort(sockets.begin(), sockets.end());
  for (const int socket : sockets) {
    text += "<object type=\"Package\"><object type=\"NUMANode\" local_memory=\"100000000000\"/>\n";
    const auto members = where(machine, all, &Spot::socket, socket);
    for (const int root : values(machine, &Spot::root, members))
      text += "<object type=\"Bridge\" bridge_type=\"0-1\">\n" +
              tree.below_root(machine, where(machine, members, &Spot::root, root)) + "</object>\n";
    text += "</object>\n";
  }
  if (machine.gpus.size() > 1 && machine.peers[0][1] == "NV18")
    text +=
        "<object type=\"PCIDev\" gp_index=\"900\" subtype=\"NVSwitch\" pci_type=\"0680 "
        "[10de:22a3] [0000:0000] a1 00\"/>\n";
  return text + "</object>\n" + hwloc_matrix(machine) + "</topology>\n";
}

}  // namespace rigsim::configs::test
