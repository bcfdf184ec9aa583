#include "configs/topology_import/matrix_sketch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace rigsim::configs {
namespace {

using Group = std::vector<std::size_t>;  ///< endpoints, ascending

/// Endpoints in groups that grow.
class Grouping {
 public:
  explicit Grouping(std::size_t size) : group_(size) {
    std::iota(group_.begin(), group_.end(), std::size_t{0});
  }
  void join(std::size_t a, std::size_t b) {
    const std::size_t kept = std::min(group_[a], group_[b]);
    const std::size_t gone = std::max(group_[a], group_[b]);
    if (kept == gone) return;
    for (std::size_t& group : group_)
      if (group == gone) group = kept;
  }
  [[nodiscard]] std::size_t of(std::size_t a) const { return group_[a]; }
  [[nodiscard]] bool together(std::size_t a, std::size_t b) const { return group_[a] == group_[b]; }

  /// The groups among `members`, in the order of their first ones.
  [[nodiscard]] std::vector<Group> among(const Group& members) const {
    std::map<std::size_t, std::size_t> place;
    std::vector<Group> groups;
    for (const std::size_t member : members) {
      const auto [found, fresh] = place.try_emplace(group_[member], groups.size());
      if (fresh) groups.emplace_back();
      groups[found->second].push_back(member);
    }
    return groups;
  }

 private:
  std::vector<std::size_t> group_;
};

/// Which groups cannot be one, by the numbers of Grouping::of().
class Separation {
 public:
  explicit Separation(std::size_t size) : size_(size), apart_(size * size) {}
  [[nodiscard]] bool apart(std::size_t a, std::size_t b) const { return apart_[a * size_ + b]; }
  void part(std::size_t a, std::size_t b) { apart_[a * size_ + b] = apart_[b * size_ + a] = true; }
  /// The union of both, under the lower number, is apart from what either was.
  void merge(std::size_t a, std::size_t b) {
    const std::size_t kept = std::min(a, b);
    const std::size_t gone = std::max(a, b);
    for (std::size_t i = 0; i < size_; ++i)
      if (apart(gone, i)) part(kept, i);
  }

 private:
  std::size_t size_;
  std::vector<bool> apart_;
};

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 16;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMost; ++i)
    text += (text.empty() ? "" : ", ") + names[i];
  return names.size() > kMost ? text + fmt::format(" and {} more", names.size() - kMost) : text;
}

