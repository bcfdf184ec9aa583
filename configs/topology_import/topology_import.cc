#include "configs/topology_import/topology_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/rig_yaml.h"
#include "configs/topology_import/device_match.h"
#include "configs/topology_import/hwloc_topology.h"
#include "configs/topology_import/matrix_sketch.h"
#include "configs/topology_import/nccl_topology.h"
#include "configs/topology_import/rocm_smi.h"
#include "configs/topology_import/sketch_rig.h"
#include "configs/topology_import/smi_matrix.h"
#include "configs/topology_import/smi_query.h"

namespace rigsim::configs {
namespace {

constexpr std::string_view kExpected =
    "expected the output of nvidia-smi topo -m, topo -p2p r, --query-gpu=... --format=csv or -q, "
    "of "
    "rocm-smi --showtopo, an NCCL topology XML or an hwloc XML";

/// What one file's matrix of peer access says.
struct PeerFile {
  std::string file;
  SmiPeers peers;
};

/// Gathers what files say and makes one machine of it.
class Importer {
 public:
  Importer(const ImportOptions& options, const Catalog& catalog)
      : options_(options), catalog_(catalog) {}

  void read(const ImportFile& file) {
    if (file.text.find_first_not_of(" \t\r\n") == std::string::npos)
      fail_unreadable(file, 0, "is empty");
    if (looks_like_xml(file.text)) {
      read_xml(file);
    } else {
      read_text(file);
    }
  }

  ImportedRig rig() {
    if (!sketch_) sketch_ = without_wiring();
    for (const GpuList& list : lists_) add_list(sketch_->gpus, list);
    add_gpu_of_machine();
    add_peer_access();
    ImportedRig out;
    out.rig = make_rig();
    out.sources = std::move(sources_);
    out.notes = sketch_->notes.all();
    return out;
  }

 private:
  void take(const ImportFile& file, MachineSketch sketch, std::string_view what) {
    if (sketch_)
      fail_contradictory(file, 0,
                         fmt::format("a second topology; {} tells the wiring already, give one of "
                                     "them",
                                     sketch_file_));
    sketch_ = std::move(sketch);
    sketch_file_ = file.name;
    add_source(file, what);
  }

  void add_source(const ImportFile& file, std::string_view what) {
    sources_.push_back(fmt::format("{}: {}", file.name, what));
  }

  void read_xml(const ImportFile& file) {
    const XmlElement root = parse_xml(file);
    if (root.name == "system") {
      take(file, read_nccl_topology(file, root), "NCCL topology");
    } else if (root.name == "topology") {
      take(file, read_hwloc_topology(file, root), "hwloc topology");
    } else if (root.name == "graphs") {
      graph_file_ = file.name;
      add_source(file, "NCCL's rings and trees, which say nothing of the wiring");
    } else if (root.name == "nvidia_smi_log") {
      fail_unreadable(file, root.line,
                      "is the XML of nvidia-smi -q -x; give the text of nvidia-smi -q");
    } else {
      fail_unreadable(file, root.line,
                      fmt::format("is XML of <{}>; expected <system> (NCCL_TOPO_DUMP_FILE) or "
                                  "<topology> (lstopo --of xml)",
                                  root.name.substr(0, 40)));
    }
  }

  void read_text(const ImportFile& file) {
    const std::vector<TextLine> lines = text_lines(file);
    const std::size_t before = sources_.size();
    if (looks_like_rocm_smi(lines)) {
      take(file, read_rocm_smi(file, lines), "rocm-smi --showtopo");
      return;
    }
    SmiMatrices matrices = read_smi_matrices(file, lines);
    if (matrices.links) {
      take(file, sketch_of(*matrices.links), "nvidia-smi topo -m");
      matrix_ = true;
    }
    for (SmiPeers& peers : matrices.peers) {
      add_source(file, fmt::format("nvidia-smi topo -p2p {}", peers.capability));
      constexpr std::size_t kMost = 8;
      if (peers_.size() == kMost)
        fail_contradictory(file, peers.line, "more matrices of peer access than there are kinds");
      peers_.push_back({file.name, std::move(peers)});
    }
    for (auto* read : {&read_gpu_tables, &read_gpu_log})
      for (GpuList& list : (*read)(file, lines)) {
        add_source(file, list.what);
        lists_.push_back(std::move(list));
      }
    if (sources_.size() == before)
      fail_unreadable(file, lines.empty() ? 0 : lines.front().number,
                      fmt::format("nothing known is in it; {}", kExpected));
  }

