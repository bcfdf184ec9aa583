#include "tests/configs/topology_import/generated_machine.h"

#include <algorithm>
#include <numeric>
#include <sstream>

namespace rigsim::configs::test {
namespace {

GeneratedMachine nvidia(std::string shape, std::string device, std::string product,
                        std::string pci_id, std::size_t gpus) {
  GeneratedMachine machine{
      std::move(shape), std::move(device), std::move(product), std::move(pci_id), {}, {}, {}};
  machine.gpus.resize(gpus);
  machine.peers.assign(gpus, std::vector<std::string>(gpus));
  return machine;
}

void join(GeneratedMachine& machine, std::size_t a, std::size_t b, const std::string& link) {
  machine.peers[a][b] = machine.peers[b][a] = link;
}

void join_all(GeneratedMachine& machine, const std::string& link) {
  for (std::size_t a = 0; a < machine.gpus.size(); ++a)
    for (std::size_t b = a + 1; b < machine.gpus.size(); ++b) join(machine, a, b, link);
}

/// Each GPU and its NIC behind a switch of their own, half of them on each socket.
void pair_with_nics(GeneratedMachine& machine) {
  for (int i = 0; i < 8; ++i) {
    machine.gpus[static_cast<std::size_t>(i)] = {i / 4, i, i, i};
    machine.nics.push_back({i / 4, i, i, i});
  }
}

GeneratedMachine mixture() {
  GeneratedMachine machine = nvidia("mixed", "rtx-a6000", "NVIDIA RTX A6000", "10de:2230", 6);
  machine.gpus = {{0, 0, 0, 0},  {0, 0, 0, 0}, {0, 0, -1, 0},
                  {0, 1, -1, 0}, {1, 2, 1, 1}, {1, 2, 1, 1}};
  machine.nics = {{1, 2, 1, 1}, {0, 1, -1, 0}};
  join(machine, 0, 1, "NV4");
  join(machine, 3, 4, "NV4");  // a bridge across the sockets
  return machine;
}

std::string driver_cell(const GeneratedMachine& machine, std::size_t a, std::size_t b,
                        const SmiStyle& style) {
  const std::string cell = machine.path(a, b);
  if (cell == "SYS" && style.old_names) return "SOC";
  return cell == "X" ? " X " : cell;
}

std::string label(const GeneratedMachine& machine, std::size_t i, const SmiStyle& style) {
  if (i < machine.gpus.size()) return "GPU" + std::to_string(i);
  const std::string number = std::to_string(i - machine.gpus.size());
  return style.old_names ? "mlx5_" + number : "NIC" + number;
}

/// Cells behind tabs, or padded to columns as terminals and web pages do.
std::string line_of(const std::vector<std::string>& cells, const SmiStyle& style) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (style.tabs) {
      line += (i > 0 ? "\t" : "") + cells[i];
    } else {
      line += cells[i] + std::string(cells[i].size() < 8 ? 8 - cells[i].size() : 2, ' ');
    }
  }
  return line + (style.carriage_returns ? "\r\n" : "\n");
}

std::string affinity_of(int socket) { return socket == 0 ? "0-31,64-95" : "32-63,96-127"; }

std::vector<std::string> smi_row(const GeneratedMachine& machine, std::size_t i,
                                 const SmiStyle& style) {
  std::vector<std::string> cells = {label(machine, i, style)};
  for (std::size_t other = 0; other < machine.size(); ++other)
    cells.push_back(driver_cell(machine, i, other, style));
  if (!style.affinities) return cells;
  if (i < machine.gpus.size()) {
    cells.push_back(affinity_of(machine.spot(i).socket));
    cells.push_back(std::to_string(machine.spot(i).socket));
    if (style.gpu_numa) cells.insert(cells.end(), {"", "N/A"});
  } else {
    cells.insert(cells.end(), {"", ""});
  }
  return cells;
}

