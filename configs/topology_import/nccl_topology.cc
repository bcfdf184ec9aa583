#include "configs/topology_import/nccl_topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <set>

#include "configs/config_error.h"
#include "configs/topology_import/pci_tree.h"

namespace rigsim::configs {
namespace {

constexpr std::size_t kMostGpus = 1024;
constexpr int kMostLinks = 64;

/// "0x030200" or "30200"; none: no hexadecimal number.
std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole ? std::optional(value) : std::nullopt;
}

/// The number that "16.0 GT/s PCIe" begins with.
double leading_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value > 0 && value < 1e6 ? value : 0;
}

const XmlElement* child(const XmlElement& element, std::string_view name) {
  for (const XmlElement& each : element.children)
    if (each.name == name) return &each;
  return nullptr;
}

PcieFacts link_of(const XmlElement& pci) {
  const int lanes = small_number(pci.attribute("link_width"), 32);
  return {pcie_generation(leading_number(pci.attribute("link_speed"))),
          lanes > 0 ? std::optional(lanes) : std::nullopt};
}

bool is_gpu(const XmlElement& pci) {
  if (child(pci, "gpu") != nullptr) return true;
  const std::uint32_t kind = hexadecimal(pci.attribute("class")).value_or(0) >> 8;
  const std::uint32_t vendor = hexadecimal(pci.attribute("vendor")).value_or(0);
  return kind == 0x0302 || (kind == 0x0300 && vendor == 0x10de) ||
         ((kind == 0x0380 || kind == 0x1200) && vendor == 0x1002);
}

bool is_nic(const XmlElement& pci) {
  return child(pci, "nic") != nullptr ||
         hexadecimal(pci.attribute("class")).value_or(0) >> 16 == 0x02;
}

/// The name of the first port of a NIC.
std::string nic_name(const XmlElement& nic) {
  const XmlElement* net = child(nic, "net");
  return net == nullptr ? std::string() : std::string(net->attribute("name").substr(0, 40));
}

/// Reads one file's elements into a sketch.
class NcclReader {
 public:
  NcclReader(const ImportFile& file, const XmlElement& root) : file_(file), root_(root) {}

  MachineSketch sketch() {
    check_one_machine();
    for (const XmlElement& cpu : root_.children)
      if (cpu.name == "cpu") find_gpus(cpu);
    if (gpus_.empty()) fail_contradictory(file_, root_.line, "describes no GPU");
    number_gpus();
    PciTreeWriter writer(out_);
    for (const XmlElement& cpu : root_.children) {
      if (cpu.name != "cpu") continue;
      hosts_.push_back(writer.add_host(children_of(cpu)));
      read_cpu(cpu);
      find_c2c(cpu, hosts_.back());
    }
    for (std::size_t i = 0; i < gpus_.size(); ++i) read_links(i);
    pair_by_themselves();
    add_bundles();
    say_what_is_unknown(writer);
    return std::move(out_);
  }

 private:
  struct Found {
    const XmlElement* pci = nullptr;
    int rank = 0;  ///< its `dev`
  };

  void check_one_machine() const {
    std::set<std::string_view> machines;
    for (const XmlElement& cpu : root_.children)
      if (cpu.name == "cpu") machines.insert(cpu.attribute("host_hash"));
    if (machines.size() > 1)
      fail_contradictory(
          file_, root_.line,
          fmt::format("describes {} machines; give the file of one", machines.size()));
  }

  void read_cpu(const XmlElement& cpu) {
    out_.host.cpu_vendor = cpu.attribute("vendor").substr(0, 40);
    out_.host.cpu_family = small_number(cpu.attribute("familyid"), 1000);
    out_.host.cpu_model = small_number(cpu.attribute("modelid"), 1000);
  }

