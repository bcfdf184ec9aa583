#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sim/units.h"
#include "topology/collective.h"

namespace rigsim::topology {

/// What one message costs: a latency, and a rate that the messages of a port share (alpha and
/// 1/beta; Hockney, Parallel Computing 20(3), 1994).
struct LinkCost {
  sim::Duration latency{};
  sim::Bandwidth bandwidth{};
};

/// Every rank has one port of `inside`'s bandwidth in each direction, and any two are joined.
/// Hierarchical algorithms cross machines at `between`; none: the same.
struct UniformLinks {
  LinkCost inside;
  std::optional<LinkCost> between = std::nullopt;
};

/// How an algorithm is run, beyond its name.
struct CollectiveOptions {
  /// Of hierarchical algorithms: rank order is machine by machine, all of the same size.
  std::uint32_t machines = 1;
  /// Into how many chunks a pipeline cuts its data: of each tree (all-reduce by tree), of the
  /// message (broadcast by ring); how many pieces follow each other (all-reduce by two-shot or
  /// direct). None: best_chunks().
  std::optional<std::uint32_t> chunks = std::nullopt;
  /// PAT: how many ranks' shares one message may carry (NCCL: as many as its buffer holds). None:
  /// no limit.
  std::optional<std::uint32_t> aggregation = std::nullopt;
  /// At what rate received bytes are added to what is there. None: in no time.
  std::optional<sim::Bandwidth> reduction = std::nullopt;
};

/// Whether `algorithm` does `kind`.
[[nodiscard]] bool supports(CollectiveKind kind, Algorithm algorithm);

/// Throws std::invalid_argument, saying what is allowed, unless `algorithm` does `kind`, there is a
/// rank, `size` >= 0, the machines divide the ranks, and chunks, aggregation and the reduction rate
/// are > 0 where given.
void check_collective(CollectiveKind kind, Algorithm algorithm, std::size_t ranks, sim::Bytes size,
                      const CollectiveOptions& options);

/// The number of chunks with the shortest time by the formulas below, reduction aside: of the
/// double tree sqrt((r + b - 2 stride) (S/2B) / (2 stride a)), of the ring broadcast
/// sqrt((n - 2) S / (B a)), to the nearest and at least 1, at most one chunk per byte. 1 for all
/// others, and without a latency 1,024.
[[nodiscard]] std::uint32_t best_chunks(CollectiveKind kind, Algorithm algorithm, std::size_t ranks,
                                        sim::Bytes size, const LinkCost& link);

/// Time of a collective of `ranks` ranks on uniform links with nothing else on them; to the last
/// picosecond what the stepwise lowering takes there (collective_ops.h). Zero for one rank. Throws
/// as check_collective, and std::invalid_argument unless latencies are >= 0 and bandwidths > 0.
///
/// Textbook formulas (Thakur, Rabenseifner and Gropp, "Optimization of collective communication
/// operations in MPICH", IJHPCA 19(1), 2005; Chan et al., "Collective communication: theory,
/// practice, and experience", CCPE 19(13), 2007), where no other source is named. n ranks, S the
/// size, a latency, B bandwidth, g seconds to add a byte, m = ceil(S/n) the share of a rank, L =
/// ceil(log2 n); N machines of G = n/N ranks, marks i inside and e between machines:
///
/// all-reduce
///   ring              2(n-1)(a + m/B) + (n-1) m g
///   tree              r (a + c/B + c g) + b (a + c/B), c = ceil(S/2k) with k chunks in each tree;
///                     r = r1 + 2(k-1) rounds up and b = b1 + 2(k-1) down, r1 and b1 those of one
///                     chunk (DoubleTree). The rounds are in step. 2 ranks: r = b = k
///   halving-doubling  p = 2^floor(log2 n), q = ceil(S/p): 2 log2(p) a + 2(p-1) q/B + (p-1) q g;
///                     n > p adds 2(a + S/B) + S g: the ranks beyond p fold into others before and
///                     are told after
///   one-shot          a + (n-1) S/B + (n-1) S g
///   two-shot, direct  2a + 2(n-1) m/B + (n-1) m g, all peers at once; k pieces one after another:
///                     k times that, with m = ceil(ceil(S/k)/n)
///   NVLS              a + (S + m)/B: of the port, each way; the switch adds and multicasts
///                     (interconnect: own count of multimem.ld_reduce and .st traffic)
///   hierarchical      2(G-1)(ai + mi/Bi) + 2(N-1)(ae + me/Be) + ((G-1) mi + (N-1) me) g,
///                     mi = ceil(S/G), me = ceil(mi/N): reduce-scatter inside, ring over each rail,
///                     all-gather inside
/// reduce-scatter, all-gather (without g)
///   ring              (n-1)(a + m/B + m g)
///   halving-doubling  L a + (n-1) m (1/B + g), Bruck's order (all-gather: Bruck et al., IEEE TPDS
///                     8(11), 1997), any n
///   PAT               as that, far ranks first; with at most A shares in a message, a step of w
///                     shares is ceil(w/A) messages of a each (Jeaugey, "PAT", arXiv 2506.20252)
///   direct            a + (n-1) m (1/B + g)
///   hierarchical      (G-1)(ai + mi/Bi + mi g) + (N-1)(ae + me/Be + me g)
/// broadcast
///   tree              L (a + S/B), binomial
///   ring              (n-2+k)(a + ceil(S/k)/B), k chunks
///   halving-doubling  2L a + 2(n-1) m/B: binomial scatter, all-gather (van de Geijn)
///   two-shot          2a + 2(n-1) m/B: the same, all peers at once
///   direct            a + (n-1) S/B
///   hierarchical      ceil(log2 N)(ae + S/Be) + ceil(log2 G)(ai + S/Bi)
/// all-to-all
///   direct            a + (n-1) m/B
///   ring              (n-1)(a + m/B), pairwise
///   halving-doubling  sum over the bits i < L of (a + w_i m/B), w_i of the numbers below n have
///   bit
///                     i (Bruck); L (a + S/2B) for n = 2^L
///   hierarchical      (ai + (G-1) N m/Bi) + (ae + (N-1) G m/Be): exchange inside, then rails
/// send/recv
///   direct            a + S/B
[[nodiscard]] sim::Duration collective_time(CollectiveKind kind, Algorithm algorithm,
                                            std::size_t ranks, sim::Bytes size,
                                            const UniformLinks& links,
                                            const CollectiveOptions& options = {});

}  // namespace rigsim::topology
