#include "configs/topology_import/smi_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "configs/config_error.h"
#include "configs/topology_import/smi_table.h"

namespace rigsim::configs {
namespace {

constexpr int kMostNvlinks = 36;

constexpr std::array<std::pair<std::string_view, PathClass>, 8> kClasses = {
    {{"X", PathClass::kSelf},
     {"PIX", PathClass::kPix},
     {"PSB", PathClass::kPix},
     {"PXB", PathClass::kPxb},
     {"PHB", PathClass::kPhb},
     {"NODE", PathClass::kNode},
     {"SYS", PathClass::kSys},
     {"SOC", PathClass::kSys}}};
constexpr std::array<std::string_view, 9> kPeerCodes = {"X",  "OK", "CNS", "GNS", "TNS",
                                                        "NS", "DR", "U",   "N/A"};

std::optional<PairLink> link_of(std::string_view cell) {
  for (const auto& [name, path] : kClasses)
    if (name == cell) return PairLink{path, 0};
  if (!cell.starts_with("NV")) return std::nullopt;
  const int links = small_number(cell.substr(2), kMostNvlinks);
  return links > 0 ? std::optional(PairLink{PathClass::kUnknown, links}) : std::nullopt;
}

bool is_peer_code(std::string_view cell) {
  return std::find(kPeerCodes.begin(), kPeerCodes.end(), cell) != kPeerCodes.end();
}

/// Peer matrices hold codes that no link has; a lone GPU's X is taken for a link.
bool is_peer_table(const SmiTable& table) {
  for (const SmiRow& row : table.rows)
    for (const std::string& cell : row.cells)
      if (cell != "X") return is_peer_code(cell);
  return table.above.find("-p2p") != std::string::npos;
}

std::size_t index_of(const SmiTable& table, const std::string& label) {
  return static_cast<std::size_t>(std::find(table.columns.begin(), table.columns.end(), label) -
                                  table.columns.begin());
}

bool is_stronger(const PairLink& a, const PairLink& b) {
  return a.nvlinks != b.nvlinks ? a.nvlinks > b.nvlinks : a.path < b.path;
}

bool is_known(const PairLink& link) { return link.nvlinks > 0 || link.path != PathClass::kUnknown; }

/// Builds the matrix of links from its text.
class LinkMatrix {
 public:
  LinkMatrix(const ImportFile& file, const SmiTable& table) : file_(file), table_(table) {
    out_.line = table.line;
    const std::size_t size = table.columns.size();
    out_.pairs.resize(size * size);
    for (const std::string& column : table.columns) {
      const auto number = gpu_number(column);
      out_.endpoints.push_back({column, {}, number.has_value(), number.value_or(0), {}, {}, 0});
    }
    for (const SmiRow& row : table.rows) read_row(row);
    for (std::size_t i = 0; i < size; ++i) at(i, i) = {PathClass::kSelf, 0};
    make_symmetric();
  }

  SmiMatrix take() { return std::move(out_); }

 private:
  PairLink& at(std::size_t a, std::size_t b) { return out_.pairs[a * out_.endpoints.size() + b]; }

  void read_row(const SmiRow& row) {
    const std::size_t self = index_of(table_, row.label);
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const auto link = link_of(row.cells[i]);
      if (!link)
        fail_unreadable(file_, row.line,
                        fmt::format("the cell of {} and {} is {}; expected X, PIX, PXB, PHB, NODE, "
                                    "SYS or NV and a number",
                                    row.label, table_.columns[i], in_quotes(row.cells[i])));
      if ((link->path == PathClass::kSelf) != (i == self))
        fail_contradictory(file_, row.line,
                           fmt::format("the cell of {} and {} is {}; X stands for the device "
                                       "itself and for nothing else",
                                       row.label, table_.columns[i], row.cells[i]));
      at(self, i) = *link;
    }
    read_affinities(row, out_.endpoints[self]);
  }

  static void read_affinities(const SmiRow& row, SmiEndpoint& endpoint) {
    endpoint.line = row.line;
    const auto cell = [&](std::size_t i) -> std::string {
      return i < row.rest.size() && row.rest[i] != "N/A" ? row.rest[i] : std::string();
    };
    endpoint.cpu_affinity = cell(0);
    endpoint.numa = cell(1);
  }

  void make_symmetric() {
    const std::size_t size = out_.endpoints.size();
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = i + 1; j < size; ++j) settle(i, j);
  }

