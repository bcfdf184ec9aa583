#include "configs/topology_import/rocm_smi.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "configs/config_error.h"
#include "configs/topology_import/smi_table.h"

namespace rigsim::configs {
namespace {

/// The weight of one xGMI hop in the driver's tables; PCIe paths start at 20 a hop.
constexpr int kXgmiWeight = 15;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// "GPU[0]  : (Topology) Numa Node: 0" taken apart.
struct GpuLine {
  int gpu = 0;
  std::string key;
  std::string value;
};

std::optional<GpuLine> gpu_line(const std::string& line) {
  const std::string_view text = trimmed(line);
  if (!text.starts_with("GPU[")) return std::nullopt;
  const std::size_t close = text.find(']');
  const std::size_t first = text.find(':');
  if (close == std::string_view::npos || first == std::string_view::npos || first < close)
    return std::nullopt;
  const int gpu = small_number(text.substr(4, close - 4), 100'000);
  const std::string_view rest = trimmed(text.substr(first + 1));
  const std::size_t second = rest.find(": ");
  if (gpu < 0 || second == std::string_view::npos) return std::nullopt;
  return GpuLine{gpu, std::string(trimmed(rest.substr(0, second))),
                 std::string(trimmed(rest.substr(second + 2)))};
}

/// Reads the tables and lines of one text.
class RocmReader {
 public:
  RocmReader(const ImportFile& file, const std::vector<TextLine>& lines) : file_(file) {
    for (SmiTable& table : read_smi_tables(file, lines)) keep(std::move(table));
    const SmiTable* any = any_table();
    if (any == nullptr)
      fail_unreadable(file, lines.empty() ? 0 : lines.back().number,
                      "rocm-smi's output is cut short: expected the tables of --showtopo");
    order_gpus(*any);
    for (const TextLine& line : lines) read_line(line);
  }

  MachineSketch sketch() {
    out_.tells_bundles = true;
    add_parts();
    weight_cells_ = grid(weights_);
    hop_cells_ = grid(hops_);
    type_cells_ = grid(types_);
    for (std::size_t a = 0; a < gpus_.size(); ++a)
      for (std::size_t b = a + 1; b < gpus_.size(); ++b) add_pair(a, b);
    out_.notes.miss(
        "rocm-smi does not show PCIe switches: each GPU is taken to have a link of its "
        "own to its host");
    if (indirect_)
      out_.notes.miss("GPUs joined by xGMI over other GPUs are taken to copy over PCIe");
    return std::move(out_);
  }

 private:
  void keep(SmiTable table) {
    std::optional<SmiTable>* place = has(table.above, "Weight")      ? &weights_
                                     : has(table.above, "Hops")      ? &hops_
                                     : has(table.above, "Link Type") ? &types_
                                                                     : nullptr;
    if (place == nullptr) return;
    if (place->has_value())
      fail_contradictory(file_, table.line, "a second table of this kind; give one machine's");
    *place = std::move(table);
  }

  [[nodiscard]] const SmiTable* any_table() const {
    return types_ ? &*types_ : weights_ ? &*weights_ : nullptr;
  }

  void order_gpus(const SmiTable& table) {
    for (const std::string& column : table.columns) {
      const auto number = gpu_number(column);
      if (!number)
        fail_unreadable(file_, table.line,
                        fmt::format("expected GPUs alone, found {}", in_quotes(column)));
      gpus_.push_back(*number);
    }
    std::sort(gpus_.begin(), gpus_.end());
    for (const int gpu : gpus_) {
      out_.gpus.emplace_back();
      out_.gpus.back().index = gpu;
      out_.gpus.back().pci_vendor = 0x1002;
    }
    numa_.assign(gpus_.size(), -1);
    for (const auto* other : {&weights_, &hops_, &types_})
      if (*other && (*other)->columns.size() != gpus_.size())
        fail_contradictory(file_, (*other)->line,
                           fmt::format("{} GPUs here and {} in another table",
                                       (*other)->columns.size(), gpus_.size()));
  }

  void read_line(const TextLine& line) {
    const auto found = gpu_line(line.text);
    if (!found) return;
    const auto at = std::find(gpus_.begin(), gpus_.end(), found->gpu);
    if (at == gpus_.end())
      fail_contradictory(file_, line.number,
                         fmt::format("GPU[{}] is in none of the tables", found->gpu));
    const auto i = static_cast<std::size_t>(at - gpus_.begin());
    set(out_.gpus[i], *found);
    if (has(found->key, "Numa Node")) numa_[i] = small_number(found->value, 1024);
  }

  static void set(GpuFacts& gpu, const GpuLine& line) {
    if (line.key == "Card series" || line.key == "Card Series" || line.key == "Device Name") {
      if (gpu.product.empty() && line.value != "N/A") gpu.product = line.value.substr(0, 100);
    } else if (line.key == "PCI Bus") {
      gpu.bus_id = bus_address(line.value);
    } else if (line.key == "VRAM Total Memory (B)") {
      std::int64_t bytes = 0;
      const char* end = line.value.data() + line.value.size();
      const auto parsed = std::from_chars(line.value.data(), end, bytes);
      const bool good = parsed.ec == std::errc() && parsed.ptr == end;
      if (good && bytes > 0 && bytes < (std::int64_t{1} << 50)) gpu.memory = sim::Bytes(bytes);
    } else if (line.key == "GFX Version") {
      gpu.gfx = line.value.substr(0, 20);
    }
  }

  /// The cells of a table in the order of the GPUs' numbers: [GPUs x GPUs].
  [[nodiscard]] std::vector<std::string> grid(const std::optional<SmiTable>& table) const {
    if (!table) return {};
    std::map<int, std::size_t> place;
    for (std::size_t i = 0; i < gpus_.size(); ++i) place[gpus_[i]] = i;
    std::vector<std::string> cells(gpus_.size() * gpus_.size());
    for (const SmiRow& row : table->rows)
      for (std::size_t i = 0; i < table->columns.size(); ++i) {
        const auto from = place.find(gpu_number(row.label).value_or(-1));
        const auto to = place.find(gpu_number(table->columns[i]).value_or(-1));
        if (from == place.end() || to == place.end())
          fail_contradictory(file_, row.line, "other GPUs than in another table");
        cells[from->second * gpus_.size() + to->second] = row.cells[i];
      }
    return cells;
  }

  [[nodiscard]] int number(const std::vector<std::string>& cells, std::size_t from,
                           std::size_t to) const {
    const std::string& text = cells[from * gpus_.size() + to];
    const int value = small_number(text, 100'000);
    if (value < 0)
      fail_unreadable(file_, 0,
                      fmt::format("the cell of GPU{} and GPU{} is {}; expected a number",
                                  gpus_[from], gpus_[to], in_quotes(text)));
    return value;
  }

  /// Whether the two are joined by xGMI, as the table of types says, else by their weight.
  [[nodiscard]] bool is_xgmi(std::size_t from, std::size_t to) const {
    if (!types_) return number(weight_cells_, from, to) <= kXgmiWeight;
    const std::string& text = type_cells_[from * gpus_.size() + to];
    if (text == "XGMI") return true;
    if (text == "PCIE" || text == "N/A") return false;
    fail_unreadable(file_, types_->line,
                    fmt::format("the link of GPU{} and GPU{} is {}; expected XGMI or PCIE",
                                gpus_[from], gpus_[to], in_quotes(text)));
  }

  void add_pair(std::size_t a, std::size_t b) {
    const bool there = is_xgmi(a, b);
    const bool back = is_xgmi(b, a);
    if (there != back)
      out_.notes.warn(
          fmt::format("{}: GPU{} - GPU{} is XGMI one way and PCIE the other; XGMI is "
                      "taken",
                      file_.name, gpus_[a], gpus_[b]));
    if (!there && !back) return;
    if (hops_ && number(hop_cells_, a, b) > 1) {
      indirect_ = true;
      return;
    }
    PeerBundle bundle;
    bundle.kind = PeerKind::kXgmi;
    bundle.gpu = a;
    bundle.other_gpu = b;
    out_.bundles.push_back(bundle);
  }

  void add_parts() {
    const int highest = *std::max_element(numa_.begin(), numa_.end());
    for (int& node : numa_) {
      if (node >= 0) continue;
      node = std::max(highest, 0);
      out_.notes.assume("rocm-smi tells no NUMA node of some GPUs: they are taken to share a host");
    }
    std::map<int, std::size_t> hosts;  // by NUMA node
    for (const int node : numa_) hosts.emplace(node, 0);
    for (auto& [node, part] : hosts) {
      part = out_.parts.size();
      out_.parts.push_back({PartKind::kHost, fmt::format("host{}", part), {}, {}, 0});
    }
    for (std::size_t i = 0; i < gpus_.size(); ++i)
      out_.parts.push_back(
          {PartKind::kGpu, fmt::format("gpu{}", gpus_[i]), hosts.at(numa_[i]), {}, i});
  }

  const ImportFile& file_;
  std::optional<SmiTable> weights_;
  std::optional<SmiTable> hops_;
  std::optional<SmiTable> types_;
  std::vector<std::string> weight_cells_;
  std::vector<std::string> hop_cells_;
  std::vector<std::string> type_cells_;
  std::vector<int> gpus_;  ///< numbers, ascending
  std::vector<int> numa_;  ///< of each; -1: unknown
  MachineSketch out_;
  bool indirect_ = false;
};

}  // namespace

bool looks_like_rocm_smi(const std::vector<TextLine>& lines) {
  return std::any_of(lines.begin(), lines.end(), [](const TextLine& line) {
    return has(line.text, "ROCm System Management Interface") ||
           has(line.text, "Link Type between two GPUs") ||
           has(line.text, "Weight between two GPUs");
  });
}

MachineSketch read_rocm_smi(const ImportFile& file, const std::vector<TextLine>& lines) {
  return RocmReader(file, lines).sketch();
}

}  // namespace rigsim::configs
