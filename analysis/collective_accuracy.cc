#include "analysis/collective_accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>

#include "topology/collective_table.h"
#include "topology/nccl_fit.h"
#include "topology/vllm_all_reduce.h"

namespace rigsim::analysis {
namespace {

using topology::CollectiveLibrary;
using topology::CollectiveLink;
using topology::CollectiveMachine;
using topology::CollectiveProfile;
using topology::CollectiveTable;
using topology::NcclFit;
using topology::NcclGraph;
using topology::NcclSample;

NcclGraph measured_graph(const CollectiveMachine& machine, std::uint32_t ranks,
                         const configs::Catalog& catalog, const CollectiveProfile& profile) {
  const bool peers = machine.link != topology::CollectiveLink::kHostMemory;
  const topology::Rig rig =
      catalog.rig(fmt::format("{}x{}{}", ranks, machine.measured_on, peers ? "" : "-nop2p"));
  std::vector<std::uint32_t> all(ranks);
  std::iota(all.begin(), all.end(), 0U);
  return topology::NcclWiring(rig, profile.nccl).graph(all);
}

/// A table and the graph it was measured on.
struct Measured {
  const CollectiveTable* table = nullptr;
  NcclGraph graph;
};

std::vector<Measured> tables(const CollectiveMachine& machine, CollectiveLibrary library,
                             const configs::Catalog& catalog, const CollectiveProfile& profile) {
  std::vector<Measured> out;
  for (const CollectiveTable& table : machine.tables)
    if (table.library == library && table.launch == topology::LaunchMode::kGraph)
      out.push_back({&table, measured_graph(machine, table.ranks, catalog, profile)});
  return out;
}

std::vector<NcclSample> samples(const std::vector<Measured>& tables,
                                const std::function<bool(std::uint32_t)>& wanted) {
  std::vector<NcclSample> out;
  for (const Measured& measured : tables) {
    if (!wanted(measured.graph.ranks)) continue;
    for (const auto& point : measured.table->points)
      out.push_back({measured.table->kind, point.size, measured.graph, point.time});
  }
  return out;
}

bool any_ranks(std::uint32_t /*ranks*/) { return true; }

/// Four digits are more than the measurements say.
NcclFit rounded(NcclFit fit) {
  const auto nanoseconds = [](sim::Duration d) {
    return sim::from_seconds(std::round(sim::to_seconds(d) * 1e9) * 1e-9);
  };
  const auto digits = [](double v) { return std::round(v * 1e4) / 1e4; };
  return {nanoseconds(fit.launch), nanoseconds(fit.ll_hop),  nanoseconds(fit.simple_hop),
          digits(fit.ll_share),    digits(fit.simple_share), digits(fit.idle_step)};
}

double error(sim::Duration predicted, sim::Duration measured) {
  return sim::to_seconds(predicted) / sim::to_seconds(measured) - 1;
}

class Errors {
 public:
  void add(double error) { samples_.push_back({error, false, 0}); }
  void add(const Errors& others) {
    samples_.insert(samples_.end(), others.samples_.begin(), others.samples_.end());
  }
  [[nodiscard]] ErrorStatistics summary() const { return summarise(samples_); }
  [[nodiscard]] bool empty() const { return samples_.empty(); }

 private:
  std::vector<ErrorSample> samples_;
};

Errors of_fit(const std::vector<NcclSample>& samples, const NcclFit& fit,
              const CollectiveProfile& profile) {
  Errors out;
  for (const NcclSample& s : samples) {
    const auto choice = topology::nccl_choice(s.kind, s.size, s.graph, profile.nccl);
    out.add(error(
        topology::nccl_time(s.kind, s.size, choice, s.graph, fit, profile.shape, profile.nccl),
        s.time));
  }
  return out;
}

Errors of_nccl(const std::vector<NcclSample>& samples, const CollectiveProfile& profile) {
  Errors out;
  for (const NcclSample& s : samples)
    out.add(error(topology::nccl_choice(s.kind, s.size, s.graph, profile.nccl).expected, s.time));
  return out;
}

/// Every size between two of the other parity, from those.
Errors of_table(const Measured& measured, const NcclFit& fit, const CollectiveProfile& profile) {
  const auto modelled = [&](sim::Bytes size) {
    const auto choice =
        topology::nccl_choice(measured.table->kind, size, measured.graph, profile.nccl);
    return topology::nccl_time(measured.table->kind, size, choice, measured.graph, fit,
                               profile.shape, profile.nccl);
  };
  Errors out;
  const auto& points = measured.table->points;
  CollectiveTable kept[2];
  for (std::size_t i = 0; i < points.size(); ++i) kept[i % 2].points.push_back(points[i]);
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    const topology::TableSpot spot = find_spot(kept[(i + 1) % 2], points[i].size);
    out.add(error(at_spot(spot, modelled(spot.below.size), modelled(spot.above.size),
                          modelled(points[i].size)),
                  points[i].time));
  }
  return out;
}

Errors of_tables(const std::vector<Measured>& tables, const NcclFit& fit,
                 const CollectiveProfile& profile) {
  Errors out;
  for (const Measured& measured : tables) out.add(of_table(measured, fit, profile));
  return out;
}

Errors of_vllm(const std::vector<Measured>& tables, const CollectiveProfile& profile) {
  Errors out;
  for (const Measured& measured : tables) {
    for (const auto& point : measured.table->points) {
      const auto own = topology::vllm_algorithm(point.size, measured.graph, profile.vllm);
      if (own)
        out.add(
            error(topology::vllm_time(point.size, *own, measured.graph, profile.vllm), point.time));
    }
  }
  return out;
}

/// A machine that stands for others of its kind.
bool is_typical(const CollectiveMachine& machine) { return !machine.devices.empty(); }

/// Whether a family leans on `machine`: on what is typical; without peer access on what was
/// measured with more than one number of ranks, because there two alone tell nothing of the hops of
/// more.
bool teaches(const CollectiveMachine& machine) {
  if (machine.link != CollectiveLink::kHostMemory) return is_typical(machine);
  const std::uint32_t ranks = machine.tables.front().ranks;
  return std::ranges::any_of(machine.tables,
                             [&](const CollectiveTable& table) { return table.ranks != ranks; });
}

/// Of Simple's bandwidth without peer access one more host is known than the fitted one that
/// teaches: eight RTX PRO 6000 on two sockets, whose 22.2 GB/s define shared_memory_share (there
/// the share is 1). They differ by 3.3 times; another is taken in their geometric middle.
NcclFit between_hosts(NcclFit fit) {
  constexpr double kOtherHost = 1.0;
  fit.simple_share = std::sqrt(fit.simple_share * kOtherHost);
  return fit;
}

/// The middle of the machines with such a link; none without any.
std::optional<NcclFit> family(const CollectiveProfile& profile, CollectiveLink link,
                              const std::string& without = {}) {
  std::vector<NcclFit> fits;
  for (const CollectiveMachine& machine : profile.machines)
    if (teaches(machine) && machine.link == link && machine.name != without)
      fits.push_back(machine.fit);
  if (fits.empty()) return std::nullopt;
  const NcclFit middle = topology::middle_of(fits);
  return rounded(link == CollectiveLink::kHostMemory ? between_hosts(middle) : middle);
}

std::set<std::uint32_t> rank_counts(const std::vector<Measured>& tables) {
  std::set<std::uint32_t> out;
  for (const Measured& measured : tables) out.insert(measured.graph.ranks);
  return out;
}

}  // namespace