std::string smi_header(const GeneratedMachine& machine, const SmiStyle& style) {
  std::vector<std::string> cells = {""};
  for (std::size_t i = 0; i < machine.size(); ++i) cells.push_back(label(machine, i, style));
  if (style.ansi) cells[1] = "\x1b[4m" + cells[1];
  if (style.affinities) {
    cells.insert(cells.end(), {"CPU Affinity", "NUMA Affinity"});
    if (style.gpu_numa) cells.emplace_back("GPU NUMA ID");
  }
  if (style.ansi) cells.back() += "\x1b[0m";
  return line_of(cells, style);
}

std::string bus(std::size_t i) {
  const char* digits = "0123456789abcdef";
  return std::string("0000:") + digits[(i + 1) / 16] + digits[(i + 1) % 16] + ":00.0";
}

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
      text += "<xgmi target=\"" + bus(other) + "\" count=\"1\" tclass=\"0x120000\"/>\n";
    else if (!link.empty())
      text += "<nvlink target=\"" + bus(other) + "\" count=\"" + link.substr(2) +
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
    const std::string start = "<pci busid=\"" + bus(i) + "\" class=\"";
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
                  "\" pci_busid=\"" + bus(i) + "\" pci_type=\"" + kind +
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

std::string rocm_table(const GeneratedMachine& machine, const std::string& title, char kind,
                       std::mt19937& random) {
  std::string text = "============ " + title + " between two GPUs ============\n       ";
  for (std::size_t i = 0; i < machine.gpus.size(); ++i)
    text += "GPU" + std::to_string(i) + "         ";
  text += "\n";
  std::vector<std::string> rows;
  for (std::size_t a = 0; a < machine.gpus.size(); ++a) {
    std::string row = "GPU" + std::to_string(a) + "   ";
    for (std::size_t b = 0; b < machine.gpus.size(); ++b) {
      const bool xgmi = machine.peers[a][b] == "XGMI";
      const std::string cell = a == b        ? "0"
                               : kind == 'w' ? (xgmi ? "15" : "40")
                               : kind == 'h' ? (xgmi ? "1" : "2")
                                             : (xgmi ? "XGMI" : "PCIE");
      row += cell + std::string(13 - cell.size(), ' ');
    }
    rows.push_back(row + "\n");
  }
  std::shuffle(rows.begin(), rows.end(), random);
  for (const std::string& row : rows) text += row;
  return text + "\n";
}

}  // namespace

std::string GeneratedMachine::name(std::size_t i) const {
  return i < gpus.size() ? "gpu" + std::to_string(i) : "nic" + std::to_string(i - gpus.size());
}

std::string GeneratedMachine::pcie_path(std::size_t a, std::size_t b) const {
  const Spot& x = spot(a);
  const Spot& y = spot(b);
  if (a == b) return "X";
  if (x.socket != y.socket) return "SYS";
  if (x.root != y.root) return "NODE";
  if (x.top < 0 || x.top != y.top) return "PHB";
  return x.leaf == y.leaf ? "PIX" : "PXB";
}

std::string GeneratedMachine::path(std::size_t a, std::size_t b) const {
  const bool both = a < gpus.size() && b < gpus.size();
  return both && !peers[a][b].empty() ? peers[a][b] : pcie_path(a, b);
}

