#include "workloads/serving/host_tier.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace rigsim::workloads {
namespace {

/// A part of a sequence with a key: one hash of its prefix, or behind these all the rest.
struct Part {
  std::uint64_t key = 0;
  std::int64_t blocks = 0;
  bool last = false;
};

Part part_of(const Sequence& sequence, const Prefix& prefix, std::size_t index, std::int64_t before,
             std::int64_t block_tokens) {
  const std::int64_t left = sequence.prompt / block_tokens - before;
  if (index < prefix.hashes.size() && left > 0) {
    return {shared_key(prefix.hashes[index]), std::min(prefix.hash_tokens / block_tokens, left),
            false};
  }
  return {own_key(sequence), std::numeric_limits<std::int64_t>::max() / 2, true};
}

}  // namespace

std::int64_t HostTier::ready(std::uint64_t key) const {
  const auto run = pool_.find(key);
  const auto known = ready_.find(key);
  if (!run || known == ready_.end()) return 0;
  return std::min(known->second, pool_.present(*run));
}

HostTier::Found HostTier::find(const Sequence& sequence, const Prefix& prefix,
                               std::int64_t from) const {
  const std::int64_t most = sequence.target / block_tokens_;
  Found found;
  std::int64_t at = from;
  std::int64_t before = 0;
  for (std::size_t i = 0; at < most; ++i) {
    const Part part = part_of(sequence, prefix, i, before, block_tokens_);
    const std::int64_t end = before + part.blocks;
    if (at < end) {
      const std::int64_t reached = std::min(before + ready(part.key), most);
      if (reached > at) {
        at = reached;
        found.on_their_way |= loading_.contains(part.key);
      }
      if (at < end) break;
    }
    before = end;
    if (part.last) break;
  }
  found.blocks = at - from;
  return found;
}

void HostTier::load(Slot slot, const Sequence& sequence, const Prefix& prefix, std::int64_t from,
                    std::int64_t blocks) {
  loads_end_ = std::max(loads_end_, now_) + copies_.in * blocks;
  loaded_ += blocks;
  Load load{slot, loads_end_, {}};
  std::int64_t before = 0;
  for (std::size_t i = 0; before < from + blocks; ++i) {
    const Part part = part_of(sequence, prefix, i, before, block_tokens_);
    before += part.blocks;
    if (before <= from) continue;
    load.runs.push_back({pool_.hold(part.key), part.key});
    ++loading_[part.key];
  }
  loads_.push_back(std::move(load));
}

std::optional<Slot> HostTier::take_loaded() {
  if (there_.empty()) return std::nullopt;
  const Slot slot = there_.front();
  there_.pop_front();
  return slot;
}

/// False where there is no room for now.
bool HostTier::store_part(Storing& storing, std::uint64_t key, std::int64_t wanted, Ticks now) {
  const auto known = pool_.find(key);
  const std::int64_t more = wanted - (known ? pool_.present(*known) : 0);
  if (more <= 0) return true;
  const bool ours = !storing.runs.empty() && storing.runs.back().key == key;
  if (!ours && known && pool_.held(*known)) return true;  // another one is at it
  const std::int64_t unheld = ours || !known ? 0 : pool_.present(*known);
  if (more + unheld > pool_.free()) return false;
  if (!ours) {
    if (!known) ready_.erase(key);
    storing.runs.push_back({pool_.hold(key), key});
  }
  pool_.take(more);
  pool_.adopt(storing.runs.back().run, more);
  stores_end_ = std::max(stores_end_, now) + copies_.out * more;
  storing.end = stores_end_;
  stored_ += more;
  return true;
}

void HostTier::store(Slot slot, const Sequence& sequence, const Prefix& prefix, std::int64_t full,
                     Ticks now) {
  if (storing_.size() <= slot) storing_.resize(slot + 1);
  Storing& storing = storing_[slot];
  for (;;) {
    const Part part = part_of(sequence, prefix, storing.part, storing.before, block_tokens_);
    const std::int64_t wanted = std::min(full - storing.before, part.blocks);
    if (wanted <= 0 || !store_part(storing, part.key, wanted, now)) return;
    if (wanted < part.blocks) return;
    ++storing.part;
    storing.before += part.blocks;
  }
}

void HostTier::let_go(Slot slot, Ticks now) {
  if (storing_.size() <= slot) return;
  Storing storing = std::exchange(storing_[slot], {});
  if (storing.runs.empty()) return;
  Ending ending{std::max(storing.end, now), std::move(storing.runs)};
  const auto place = std::ranges::upper_bound(endings_, ending.end, {}, &Ending::end);
  endings_.insert(place, std::move(ending));
}

/// The last parts first, so that they make room before those in front of them.
void HostTier::release(const std::vector<Held>& runs) {
  for (auto held = runs.rbegin(); held != runs.rend(); ++held) pool_.release(held->run);
}

void HostTier::settle(Ticks now) {
  now_ = now;
  for (; !endings_.empty() && endings_.front().end <= now; endings_.pop_front()) {
    for (const Held& held : endings_.front().runs) ready_[held.key] = pool_.present(held.run);
    release(endings_.front().runs);
  }
  for (; !loads_.empty() && loads_.front().end <= now; loads_.pop_front()) {
    const Load& load = loads_.front();
    for (const Held& held : load.runs) {
      if (--loading_[held.key] == 0) loading_.erase(held.key);
    }
    release(load.runs);
    there_.push_back(load.slot);
  }
}

std::optional<Ticks> HostTier::next() const {
  std::optional<Ticks> first = next_load();
  if (!endings_.empty() && (!first || endings_.front().end < *first)) first = endings_.front().end;
  return first;
}

std::optional<Ticks> HostTier::next_load() const {
  if (loads_.empty()) return std::nullopt;
  return loads_.front().end;
}

}  // namespace rigsim::workloads
