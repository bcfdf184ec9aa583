#include "configs/topology_import/smi_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <stdexcept>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

constexpr std::size_t kMostGpus = 1024;

/// "16", "16x" and "600.00 W" by their number; none: "[N/A]", "N/A", "[Not Supported]", empty.
std::optional<double> number_of(std::string_view value) {
  if (value.empty() || value.starts_with('[') || value.starts_with("N/A") || value == "Unknown" ||
      value.starts_with("Requested functionality"))
    return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || !(number >= 0) || number > 1e9)
    throw std::invalid_argument(fmt::format("expected a number, got {}", in_quotes(value)));
  return number;
}

std::optional<int> count_of(std::string_view value, int least, int most) {
  const auto number = number_of(value);
  if (!number) return std::nullopt;
  if (*number < least || *number > most)
    throw std::invalid_argument(
        fmt::format("expected {} to {}, got {}", least, most, in_quotes(value)));
  return static_cast<int>(*number);
}

std::optional<sim::Bytes> memory_of(std::string_view value) {
  const auto number = number_of(value);
  if (!number || *number < 1 || *number > 1e8) return std::nullopt;
  const bool gib = value.ends_with("GiB");
  const double mib = gib ? *number * 1024 : *number;
  return sim::Bytes(static_cast<std::int64_t>(mib) << 20);
}

/// "0x2BB510DE": device and vendor.
void set_pci_id(GpuFacts& facts, std::string_view value) {
  if (!value.starts_with("0x") || value.size() != 10) return;
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(value.data() + 2, value.data() + value.size(), id, 16);
  if (error != std::errc() || end != value.data() + value.size()) return;
  facts.pci_device = id >> 16;
  facts.pci_vendor = id & 0xffff;
}

std::string product_of(std::string_view value) {
  const bool none = value.empty() || value.starts_with('[') || value == "N/A" || value == "Unknown";
  return none ? std::string() : std::string(value.substr(0, 100));
}

void set_power_limit(GpuFacts& facts, std::string_view value) {
  if (const auto watts = number_of(value); watts && *watts > 0)
    facts.power_limit = sim::Watts(*watts);
}

/// "8.6" as 86.
void set_compute_capability(GpuFacts& facts, std::string_view value) {
  const std::vector<std::string> parts = split(value, '.');
  if (parts.size() != 2) return;
  const int major = small_number(parts[0], 99);
  const int minor = small_number(parts[1], 9);
  if (major > 0 && minor >= 0) facts.compute_capability = major * 10 + minor;
}

/// A field's name without its unit: "memory.total [MiB]" is "memory.total".
std::string key_of(const std::string& cell) {
  return std::string(trimmed(std::string_view(cell).substr(0, cell.find('['))));
}

bool is_key(const std::string& cell) {
  return !cell.empty() &&
         cell.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._") == std::string::npos;
}

/// The keys of a header line; none: it is no header of --query-gpu.
std::vector<std::string> table_keys(const std::string& line) {
  std::vector<std::string> keys = split(line, ',');
  if (keys.size() > 1 && keys.back().empty()) keys.pop_back();
  for (std::string& key : keys) key = key_of(key);
  if (!std::all_of(keys.begin(), keys.end(), is_key)) return {};
  constexpr std::array<std::string_view, 5> kTelling = {"name", "gpu_name", "pci.bus_id",
                                                        "gpu_bus_id", "memory.total"};
  const bool telling = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
    return std::find(kTelling.begin(), kTelling.end(), key) != kTelling.end() ||
           key.starts_with("pcie.link.");
  });
  return telling ? keys : std::vector<std::string>{};
}

bool ends_table(const std::string& line) {
  const std::string_view text = trimmed(line);
  constexpr std::string_view kOtherThings = "$#>=";
  return text.empty() || kOtherThings.find(text[0]) != std::string_view::npos ||
         text.find("nvidia-smi") != std::string_view::npos || text.starts_with("GPU0");
}