  /// Cards that files only list: each on the host by itself.
  [[nodiscard]] MachineSketch without_wiring() const {
    MachineSketch sketch;
    std::size_t count = 0;
    if (!lists_.empty()) {
      count = lists_.front().gpus.size();
    } else if (!peers_.empty()) {
      count = peers_.front().peers.gpus.size();
    } else {
      throw UnreadableInput(graph_file_,
                            "has NCCL's rings and trees, which say nothing of the wiring; give the "
                            "file of NCCL_TOPO_DUMP_FILE");
    }
    sketch.parts.push_back({PartKind::kHost, "host0", {}, {}, 0});
    for (std::size_t i = 0; i < count; ++i) {
      sketch.gpus.emplace_back();
      sketch.gpus.back().index =
          lists_.empty() ? peers_.front().peers.gpus[i] : static_cast<int>(i);
      sketch.parts.push_back({PartKind::kGpu, fmt::format("gpu{}", i), 0, {}, i});
    }
    if (count > 1)
      sketch.notes.assume(
          "no file tells the wiring: each card is taken to hang on the one host by "
          "a link of its own, without NVLink (nvidia-smi topo -m tells)");
    return sketch;
  }

  /// A machine whose file lists no GPU may be known by its name, or --device says it.
  void add_gpu_of_machine() {
    MachineSketch& sketch = *sketch_;
    if (!sketch.gpus.empty()) return;
    const auto known = gpu_of_machine(sketch.host.machine);
    if (!known && !options_.device)
      throw ConfigError(
          {sketch_file_, 0, 0, {}},
          fmt::format(
              "lists no GPU{}; add a file that does, or say which with "
              "--device",
              sketch.host.machine.empty() ? "" : " of this " + in_quotes(sketch.host.machine)));
    GpuFacts facts;
    facts.index = 0;
    if (!options_.device) facts.product = *known;
    sketch.gpus.push_back(facts);
    if (sketch.parts.empty()) sketch.parts.push_back({PartKind::kHost, "host0", {}, {}, 0});
    sketch.parts.push_back({PartKind::kGpu, "gpu0", 0, {}, 0});
    sketch.notes.assume(fmt::format(
        "{} lists no GPU; {}", sketch_file_,
        options_.device ? "one, as --device says"
                        : fmt::format("the one of a {} is taken", in_quotes(sketch.host.machine))));
  }

  [[nodiscard]] std::size_t gpu_with(int number, const PeerFile& peers) const {
    for (std::size_t i = 0; i < sketch_->gpus.size(); ++i)
      if (sketch_->gpus[i].index == number) return i;
    throw ConfigError({peers.file, peers.peers.line, 0, {}},
                      fmt::format("GPU{} is not in the rest of the input", number));
  }

  void add_peer_access() {
    for (const PeerFile& file : peers_) {
      const SmiPeers& peers = file.peers;
      if (peers.capability != 'r' && peers.capability != 'w') continue;
      if (peers.gpus.size() != sketch_->gpus.size())
        throw ConfigError({file.file, peers.line, 0, {}},
                          fmt::format("peer access of {} GPUs, the rest of the input has {}; give "
                                      "files of one machine",
                                      peers.gpus.size(), sketch_->gpus.size()));
      if (!sketch_->peer_access) sketch_->peer_access.emplace();
      add_pairs(file, *sketch_->peer_access);
    }
  }

