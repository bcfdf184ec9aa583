#include "workloads/serving/prefix_cache.h"

#include <algorithm>

namespace rigsim::workloads {

/// Full blocks of the part of the prefix that begins behind `before` blocks.
std::int64_t PrefixCache::blocks_of_part(const Sequence& sequence, const Prefix& prefix,
                                         std::int64_t before) const {
  return std::min(prefix.hash_tokens / block_tokens_, sequence.prompt / block_tokens_ - before);
}

CachedPrefix PrefixCache::find(const Sequence& sequence, const Prefix& prefix) const {
  CachedPrefix found;
  const std::int64_t most = (sequence.target - 1) / block_tokens_;
  const auto add = [&](std::uint64_t key, std::int64_t whole) {  // false: the chain ends here
    const auto run = pool_.find(key);
    if (!run) return false;
    const std::int64_t used = std::min({pool_.present(*run), whole, most - found.blocks});
    found.blocks += used;
    found.unheld += pool_.held(*run) ? 0 : used;
    return used == whole;
  };
  for (const std::uint64_t hash : prefix.hashes) {
    if (!add(shared_key(hash), blocks_of_part(sequence, prefix, found.blocks))) break;
  }
  if (sequence.own_start == found.blocks) {
    add(own_key(sequence), most - found.blocks);
    found.own = found.blocks > *sequence.own_start;
  }
  return found;
}

void PrefixCache::hold(Sequence& sequence, const Prefix& prefix, const CachedPrefix& found) {
  std::int64_t before = 0;
  const auto take = [&](std::uint64_t key, std::int64_t whole, bool grows) {
    const auto known = pool_.find(key);
    const bool alone = !known || !pool_.held(*known);
    const KvRun run = pool_.hold(key);
    const std::int64_t used =
        std::clamp<std::int64_t>(found.blocks - before, 0, std::min(pool_.present(run), whole));
    if (alone) pool_.trim(run, used);  // a block that has to be computed anew gets a new place
    grows = grows && alone;
    sequence.runs.push_back({run, before + whole, grows});
    sequence.in_runs += used;
    sequence.blocks += used;
    before += whole;
    return used == whole || grows;
  };
  for (const std::uint64_t hash : prefix.hashes) {
    const std::int64_t whole = blocks_of_part(sequence, prefix, before);
    const auto known = pool_.find(shared_key(hash));
    const bool beyond = before >= found.blocks;
    if (whole <= 0 || (found.own && before == sequence.own_start) || (known && beyond)) break;
    if (!take(shared_key(hash), whole, true)) break;
  }
  if (found.own && before == sequence.own_start)
    take(own_key(sequence), found.blocks - before, false);
}

void PrefixCache::publish(Sequence& sequence) {
  const std::int64_t full = sequence.computed / block_tokens_;
  std::int64_t before = 0;
  for (const HeldRun& held : sequence.runs) {
    const std::int64_t wanted = std::clamp<std::int64_t>(full - before, 0, held.end - before);
    const std::int64_t more = wanted - pool_.present(held.run);
    if (held.grows && more > 0) {
      pool_.adopt(held.run, more);
      sequence.in_runs += more;
    }
    before = held.end;
  }
}

void PrefixCache::release(Sequence& sequence, std::int64_t keep_own) {
  const std::int64_t known_end = sequence.runs.empty() ? 0 : sequence.runs.back().end;
  const std::int64_t full = std::min(sequence.computed, keep_own) / block_tokens_;
  const bool complete = sequence.in_runs == known_end;
  const std::int64_t own = complete ? std::max<std::int64_t>(full - known_end, 0) : 0;
  pool_.give_back(sequence.blocks - sequence.in_runs - own);
  if (own > 0) {
    const bool held =
        !sequence.runs.empty() && pool_.find(own_key(sequence)) == sequence.runs.back().run;
    if (!held) {
      sequence.own_start = known_end;
      sequence.runs.push_back({pool_.hold(own_key(sequence)), full, false});
    }
    pool_.adopt(sequence.runs.back().run, own);
  }
  for (auto held = sequence.runs.rbegin(); held != sequence.runs.rend(); ++held)
    pool_.release(held->run);
  sequence.runs.clear();
  sequence.blocks = 0;
  sequence.in_runs = 0;
}

}  // namespace rigsim::workloads