  void find_gpus(const XmlElement& parent) {
    for (const XmlElement& pci : parent.children) {
      if (pci.name != "pci") continue;
      if (!is_gpu(pci)) {
        if (!is_nic(pci)) find_gpus(pci);
        continue;
      }
      if (gpus_.size() == kMostGpus) fail_contradictory(file_, pci.line, "too many GPUs");
      const XmlElement* gpu = child(pci, "gpu");
      gpus_.push_back({&pci, gpu == nullptr ? -1 : small_number(gpu->attribute("dev"), 100'000)});
    }
  }

  /// In the order of `dev` where all have their own, else as they stand.
  void number_gpus() {
    std::set<int> ranks;
    for (const Found& gpu : gpus_) ranks.insert(gpu.rank);
    if (ranks.size() == gpus_.size() && *ranks.begin() >= 0)
      std::sort(gpus_.begin(), gpus_.end(),
                [](const Found& a, const Found& b) { return a.rank < b.rank; });
    for (std::size_t i = 0; i < gpus_.size(); ++i) {
      out_.gpus.push_back(facts_of(*gpus_[i].pci));
      out_.gpus.back().index = static_cast<int>(i);
      const std::string bus(gpus_[i].pci->attribute("busid"));
      if (!by_bus_.emplace(bus, i).second)
        fail_contradictory(file_, gpus_[i].pci->line,
                           fmt::format("a second GPU at bus {}", in_quotes(bus)));
    }
  }

  static GpuFacts facts_of(const XmlElement& pci) {
    GpuFacts facts;
    facts.line = pci.line;
    facts.bus_id = bus_address(pci.attribute("busid"));
    facts.pci_vendor = hexadecimal(pci.attribute("vendor"));
    facts.pci_device = hexadecimal(pci.attribute("device"));
    const XmlElement* gpu = child(pci, "gpu");
    if (gpu == nullptr) return facts;
    const std::string_view gcn = gpu->attribute("gcn");
    const int sm = small_number(gpu->attribute("sm"), 10'000);
    if (!gcn.empty()) {
      const std::string_view digits = gcn.substr(0, 20);
      facts.gfx = digits.starts_with("gfx") ? std::string(digits) : fmt::format("gfx{}", digits);
      facts.pci_vendor = 0x1002;
      if (sm > 0) facts.units = sm;
    } else if (sm > 0) {
      facts.compute_capability = sm;
    }
    return facts;
  }

  [[nodiscard]] std::vector<PciNode> children_of(const XmlElement& parent) const {
    std::vector<PciNode> nodes;
    for (const XmlElement& element : parent.children) {
      if (element.name == "nic" && parent.name == "cpu")
        nodes.push_back({PciNode::Kind::kNic, {}, 0, nic_name(element), {}});
      if (element.name == "pci") nodes.push_back(node_of(element));
    }
    return nodes;
  }

  [[nodiscard]] std::optional<std::size_t> number_of(const XmlElement& pci) const {
    const auto found =
        std::find_if(gpus_.begin(), gpus_.end(), [&](const Found& gpu) { return gpu.pci == &pci; });
    if (found == gpus_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - gpus_.begin());
  }

  [[nodiscard]] PciNode node_of(const XmlElement& pci) const {
    PciNode node;
    node.link = link_of(pci);
    if (is_gpu(pci)) {
      node.kind = PciNode::Kind::kGpu;
      node.gpu = number_of(pci).value();
    } else if (is_nic(pci)) {
      node.kind = PciNode::Kind::kNic;
      const XmlElement* nic = child(pci, "nic");
      if (nic != nullptr) node.nic = nic_name(*nic);
    } else {
      node.kind = PciNode::Kind::kBridge;
      node.children = children_of(pci);
    }
    return node;
  }

  [[nodiscard]] int links_of(const XmlElement& link) const {
    const int links = small_number(link.attribute("count"), kMostLinks);
    if (links < 0)
      fail_contradictory(file_, link.line,
                         fmt::format("count must be 0 to {}, got {}", kMostLinks,
                                     in_quotes(link.attribute("count"))));
    return links;
  }

  void find_c2c(const XmlElement& parent, std::size_t host) {
    for (const XmlElement& pci : parent.children) {
      if (pci.name != "pci") continue;
      find_c2c(pci, host);
      const XmlElement* gpu = child(pci, "gpu");
      const XmlElement* c2c = gpu == nullptr ? nullptr : child(*gpu, "c2c");
      const auto number = number_of(pci);
      if (c2c == nullptr || !number) continue;
      PeerBundle bundle;
      bundle.kind = PeerKind::kC2c;
      bundle.gpu = *number;
      bundle.host = host;
      bundle.links = links_of(*c2c);
      // NCCL: bw is MB/s of one link (ncclTopoAddC2c, src/graph/topo.cc).
      const double megabytes = leading_number(c2c->attribute("bw"));
      if (megabytes > 0 && bundle.links > 0) {
        bundle.line_rate = sim::Bandwidth(megabytes * 1e6 * bundle.links);
        out_.bundles.push_back(bundle);
      }
    }
  }

  void read_links(std::size_t i) {
    const XmlElement* gpu = child(*gpus_[i].pci, "gpu");
    if (gpu == nullptr) return;
    out_.tells_bundles = true;
    for (const XmlElement& link : gpu->children) {
      if (link.name != "nvlink" && link.name != "xgmi") continue;
      const int links = links_of(link);
      if (links == 0) continue;
      xgmi_ = xgmi_ || link.name == "xgmi";
      const auto target = by_bus_.find(std::string(link.attribute("target")));
      if (target != by_bus_.end() && target->second == i) {
        to_itself_[i] += links;
      } else if (target != by_bus_.end()) {
        between_[{i, target->second}] += links;
      } else {
        to_elsewhere(i, link, links);
      }
    }
  }

  void to_elsewhere(std::size_t i, const XmlElement& link, int links) {
    const auto kind = hexadecimal(link.attribute("tclass"));
    if (kind == 0x068000U) {
      to_switch_[i] += links;
    } else if (kind == 0x068001U) {
      PeerBundle bundle;
      bundle.gpu = i;
      bundle.host = host_of(i);
      bundle.links = links;
      out_.bundles.push_back(bundle);
    } else {
      out_.notes.warn(
          fmt::format("{}:{}: a link of gpu{} goes to {}, which the file does not have; "
                      "it is left out",
                      file_.name, link.line, i, in_quotes(link.attribute("target"))));
    }
  }

  [[nodiscard]] std::size_t host_of(std::size_t gpu) const {
    for (std::size_t at = 0; at < out_.parts.size(); ++at) {
      if (out_.parts[at].kind != PartKind::kGpu || out_.parts[at].gpu != gpu) continue;
      while (out_.parts[at].parent) at = *out_.parts[at].parent;
      return at;
    }
    return hosts_.front();
  }

  /// Links of GPUs to themselves: the file means a peer and does not say which.
  void pair_by_themselves() {
    if (to_itself_.empty()) return;
    std::vector<std::size_t> alone;
    for (const auto& [gpu, links] : to_itself_) alone.push_back(gpu);
    const bool pairs = alone.size() % 2 == 0;
    out_.notes.warn(fmt::format(
        "{}: {} GPUs have NVLinks to themselves, which cannot be; {}", file_.name, alone.size(),
        pairs ? "bridges between neighbours (gpu0 and gpu1, ...) are taken instead"
              : "they are left out"));
    for (std::size_t i = 0; pairs && i < alone.size(); i += 2)
      between_[{alone[i], alone[i + 1]}] = std::max(to_itself_[alone[i]], to_itself_[alone[i + 1]]);
  }

  void add_bundles() {
    for (const auto& [gpu, links] : to_switch_) {
      PeerBundle bundle;
      bundle.gpu = gpu;
      bundle.nvswitch = 0;
      bundle.links = links;
      out_.bundles.push_back(bundle);
    }
    for (const auto& [pair, links] : between_) {
      const auto back = between_.find({pair.second, pair.first});
      if (back != between_.end() && pair.second < pair.first) continue;
      if (back != between_.end() && back->second != links)
        out_.notes.warn(
            fmt::format("{}: gpu{} - gpu{} has {} links one way and {} the other; the "
                        "larger number is taken",
                        file_.name, pair.first, pair.second, links, back->second));
      PeerBundle bundle;
      bundle.kind = xgmi_ ? PeerKind::kXgmi : PeerKind::kNvlink;
      bundle.gpu = pair.first;
      bundle.other_gpu = pair.second;
      bundle.links = back == between_.end() ? links : std::max(links, back->second);
      out_.bundles.push_back(bundle);
    }
  }

  void say_what_is_unknown(const PciTreeWriter& writer) {
    std::string nics;
    for (std::size_t i = 0; i < writer.nics().size() && i < 16; ++i)
      nics += (i == 0 ? "" : ", ") + writer.nics()[i];
    if (!nics.empty()) out_.notes.assume(fmt::format("NICs: {}", nics));
    out_.notes.miss(
        "NCCL's file does not tell which root ports share a quadrant of the CPU: all "
        "are taken to reach its memory alike");
  }

  const ImportFile& file_;
  const XmlElement& root_;
  MachineSketch out_;
  std::vector<Found> gpus_;
  std::vector<std::size_t> hosts_;
  std::map<std::string, std::size_t> by_bus_;
  std::map<std::pair<std::size_t, std::size_t>, int> between_;  ///< links from, to
  std::map<std::size_t, int> to_switch_;
  std::map<std::size_t, int> to_itself_;
  bool xgmi_ = false;
};

}  // namespace

MachineSketch read_nccl_topology(const ImportFile& file, const XmlElement& root) {
  return NcclReader(file, root).sketch();
}

}  // namespace rigsim::configs
