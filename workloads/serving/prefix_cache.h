#pragma once

#include <cstdint>
#include <span>

#include "workloads/serving/kv_pool.h"
#include "workloads/serving/sequence.h"

namespace rigsim::workloads {

/// The prefix of a request, as hashes of blocks of tokens.
struct Prefix {
  std::span<const std::uint64_t> hashes;
  std::int64_t hash_tokens = 0;  ///< tokens per hash; 0: none known
};

/// Marks the keys of sequences' own tokens, apart from those of known prefixes.
inline constexpr std::uint64_t kOwnKeys = std::uint64_t{1} << 63;

[[nodiscard]] inline std::uint64_t shared_key(std::uint64_t hash) { return hash & ~kOwnKeys; }
[[nodiscard]] inline std::uint64_t own_key(const Sequence& sequence) {
  return kOwnKeys | sequence.request;
}

/// What is cached of a sequence that waits.
struct CachedPrefix {
  std::int64_t blocks = 0;  ///< leading blocks
  std::int64_t unheld = 0;  ///< free blocks that holding them would use up
  bool own = false;         ///< the last of them are what the sequence itself left
};

/// Finds sequences' tokens again in a pool, as vLLM's automatic prefix caching does: full blocks of
/// a known prefix, and behind a preemption the sequence's own, as long as nobody took them. A block
/// can be found from the moment its computation is scheduled. Two sequences that compute the same
/// part at once each have their own blocks; the first one's are kept. The blocks of one hash are
/// free together, with the last sequence that holds any of them (vLLM frees each by itself).
class PrefixCache {
 public:
  /// `pool` must outlive this.
  PrefixCache(KvPool& pool, std::int64_t block_tokens) : pool_(pool), block_tokens_(block_tokens) {}

  /// At least one token is left to compute.
  [[nodiscard]] CachedPrefix find(const Sequence& sequence, const Prefix& prefix) const;
  /// Holds what find() found and names the parts of the prefix that the sequence will compute.
  void hold(Sequence& sequence, const Prefix& prefix, const CachedPrefix& found);
  /// What the sequence has computed of its prefix can be found from now on.
  void publish(Sequence& sequence);
  /// Lets go of all blocks, the last first. Of what the sequence computed, its first `keep_own`
  /// tokens stay findable for it, where it comes back.
  void release(Sequence& sequence, std::int64_t keep_own = 0);

 private:
  [[nodiscard]] std::int64_t blocks_of_part(const Sequence& sequence, const Prefix& prefix,
                                            std::int64_t before) const;

  KvPool& pool_;
  std::int64_t block_tokens_;
};

}  // namespace rigsim::workloads