std::vector<GeneratedMachine> eight_shapes() {
  std::vector<GeneratedMachine> all;
  all.push_back(nvidia("one", "rtx-3090", "NVIDIA GeForce RTX 3090", "10de:2204", 1));
  all.push_back(
      nvidia("two on a host bridge", "rtx-4090", "NVIDIA GeForce RTX 4090", "10de:2684", 2));
  GeneratedMachine pairs =
      nvidia("four in bridged pairs", "rtx-3090", "NVIDIA GeForce RTX 3090", "10de:2204", 4);
  pairs.gpus = {{0, 0, -1, 0}, {0, 0, -1, 0}, {0, 1, -1, 0}, {0, 1, -1, 0}};
  join(pairs, 0, 2, "NV4");
  join(pairs, 1, 3, "NV4");
  all.push_back(pairs);
  GeneratedMachine switches =
      nvidia("eight behind four switches", "rtx-pro-6000-blackwell",
             "NVIDIA RTX PRO 6000 Blackwell Server Edition", "10de:2bb5", 8);
  for (int i = 0; i < 8; ++i)
    switches.gpus[static_cast<std::size_t>(i)] = {i / 4, i / 2, i / 2, i / 2};
  all.push_back(switches);
  GeneratedMachine hgx =
      nvidia("eight on an NVSwitch", "h100-sxm-80gb", "NVIDIA H100 80GB HBM3", "10de:2330", 8);
  pair_with_nics(hgx);
  join_all(hgx, "NV18");
  all.push_back(hgx);
  GeneratedMachine oam = nvidia("eight by xGMI", "mi300x", "AMD Instinct MI300X", "1002:74a1", 8);
  pair_with_nics(oam);
  join_all(oam, "XGMI");
  all.push_back(oam);
  all.push_back(mixture());
  GeneratedMachine sixteen = nvidia("sixteen", "l40s", "NVIDIA L40S", "10de:26b9", 16);
  for (int i = 0; i < 16; ++i)
    sixteen.gpus[static_cast<std::size_t>(i)] = {i / 8, i / 8, i / 8, i / 4};
  all.push_back(sixteen);
  return all;
}

SmiStyle random_style(std::mt19937& random) {
  const auto coin = [&] { return random() % 2 == 0; };
  return {coin(), coin(), coin(), coin(), coin(), coin(), coin(), coin(), coin(), coin()};
}

std::string smi_topo(const GeneratedMachine& machine, const SmiStyle& style, std::mt19937& random) {
  std::string text = style.prompt ? "user@box:~$ nvidia-smi topo -m\n" : "";
  text += smi_header(machine, style);
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < machine.size(); ++i)
    if (style.nic_rows || i < machine.gpus.size())
      rows.push_back(line_of(smi_row(machine, i, style), style));
  if (style.shuffled) std::shuffle(rows.begin(), rows.end(), random);
  for (const std::string& row : rows) text += row;
  if (style.legend)
    text +=
        "\nLegend:\n\n  X    = Self\n  SYS  = Connection traversing PCIe as well as the SMP "
        "interconnect\n  NV#  = Connection traversing a bonded set of # NVLinks\n";
  return text;
}

std::string smi_csv(const GeneratedMachine& machine) {
  std::string text = "index, name, pci.bus_id, pcie.link.gen.max, pcie.link.width.current\n";
  for (std::size_t i = 0; i < machine.gpus.size(); ++i)
    text += std::to_string(i) + ", " + machine.product + ", 0000" + bus(i) + ", 4, 16\n";
  return text;
}

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

std::string rocm_smi(const GeneratedMachine& machine, const std::string& sections,
                     std::mt19937& random) {
  std::string text = "===== ROCm System Management Interface =====\n";
  if (sections.find('w') != std::string::npos) text += rocm_table(machine, "Weight", 'w', random);
  if (sections.find('h') != std::string::npos) text += rocm_table(machine, "Hops", 'h', random);
  if (sections.find('t') != std::string::npos)
    text += rocm_table(machine, "Link Type", 't', random);
  text += "===== Numa Nodes =====\n";
  for (std::size_t i = 0; i < machine.gpus.size(); ++i) {
    const std::string gpu = "GPU[" + std::to_string(i) + "]\t\t: ";
    text += gpu + "(Topology) Numa Node: " + std::to_string(machine.gpus[i].socket) + "\n";
    text += gpu + "Card series: " + machine.product + "\n";
  }
  return text + "===== End of ROCm SMI Log =====\n";
}

}  // namespace rigsim::configs::test