std::string_view to_string(CollectiveMethod method) {
  switch (method) {
    case CollectiveMethod::kFitted:
      return "fitted";
    case CollectiveMethod::kLeftOut:
      return "left-out";
    case CollectiveMethod::kFamily:
      return "family";
    case CollectiveMethod::kTable:
      return "table";
    case CollectiveMethod::kNcclModel:
      return "nccl";
  }
  return "unknown";
}

CollectiveProfile fit_collectives(CollectiveProfile profile, const configs::Catalog& catalog) {
  Errors strangers;
  Errors between;
  Errors vllm;
  for (CollectiveMachine& machine : profile.machines) {
    const auto measured = tables(machine, CollectiveLibrary::kNccl, catalog, profile);
    const auto all = samples(measured, any_ranks);
    if (all.empty())
      throw std::invalid_argument(fmt::format("{}: no measured collectives", machine.name));
    machine.bus = all.front().graph.intra;
    machine.fit = rounded(topology::fit_nccl(all, profile.shape, profile.nccl));
    machine.error_p90 = of_fit(all, machine.fit, profile).summary().p90;
    if (!is_typical(machine)) continue;
    between.add(of_tables(measured, machine.fit, profile));
    vllm.add(of_vllm(tables(machine, CollectiveLibrary::kVllm, catalog, profile), profile));
  }
  profile.family.nvlink = family(profile, CollectiveLink::kNvlink).value();
  profile.family.pcie = family(profile, CollectiveLink::kPcie).value();
  profile.family.host_memory = family(profile, CollectiveLink::kHostMemory).value();
  for (const CollectiveMachine& machine : profile.machines) {
    if (!is_typical(machine)) continue;
    const auto measured = tables(machine, CollectiveLibrary::kNccl, catalog, profile);
    strangers.add(of_fit(samples(measured, any_ranks),
                         family(profile, machine.link, machine.name).value(), profile));
  }
  profile.family.error_p90 = strangers.summary().p90;
  profile.table_error_p90 = between.summary().p90;
  profile.vllm.error_p90 = vllm.summary().p90;
  return profile;
}

std::vector<CollectiveErrors> collective_errors(const CollectiveProfile& profile,
                                                const configs::Catalog& catalog) {
  std::vector<CollectiveErrors> out;
  for (const CollectiveMachine& machine : profile.machines) {
    const auto measured = tables(machine, CollectiveLibrary::kNccl, catalog, profile);
    const auto all = samples(measured, any_ranks);
    const auto say = [&](CollectiveMethod method, const Errors& errors, std::uint32_t ranks = 0) {
      out.push_back({machine.name, method, ranks, errors.summary()});
    };
    say(CollectiveMethod::kFitted, of_fit(all, machine.fit, profile));
    const auto counts = rank_counts(measured);
    if (counts.size() > 1) {
      for (const std::uint32_t left_out : counts) {
        const auto others = samples(measured, [&](std::uint32_t n) { return n != left_out; });
        const NcclFit fit = topology::fit_nccl(others, profile.shape, profile.nccl);
        const auto them = samples(measured, [&](std::uint32_t n) { return n == left_out; });
        say(CollectiveMethod::kLeftOut, of_fit(them, fit, profile), left_out);
      }
    }
    if (const auto others = family(profile, machine.link, machine.name))
      say(CollectiveMethod::kFamily, of_fit(all, *others, profile));
    say(CollectiveMethod::kTable, of_tables(measured, machine.fit, profile));
    say(CollectiveMethod::kNcclModel, of_nccl(all, profile));
  }
  return out;
}

}  // namespace rigsim::analysis