  void add_pairs(const PeerFile& file, std::vector<GpuPair>& pairs) const {
    const SmiPeers& peers = file.peers;
    for (std::size_t from = 0; from < peers.gpus.size(); ++from)
      for (std::size_t to = 0; to < peers.gpus.size(); ++to)
        if (from != to && peers.may(from, to))
          pairs.push_back({gpu_with(peers.gpus[from], file), gpu_with(peers.gpus[to], file)});
  }

  topology::Rig make_rig() {
    try {
      return rig_of(*sketch_, options_.rig_name, options_.device, catalog_);
    } catch (const ConfigError&) {
      throw;
    } catch (const std::invalid_argument& error) {
      const std::string file = sketch_file_.empty()
                                   ? lists_.empty() ? std::string("the files") : lists_.front().file
                                   : sketch_file_;
      throw ConfigError(
          {options_.device ? std::string() : file, 0, 0, options_.device ? "--device" : ""},
          options_.device ? error.what() : advice(error.what()));
    }
  }

  /// What to do where nothing names the GPU.
  [[nodiscard]] std::string advice(const std::string& problem) const {
    if (!matrix_) return problem + "; say it with --device NAME";
    int most = 0;
    for (const PeerBundle& bundle : sketch_->bundles) most = std::max(most, bundle.links);
    const std::string hint = most == 18   ? " (18 NVLinks: H100, H200 or B200)"
                             : most == 12 ? " (12 NVLinks: A100, or a bridge of A100 or H100 cards)"
                             : most == 4
                                 ? " (4 NVLinks: a bridge of RTX 3090, RTX A6000 or A40 cards)"
                                 : "";
    return fmt::format(
        "{}{}; say it with --device NAME, or add the output of nvidia-smi "
        "--query-gpu=index,name,memory.total,pcie.link.gen.max,"
        "pcie.link.width.current --format=csv",
        problem, hint);
  }

  const ImportOptions& options_;
  const Catalog& catalog_;
  std::optional<MachineSketch> sketch_;
  std::string sketch_file_;
  std::string graph_file_;
  bool matrix_ = false;
  std::vector<GpuList> lists_;
  std::vector<PeerFile> peers_;
  std::vector<std::string> sources_;
};

/// Text for a comment line: no byte of it ends the line or upsets a reader.
std::string comment_text(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return out;
}

/// "# title" and the texts below it, broken at 100 columns.
std::string comments(std::string_view title, const std::vector<std::string>& texts) {
  constexpr std::size_t kColumns = 100;
  if (texts.empty()) return {};
  std::string out = fmt::format("# {}\n", title);
  for (const std::string& text : texts) {
    std::string line = "# -";
    for (const std::string& word : words_of(comment_text(text))) {
      if (line.size() + word.size() + 1 > kColumns && line.size() > 4) {
        out += line + "\n";
        line = "#  ";
      }
      line += " " + word;
    }
    out += line + "\n";
  }
  return out;
}

std::vector<std::string> texts_of(const ImportedRig& imported, NoteKind kind) {
  std::vector<std::string> texts;
  for (const ImportNote& note : imported.notes)
    if (note.kind == kind) texts.push_back(note.text);
  return texts;
}

}  // namespace

ImportedRig import_topology(std::span<const ImportFile> files, const ImportOptions& options,
                            const Catalog& catalog) {
  if (files.empty()) throw ConfigError({}, fmt::format("no file to import; {}", kExpected));
  Importer importer(options, catalog);
  for (const ImportFile& file : files) importer.read(file);
  return importer.rig();
}

std::string to_yaml(const ImportedRig& imported) {
  return comments("Imported by rigsim topo import from", imported.sources) +
         comments("Warnings:", texts_of(imported, NoteKind::kWarning)) +
         comments("Assumed:", texts_of(imported, NoteKind::kAssumed)) +
         comments("Not in the files:", texts_of(imported, NoteKind::kUnknown)) +
         to_yaml(imported.rig);
}

}  // namespace rigsim::configs