/// Turns one matrix into a sketch.
class MatrixSketch {
 public:
  explicit MatrixSketch(const SmiMatrix& matrix) : matrix_(matrix) {
    out_.notes = matrix.notes;
    out_.tells_bundles = true;
    order_.resize(matrix.endpoints.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      const SmiEndpoint& x = matrix.endpoints[a];
      const SmiEndpoint& y = matrix.endpoints[b];
      if (x.gpu != y.gpu) return x.gpu;
      return x.gpu && x.number != y.number ? x.number < y.number : a < b;
    });
    for (std::size_t i = 0; i < order_.size(); ++i)
      if (endpoint(i).gpu) out_.gpus.push_back(facts_of(endpoint(i)));
  }

  MachineSketch sketch() {
    pix_ = within(PathClass::kPix);
    pxb_ = within(PathClass::kPxb);
    phb_ = within(PathClass::kPhb);
    const Grouping numa = numa_nodes();
    Group all(order_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    for (const Group& members : numa_order(numa.among(all))) add_host(members);
    add_nvlinks();
    say_what_is_assumed();
    return std::move(out_);
  }

 private:
  [[nodiscard]] const SmiEndpoint& endpoint(std::size_t i) const {
    return matrix_.endpoints[order_[i]];
  }
  [[nodiscard]] const PairLink& pair(std::size_t a, std::size_t b) const {
    return matrix_.pair(order_[a], order_[b]);
  }

  static GpuFacts facts_of(const SmiEndpoint& endpoint) {
    GpuFacts facts;
    facts.index = endpoint.number;
    facts.line = endpoint.line;
    return facts;
  }

  /// Everything at most as far apart as `most`.
  [[nodiscard]] Grouping within(PathClass most) const {
    Grouping groups(order_.size());
    for (std::size_t a = 0; a < order_.size(); ++a)
      for (std::size_t b = a + 1; b < order_.size(); ++b)
        if (pair(a, b).nvlinks == 0 && pair(a, b).path <= most) groups.join(a, b);
    return groups;
  }

  /// NUMA nodes: what is closer than SYS, and then what affinities or the lack of any SYS join.
  Grouping numa_nodes() {
    Grouping groups = within(PathClass::kNode);
    warn_of_contradictions(groups);
    Separation separate = separation(groups);
    for (const Affinity wanted : {Affinity::kSame, Affinity::kUnknown})
      for (std::size_t a = 0; a < order_.size(); ++a)
        for (std::size_t b = a + 1; b < order_.size(); ++b) {
          if (groups.together(a, b) || affinity(a, b) != wanted) continue;
          if (separate.apart(groups.of(a), groups.of(b))) {
            if (wanted == Affinity::kSame) warn_of_sys(a, b);
            continue;
          }
          separate.merge(groups.of(a), groups.of(b));
          groups.join(a, b);
          guessed_numa_ = guessed_numa_ || wanted == Affinity::kUnknown;
        }
    return groups;
  }

  /// Which groups some pair keeps apart: by SYS, or by another affinity.
  [[nodiscard]] Separation separation(const Grouping& groups) const {
    Separation separate(order_.size());
    for (std::size_t a = 0; a < order_.size(); ++a)
      for (std::size_t b = a + 1; b < order_.size(); ++b) {
        const bool sys = pair(a, b).path == PathClass::kSys && pair(a, b).nvlinks == 0;
        if (!groups.together(a, b) && (sys || affinity(a, b) == Affinity::kOther))
          separate.part(groups.of(a), groups.of(b));
      }
    return separate;
  }

  void warn_of_sys(std::size_t a, std::size_t b) {
    if (!endpoint(a).gpu || !endpoint(b).gpu) return;
    out_.notes.warn(
        fmt::format("{} - {} is SYS although both have the same affinity; they are "
                    "taken to stand on two NUMA nodes",
                    endpoint(a).label, endpoint(b).label));
  }

  enum class Affinity { kSame, kOther, kUnknown };

  [[nodiscard]] Affinity affinity(std::size_t a, std::size_t b) const {
    const SmiEndpoint& x = endpoint(a);
    const SmiEndpoint& y = endpoint(b);
    if (!x.numa.empty() && !y.numa.empty())
      return x.numa == y.numa ? Affinity::kSame : Affinity::kOther;
    if (!x.cpu_affinity.empty() && !y.cpu_affinity.empty())
      return x.cpu_affinity == y.cpu_affinity ? Affinity::kSame : Affinity::kOther;
    return Affinity::kUnknown;
  }

  void warn_of_contradictions(const Grouping& groups) {
    for (std::size_t a = 0; a < order_.size(); ++a)
      for (std::size_t b = a + 1; b < order_.size(); ++b) {
        if (!groups.together(a, b)) continue;
        if (pair(a, b).path == PathClass::kSys && pair(a, b).nvlinks == 0)
          out_.notes.warn(
              fmt::format("{} - {} is SYS, but others join both closer than that; they "
                          "are taken to share a NUMA node",
                          endpoint(a).label, endpoint(b).label));
        else if (affinity(a, b) == Affinity::kOther && endpoint(a).gpu && endpoint(b).gpu)
          out_.notes.warn(
              fmt::format("{} and {} have other affinities, but the matrix joins them "
                          "within a NUMA node; the matrix is taken",
                          endpoint(a).label, endpoint(b).label));
      }
  }

  /// By the numbers of the nodes where all have one, else as they come.
  [[nodiscard]] std::vector<Group> numa_order(std::vector<Group> groups) const {
    const auto number = [&](const Group& group) {
      for (const std::size_t i : group)
        if (const int n = small_number(endpoint(i).numa); n >= 0) return n;
      return -1;
    };
    const bool numbered = std::all_of(groups.begin(), groups.end(),
                                      [&](const Group& group) { return number(group) >= 0; });
    if (numbered)
      std::sort(groups.begin(), groups.end(), [&](const Group& a, const Group& b) {
        return std::pair(number(a), a.front()) < std::pair(number(b), b.front());
      });
    return groups;
  }

  std::size_t add(MachinePart part) {
    out_.parts.push_back(std::move(part));
    return out_.parts.size() - 1;
  }

  void add_host(const Group& members) {
    const std::size_t host = add({PartKind::kHost, fmt::format("host{}", hosts_++), {}, {}, 0});
    const std::vector<Group> bridges = phb_.among(members);
    for (const Group& group : bridges) {
      const std::size_t above =
          bridges.size() == 1
              ? host
              : add({PartKind::kRootComplex, fmt::format("root{}", roots_++), host, {}, 0});
      for (const Group& branch : pxb_.among(group)) add_branch(branch, above);
    }
  }

  /// What PIX joins is one switch; what PXB joins stands on switches of their own below a switch,
  /// so that their path crosses several.
  void add_branch(const Group& branch, std::size_t above) {
    if (branch.size() == 1) return add_endpoint(branch[0], above);
    const std::size_t top = add_switch(above);
    const std::vector<Group> groups = pix_.among(branch);
    for (const Group& group : groups) {
      const std::size_t parent = groups.size() > 1 ? add_switch(top) : top;
      for (const std::size_t member : group) add_endpoint(member, parent);
    }
  }

  std::size_t add_switch(std::size_t above) {
    return add({PartKind::kPcieSwitch, fmt::format("switch{}", switches_++), above, {}, 0});
  }

  void add_endpoint(std::size_t i, std::size_t above) {
    const SmiEndpoint& at = endpoint(i);
    if (at.gpu) {
      add({PartKind::kGpu, fmt::format("gpu{}", at.number), above, {}, i});  // GPUs come first
      return;
    }
    const std::string name = fmt::format("nic{}", i - out_.gpus.size());
    const std::string& said = at.name.empty() ? at.label : at.name;
    nic_names_.push_back(fmt::format("{} is {}", name, said));
    add({PartKind::kNic, name, above, {}, 0});
  }

  void add_nvlinks() {
    for (const Group& clique : switch_cliques()) {
      const std::size_t number = nvswitches_++;
      for (const std::size_t gpu : clique) {
        PeerBundle bundle;
        bundle.gpu = gpu;
        bundle.nvswitch = number;
        bundle.links = pair(clique[0], clique[1]).nvlinks;
        out_.bundles.push_back(bundle);
      }
      in_switch_.insert(in_switch_.end(), clique.begin(), clique.end());
    }
    for (std::size_t a = 0; a < out_.gpus.size(); ++a)
      for (std::size_t b = a + 1; b < out_.gpus.size(); ++b) add_direct(a, b);
  }

  void add_direct(std::size_t a, std::size_t b) {
    const bool switched = is_switched(a) && is_switched(b);
    if (pair(a, b).nvlinks == 0 || switched) return;
    PeerBundle bundle;
    bundle.gpu = a;
    bundle.other_gpu = b;
    bundle.links = pair(a, b).nvlinks;
    out_.bundles.push_back(bundle);
  }

  [[nodiscard]] bool is_switched(std::size_t gpu) const {
    return std::find(in_switch_.begin(), in_switch_.end(), gpu) != in_switch_.end();
  }

  /// GPUs that are all joined by as many links, more than a chip has for that many peers.
  std::vector<Group> switch_cliques() {
    std::vector<Group> cliques;
    Grouping joined(order_.size());
    for (std::size_t a = 0; a < out_.gpus.size(); ++a)
      for (std::size_t b = a + 1; b < out_.gpus.size(); ++b)
        if (pair(a, b).nvlinks > 0) joined.join(a, b);
    Group gpus(out_.gpus.size());
    std::iota(gpus.begin(), gpus.end(), std::size_t{0});
    for (Group& group : joined.among(gpus))
      if (is_clique(group)) cliques.push_back(std::move(group));
    return cliques;
  }

  [[nodiscard]] bool is_clique(const Group& group) const {
    if (group.size() < 3) return false;
    const int links = pair(group[0], group[1]).nvlinks;
    for (const std::size_t a : group)
      for (const std::size_t b : group)
        if (a != b && pair(a, b).nvlinks != links) return false;
    return links * static_cast<int>(group.size() - 1) > kMostNvlinksOfAChip;
  }

  void say_what_is_assumed() {
    if (!nic_names_.empty())
      out_.notes.assume(
          fmt::format("NICs: {}; each on its own PCIe link of 16 lanes of the GPUs' "
                      "generation",
                      listed(nic_names_)));
    if (switches_ > 0)
      out_.notes.assume(
          "a group joined by PIX is one PCIe switch with one uplink, one joined by "
          "PXB a switch above such switches; topo -m does not say how many uplinks "
          "there are");
    if (guessed_numa_)
      out_.notes.assume(
          "NVLink hides the PCIe path of some GPUs and no affinity tells their NUMA "
          "node; where nothing says SYS they are taken to share one");
    if (nvswitches_ > 0)
      out_.notes.assume(
          "more NVLinks between all pairs than a chip has: an NVSwitch joins them, "
          "each GPU with the number of links shown");
    say_hidden_paths();
  }

  void say_hidden_paths() {
    for (std::size_t a = 0; a < out_.gpus.size(); ++a)
      for (std::size_t b = a + 1; b < out_.gpus.size(); ++b)
        if (pair(a, b).nvlinks > 0 && !phb_.together(a, b)) {
          out_.notes.assume(
              "topo -m shows NVLink in place of the PCIe path: GPUs that nothing else "
              "shows together are taken to stand on root ports of their own");
          return;
        }
  }

  const SmiMatrix& matrix_;
  std::vector<std::size_t> order_;  ///< endpoints: GPUs by number, then NICs
  MachineSketch out_;
  Grouping pix_{0};
  Grouping pxb_{0};
  Grouping phb_{0};
  std::vector<std::size_t> in_switch_;
  std::vector<std::string> nic_names_;
  std::size_t hosts_ = 0;
  std::size_t roots_ = 0;
  std::size_t switches_ = 0;
  std::size_t nvswitches_ = 0;
  bool guessed_numa_ = false;
};

}  // namespace

MachineSketch sketch_of(const SmiMatrix& matrix) { return MatrixSketch(matrix).sketch(); }

}  // namespace rigsim::configs
