#include "configs/topology_import/hwloc_topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "configs/config_error.h"
#include "configs/topology_import/hwloc_objects.h"
#include "configs/topology_import/pci_tree.h"

namespace rigsim::configs {
namespace {

constexpr std::size_t kMostGpus = 1024;
constexpr std::int64_t kMostObjects = 4096;  ///< of a matrix
constexpr double kMegabyte = 1e6;

std::int64_t whole_number(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

bool is_cpu_memory(const XmlElement& object) {
  return is_object(object, "NUMANode") && object.attribute("subtype") != "GPUMemory";
}

/// Words of all children of a name: lists come in pieces.
std::vector<std::string> words_in(const XmlElement& parent, std::string_view name) {
  std::string text;
  for (const XmlElement& child : parent.children)
    if (child.name == name) text += child.text + " ";
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return words_of(text);
}

/// Reads one file's objects into a sketch.
class HwlocReader {
 public:
  HwlocReader(const ImportFile& file, const XmlElement& root) : file_(file), root_(root) {}

  MachineSketch sketch() {
    for (const XmlElement& object : root_.children) find_hosts(object);
    if (hosts_.empty()) hosts_.push_back({});
    for (const XmlElement& object : root_.children) find_devices(object, std::nullopt);
    PciTreeWriter writer(out_);
    for (const Hanging& host : hosts_) (void)writer.add_host(host.roots);
    for (const XmlElement& element : root_.children) read_distances(element);
    say_what_is_unknown(writer);
    return std::move(out_);
  }

 private:
  /// A host and what hangs on it.
  struct Hanging {
    const XmlElement* object = nullptr;
    std::vector<PciNode> roots;
  };

  /// Hosts are objects with memory directly in them (hwloc 2), or memory itself (hwloc 1).
  void find_hosts(const XmlElement& object) {
    if (object.name != "object") return;
    const bool memory_inside =
        std::any_of(object.children.begin(), object.children.end(), is_cpu_memory);
    const bool contains_cores = !object.children.empty() && is_cpu_memory(object);
    if (hosts_.size() < kMostGpus && (contains_cores || (memory_inside && !holds_many(object))))
      hosts_.push_back({&object, {}});
    if (is_cpu_memory(object)) {
      const std::int64_t bytes = whole_number(object.attribute("local_memory"));
      if (bytes > 0 && bytes < (std::int64_t{1} << 49))
        out_.host.memory =
            sim::Bytes(std::min(out_.host.memory.count() + bytes, std::int64_t{1} << 49));
    }
    if (is_object(object, "Core")) ++out_.host.cores;
    if (out_.host.cpu.empty()) out_.host.cpu = hwloc_info(object, "CPUModel").substr(0, 100);
    read_cpu(object);
    if (out_.host.machine.empty())
      out_.host.machine = hwloc_info(object, "DMIProductName").substr(0, 100);
    for (const XmlElement& child : object.children) find_hosts(child);
  }

  void read_cpu(const XmlElement& object) {
    const std::string_view vendor = hwloc_info(object, "CPUVendor");
    if (vendor.empty()) return;
    out_.host.cpu_vendor = vendor.substr(0, 40);
    out_.host.cpu_family = small_number(hwloc_info(object, "CPUFamilyNumber"), 1000);
    out_.host.cpu_model = small_number(hwloc_info(object, "CPUModelNumber"), 1000);
  }

  /// hwloc 1: NUMA nodes with cores in them stand side by side in one object.
  static bool holds_many(const XmlElement& object) {
    return std::any_of(object.children.begin(), object.children.end(), [](const XmlElement& child) {
      return is_cpu_memory(child) &&
             std::any_of(child.children.begin(), child.children.end(),
                         [](const XmlElement& inner) { return inner.name == "object"; });
    });
  }

  [[nodiscard]] std::optional<std::size_t> host_at(const XmlElement& object) const {
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      if (hosts_[i].object == &object) return i;
    return std::nullopt;
  }

  /// The first host in an object.
  [[nodiscard]] std::optional<std::size_t> host_within(const XmlElement& object) const {
    if (const auto here = host_at(object)) return here;
    for (const XmlElement& child : object.children)
      if (const auto found = host_within(child)) return found;
    return std::nullopt;
  }

  void find_devices(const XmlElement& object, std::optional<std::size_t> host) {
    if (object.name != "object") return;
    if (const auto here = host_at(object)) host = here;
    std::optional<std::size_t> place = host;
    for (const XmlElement& child : object.children) {
      if (!is_object(child, "Bridge") && !is_object(child, "PCIDev")) {
        find_devices(child, host);
        continue;
      }
      if (!place) {
        place = host_within(object).value_or(0);
        if (hosts_.size() > 1)
          out_.notes.assume(
              "some PCIe devices are near no NUMA node in the file; they are taken "
              "to hang on the first");
      }
      PciNode node = node_of(child);
      hosts_[*place].roots.push_back(std::move(node));
    }
  }

  PciNode node_of(const XmlElement& object) {
    PciNode node;
    node.link = hwloc_link(object);
    if (is_object(object, "Bridge")) {
      const bool host_bridge = object.attribute("bridge_type").starts_with("0-");
      node.kind = host_bridge ? PciNode::Kind::kHostBridge : PciNode::Kind::kBridge;
      for (const XmlElement& child : object.children)
        if (child.name == "object") node.children.push_back(node_of(child));
    } else if (is_hwloc_gpu(object)) {
      if (out_.gpus.size() == kMostGpus) fail_contradictory(file_, object.line, "too many GPUs");
      node.kind = PciNode::Kind::kGpu;
      node.gpu = out_.gpus.size();
      out_.gpus.push_back(hwloc_gpu(object));
      out_.gpus.back().index = static_cast<int>(node.gpu);
      remember(object, node.gpu);
    } else if (is_nvswitch(object)) {
      remember(object, kNvSwitch);
    } else if (is_hwloc_nic(object)) {
      node.kind = PciNode::Kind::kNic;
      node.nic = hwloc_nic_name(object);
    }
    return node;
  }

  /// Matrices name objects, or OS devices in them, by gp_index.
  void remember(const XmlElement& object, std::size_t what) {
    by_index_.emplace(object.attribute("gp_index"), what);
    for (const XmlElement& child : object.children)
      if (child.name == "object") remember(child, what);
  }

  void read_distances(const XmlElement& element) {
    if (element.name != "distances2" && element.name != "distances2hetero") return;
    const std::string_view name = element.attribute("name");
    if (name != "NVLinkBandwidth" && name != "XGMIBandwidth") return;
    const std::int64_t size = whole_number(element.attribute("nbobjs"));
    const std::vector<std::string> indexes = words_in(element, "indexes");
    const std::vector<std::string> values = words_in(element, "u64values");
    const bool good = size > 0 && size <= kMostObjects &&
                      static_cast<std::int64_t>(indexes.size()) == size &&
                      static_cast<std::int64_t>(values.size()) == size * size;
    if (!good)
      fail_contradictory(
          file_, element.line,
          fmt::format("{}: {} objects are said to follow, {} indexes and {} values "
                      "do",
                      name, in_quotes(element.attribute("nbobjs")), indexes.size(), values.size()));
    out_.tells_bundles = true;
    add_bundles(name == "XGMIBandwidth" ? PeerKind::kXgmi : PeerKind::kNvlink, indexes, values);
  }

  [[nodiscard]] std::optional<std::size_t> object_of(std::string_view index) const {
    const std::size_t colon = index.find(':');
    if (colon != std::string_view::npos) index.remove_prefix(colon + 1);
    const auto found = by_index_.find(index);
    return found == by_index_.end() ? std::nullopt : std::optional(found->second);
  }

  void add_bundles(PeerKind kind, const std::vector<std::string>& indexes,
                   const std::vector<std::string>& values) {
    std::map<std::pair<std::size_t, std::size_t>, double> between;
    std::map<std::size_t, double> to_switch;
    std::vector<std::optional<std::size_t>> objects;
    for (const std::string& index : indexes) objects.push_back(object_of(index));
    for (std::size_t a = 0; a < indexes.size(); ++a)
      for (std::size_t b = 0; b < indexes.size(); ++b) {
        const auto from = objects[a];
        const auto to = objects[b];
        const std::int64_t value = whole_number(values[a * indexes.size() + b]);
        if (!from || !to || from == to || *from == kNvSwitch || value <= 0) continue;
        const double rate = static_cast<double>(std::min(value, std::int64_t{1'000'000'000}));
        if (*to == kNvSwitch) {
          to_switch[*from] += rate;
        } else {
          double& known = between[std::minmax(*from, *to)];
          known = std::max(known, rate);
        }
      }
    for (const auto& [gpu, rate] : to_switch) add_bundle(kind, gpu, std::nullopt, rate);
    for (const auto& [pair, rate] : between) add_bundle(kind, pair.first, pair.second, rate);
  }

  void add_bundle(PeerKind kind, std::size_t gpu, std::optional<std::size_t> other, double rate) {
    PeerBundle bundle;
    bundle.kind = kind;
    bundle.gpu = gpu;
    bundle.other_gpu = other;
    if (!other) bundle.nvswitch = 0;
    bundle.links = 0;
    bundle.line_rate = sim::Bandwidth(rate * kMegabyte);
    out_.bundles.push_back(bundle);
  }

  void say_what_is_unknown(const PciTreeWriter& writer) {
    std::string nics;
    for (std::size_t i = 0; i < writer.nics().size() && i < 16; ++i)
      nics += (i == 0 ? "" : ", ") + writer.nics()[i];
    if (!nics.empty()) out_.notes.assume(fmt::format("NICs: {}", nics));
    if (!out_.gpus.empty())
      out_.notes.assume(
          "hwloc gives one speed for a PCIe link, as it ran when asked: it is read as "
          "the lowest generation with the most lanes that comes to it, and a card's "
          "own link where it is below PCIe 3 (idle)");
  }

  static constexpr std::size_t kNvSwitch = static_cast<std::size_t>(-1);

  const ImportFile& file_;
  const XmlElement& root_;
  MachineSketch out_;
  std::vector<Hanging> hosts_;
  std::map<std::string, std::size_t, std::less<>> by_index_;  ///< a GPU or kNvSwitch
};

}  // namespace

MachineSketch read_hwloc_topology(const ImportFile& file, const XmlElement& root) {
  return HwlocReader(file, root).sketch();
}

}  // namespace rigsim::configs