GpuFacts read_record(const ImportFile& file, const TextLine& line,
                     const std::vector<std::string>& keys) {
  std::vector<std::string> values = split(line.text, ',');
  if (values.size() == keys.size() + 1 && values.back().empty()) values.pop_back();
  if (values.size() != keys.size())
    fail_unreadable(file, line.number,
                    fmt::format("expected {} fields as the header names, found {}: the output is "
                                "cut short or not what its header says",
                                keys.size(), values.size()));
  GpuFacts facts;
  facts.line = line.number;
  for (std::size_t i = 0; i < keys.size(); ++i) try {
      set_query_field(facts, keys[i], values[i]);
    } catch (const std::invalid_argument& error) {
      fail_unreadable(file, line.number, fmt::format("{}: {}", keys[i], error.what()));
    }
  return facts;
}

/// Where a line of `nvidia-smi -q` stands in its tree: the headings above it.
class LogPath {
 public:
  void enter(std::size_t indent, std::string_view heading) {
    leave(indent);
    if (levels_.size() < kDeepest) levels_.push_back({indent, std::string(heading)});
  }
  void leave(std::size_t indent) {
    while (!levels_.empty() && levels_.back().indent >= indent) levels_.pop_back();
  }
  [[nodiscard]] std::string of(std::string_view key) const {
    std::string path;
    for (const Level& level : levels_) path += level.heading + "/";
    return path + std::string(key);
  }

 private:
  static constexpr std::size_t kDeepest = 8;  ///< the tool's tree has five levels

  struct Level {
    std::size_t indent;
    std::string heading;
  };
  std::vector<Level> levels_;
};

/// Keys of the log and the keys of --query-gpu that say the same.
constexpr std::array<std::array<std::string_view, 2>, 10> kLogKeys = {{
    {"Product Name", "name"},
    {"PCI/Device Id", "pci.device_id"},
    {"PCI/GPU Link Info/PCIe Generation/Max", "pcie.link.gen.max"},
    {"PCI/GPU Link Info/Link Width/Current", "pcie.link.width.current"},
    {"PCI/GPU Link Info/Link Width/Max", "pcie.link.width.max"},
    {"FB Memory Usage/Total", "memory.total"},
    {"GPU Power Readings/Current Power Limit", "power.limit"},
    {"GPU Power Readings/Power Limit", "power.limit"},
    {"Power Readings/Current Power Limit", "power.limit"},
    {"Power Readings/Power Limit", "power.limit"},
}};

/// Reads the blocks of `nvidia-smi -q`, one a GPU.
class LogReader {
 public:
  explicit LogReader(const ImportFile& file) : file_(file) {}

  void read(const TextLine& line) {
    const std::string_view text = trimmed(line.text);
    if (text.empty()) return;
    if (begins_block(line, text)) return;
    const std::size_t colon = line.text.find(" : ");
    const bool bare = text.ends_with(" :") || text.ends_with(':');
    const std::string_view key =
        trimmed(std::string_view(line.text).substr(0, std::min(colon, line.text.size())));
    if (key == "Attached GPUs" && colon != std::string::npos) {
      attached_ = small_number(trimmed(std::string_view(line.text).substr(colon + 3)));
      if (list_.line == 0) list_.line = line.number;
    }
    if (list_.gpus.empty()) return;
    last_line_ = line.number;
    const std::size_t indent = line.text.find_first_not_of(" \t");
    if (indent == 0) return;
    if (colon == std::string::npos) {
      if (!bare) path_.enter(indent, text);
      return;
    }
    path_.leave(indent);
    set(line, path_.of(key), trimmed(std::string_view(line.text).substr(colon + 3)));
  }

  std::vector<GpuList> finish() {
    if (list_.gpus.empty() && attached_ <= 0) return {};
    if (attached_ >= 0 && static_cast<int>(list_.gpus.size()) < attached_)
      fail_unreadable(file_, last_line_,
                      fmt::format("nvidia-smi -q is cut short: {} GPUs are attached, {} follow",
                                  attached_, list_.gpus.size()));
    if (seen_.size() > 1)
      for (const std::string& key : seen_.front())
        if (!seen_.back().contains(key))
          fail_unreadable(file_, last_line_,
                          fmt::format("nvidia-smi -q is cut short: the last GPU has no {}", key));
    list_.file = file_.name;
    list_.what = "nvidia-smi -q";
    return {std::move(list_)};
  }