  void settle(std::size_t i, std::size_t j) {
    PairLink& there = at(i, j);
    PairLink& back = at(j, i);
    const PairLink& better = is_stronger(there, back) ? there : back;
    const bool same = there.path == back.path && there.nvlinks == back.nvlinks;
    if (!same && is_known(there) && is_known(back))
      out_.notes.warn(fmt::format("{}:{}: {} - {} is {} one way and {} the other; {} is taken",
                                  file_.name, out_.endpoints[i].line, out_.endpoints[i].label,
                                  out_.endpoints[j].label, to_string(there), to_string(back),
                                  to_string(better)));
    there = back = PairLink(better);
  }

  const ImportFile& file_;
  const SmiTable& table_;
  SmiMatrix out_;
};

SmiPeers read_peers(const ImportFile& file, const SmiTable& table) {
  SmiPeers peers;
  peers.line = table.line;
  const std::size_t option = table.above.find("-p2p");
  if (option != std::string::npos) {
    const std::string_view letters = trimmed(std::string_view(table.above).substr(option + 4));
    if (!letters.empty() && std::string_view("rwnap").find(letters[0]) != std::string_view::npos)
      peers.capability = letters[0];
  }
  const std::size_t size = table.columns.size();
  for (const std::string& column : table.columns) {
    const auto number = gpu_number(column);
    if (!number)
      fail_unreadable(file, table.line,
                      fmt::format("expected GPUs alone in a matrix of peer access, found {}",
                                  in_quotes(column)));
    peers.gpus.push_back(*number);
  }
  peers.ok.resize(size * size);
  for (const SmiRow& row : table.rows) {
    const std::size_t from = index_of(table, row.label);
    for (std::size_t to = 0; to < size; ++to) {
      if (!is_peer_code(row.cells[to]))
        fail_unreadable(file, row.line,
                        fmt::format("the cell of {} and {} is {}; expected X, OK, CNS, GNS, TNS, "
                                    "NS, DR or U",
                                    row.label, table.columns[to], in_quotes(row.cells[to])));
      peers.ok[from * size + to] = row.cells[to] == "OK" ? 1 : 0;
    }
  }
  return peers;
}

bool same(const SmiMatrix& a, const SmiMatrix& b) {
  const auto same_labels = [](const SmiEndpoint& x, const SmiEndpoint& y) {
    return x.label == y.label && x.numa == y.numa && x.cpu_affinity == y.cpu_affinity;
  };
  const auto same_link = [](const PairLink& x, const PairLink& y) {
    return x.path == y.path && x.nvlinks == y.nvlinks;
  };
  return std::equal(a.endpoints.begin(), a.endpoints.end(), b.endpoints.begin(), b.endpoints.end(),
                    same_labels) &&
         std::equal(a.pairs.begin(), a.pairs.end(), b.pairs.begin(), b.pairs.end(), same_link);
}

/// "  NIC0: ibp33s0" lines give NICs their names.
void name_nics(const std::vector<TextLine>& lines, SmiMatrix& matrix) {
  std::map<std::string, std::string> names;
  for (const TextLine& line : lines) {
    const std::string_view text = trimmed(line.text);
    const std::size_t colon = text.find(':');
    if (!text.starts_with("NIC") || colon == std::string_view::npos) continue;
    names.try_emplace(std::string(text.substr(0, colon)), trimmed(text.substr(colon + 1)));
  }
  for (SmiEndpoint& endpoint : matrix.endpoints) {
    const auto found = names.find(endpoint.label);
    if (found != names.end()) endpoint.name = found->second;
  }
}

}  // namespace

std::string to_string(const PairLink& link) {
  if (link.nvlinks > 0) return fmt::format("NV{}", link.nvlinks);
  for (const auto& [name, path] : kClasses)
    if (path == link.path) return std::string(name);
  return "unknown";
}

SmiMatrices read_smi_matrices(const ImportFile& file, const std::vector<TextLine>& lines) {
  SmiMatrices found;
  for (const SmiTable& table : read_smi_tables(file, lines)) {
    if (is_peer_table(table)) {
      found.peers.push_back(read_peers(file, table));
      continue;
    }
    SmiMatrix matrix = LinkMatrix(file, table).take();
    if (found.links && !same(*found.links, matrix))
      fail_contradictory(file, table.line,
                         fmt::format("another topology than that of line {}; give one machine's",
                                     found.links->line));
    found.links = std::move(matrix);
  }
  if (found.links) name_nics(lines, *found.links);
  return found;
}

}  // namespace rigsim::configs
