// What nvidia-smi and rocm-smi print about a machine.
#include <algorithm>

#include "tests/configs/topology_import/generated_machine.h"

namespace rigsim::configs::test {
namespace {

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
    text += std::to_string(i) + ", " + machine.product + ", 0000" + bus_id(i) + ", 4, 16\n";
  return text;
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