 private:
  /// "GPU 00000000:06:00.0" at the beginning of a line.
  bool begins_block(const TextLine& line, std::string_view text) {
    if (line.text[0] == ' ' || line.text[0] == '\t' || !text.starts_with("GPU ")) return false;
    const std::string address = bus_address(trimmed(text.substr(4)));
    if (address.empty()) return false;
    if (list_.gpus.size() == kMostGpus) fail_unreadable(file_, line.number, "too many GPUs");
    GpuFacts facts;
    facts.bus_id = address;
    facts.index = static_cast<int>(list_.gpus.size());
    facts.line = line.number;
    list_.gpus.push_back(facts);
    seen_.emplace_back();
    path_ = {};
    if (list_.line == 0) list_.line = line.number;
    last_line_ = line.number;
    return true;
  }

  void set(const TextLine& line, const std::string& path, std::string_view value) {
    for (const auto& [log_key, query_key] : kLogKeys) {
      if (path != log_key) continue;
      seen_.back().emplace(log_key);
      try {
        set_query_field(list_.gpus.back(), query_key, value);
      } catch (const std::invalid_argument& error) {
        fail_unreadable(file_, line.number, fmt::format("{}: {}", path, error.what()));
      }
    }
  }

  const ImportFile& file_;
  GpuList list_;
  std::vector<std::set<std::string>> seen_;  ///< keys of interest, by GPU
  LogPath path_;
  int attached_ = -1;
  int last_line_ = 0;
};

}  // namespace

void set_query_field(GpuFacts& facts, std::string_view key, std::string_view value) {
  if (key == "index") {
    facts.index = count_of(value, 0, 100'000);
  } else if (key == "name" || key == "gpu_name") {
    facts.product = product_of(value);
  } else if (key == "pci.bus_id" || key == "gpu_bus_id") {
    facts.bus_id = bus_address(value);
  } else if (key == "pci.device_id") {
    set_pci_id(facts, value);
  } else if (key == "memory.total") {
    facts.memory = memory_of(value);
  } else if (key == "pcie.link.gen.max") {
    facts.pcie_generation = count_of(value, 1, 7);
  } else if (key == "pcie.link.width.current") {
    if (const auto lanes = count_of(value, 0, 32); lanes && *lanes > 0) facts.pcie_lanes = lanes;
  } else if (key == "pcie.link.width.max") {
    if (!facts.pcie_lanes) facts.pcie_lanes = count_of(value, 1, 32);
  } else if (key == "power.limit" || key == "enforced.power.limit") {
    set_power_limit(facts, value);
  } else if (key == "compute_cap") {
    set_compute_capability(facts, value);
  }
}

std::vector<GpuList> read_gpu_tables(const ImportFile& file, const std::vector<TextLine>& lines) {
  std::vector<GpuList> tables;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const std::vector<std::string> keys = table_keys(lines[at].text);
    if (keys.empty()) continue;
    GpuList list{file.name, lines[at].number, "the CSV of --query-gpu", {}};
    for (++at; at < lines.size() && !ends_table(lines[at].text); ++at) {
      if (list.gpus.size() == kMostGpus) fail_unreadable(file, lines[at].number, "too many GPUs");
      list.gpus.push_back(read_record(file, lines[at], keys));
    }
    if (list.gpus.empty())
      fail_unreadable(file, list.line, "a header of --query-gpu without rows: cut short");
    tables.push_back(std::move(list));
  }
  return tables;
}

std::vector<GpuList> read_gpu_log(const ImportFile& file, const std::vector<TextLine>& lines) {
  LogReader reader(file);
  for (const TextLine& line : lines) reader.read(line);
  return reader.finish();
}

}  // namespace rigsim::configs
