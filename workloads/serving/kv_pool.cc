#include "workloads/serving/kv_pool.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace rigsim::workloads {

KvPool::KvPool(std::int64_t blocks) : blocks_(blocks), free_(blocks) {
  if (blocks < 0)
    throw std::invalid_argument("KV blocks must be >= 0, got " + std::to_string(blocks));
  if (blocks > 0) append(blocks, kNone);
}

std::uint32_t KvPool::append(std::int64_t blocks, std::uint32_t run) {
  if (run == kNone && back_ != kNone && entries_[back_].run == kNone) {
    entries_[back_].blocks += blocks;
    return back_;
  }
  std::uint32_t entry = 0;
  if (spare_entries_.empty()) {
    entry = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    entry = spare_entries_.back();
    spare_entries_.pop_back();
  }
  entries_[entry] = {blocks, run, back_, kNone};
  (back_ == kNone ? front_ : entries_[back_].behind) = entry;
  back_ = entry;
  return entry;
}

void KvPool::unlink(std::uint32_t entry) {
  const Entry& e = entries_[entry];
  (e.before == kNone ? front_ : entries_[e.before].behind) = e.behind;
  (e.behind == kNone ? back_ : entries_[e.behind].before) = e.before;
  spare_entries_.push_back(entry);
}

void KvPool::forget(std::uint32_t run) {
  by_key_.erase(runs_[run].key);
  spare_runs_.push_back(run);
}

void KvPool::take(std::int64_t blocks) {
  if (blocks > free_) throw std::logic_error("more KV blocks taken than are free");
  free_ -= blocks;
  while (blocks > 0) {
    const std::uint32_t first = front_;
    Entry& entry = entries_[first];
    const std::int64_t from_here = std::min(blocks, entry.blocks);
    blocks -= from_here;
    entry.blocks -= from_here;
    if (entry.run != kNone) runs_[entry.run].blocks -= from_here;
    if (entry.blocks > 0) continue;
    const std::uint32_t run = entry.run;
    unlink(first);
    if (run != kNone) forget(run);
  }
}

void KvPool::give_back(std::int64_t blocks) {
  if (blocks <= 0) return;
  free_ += blocks;
  append(blocks, kNone);
}

std::optional<KvRun> KvPool::find(std::uint64_t key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  return KvRun{found->second};
}

KvRun KvPool::hold(std::uint64_t key) {
  const auto [found, made] = by_key_.try_emplace(key, 0);
  if (made) {
    if (spare_runs_.empty()) {
      found->second = static_cast<std::uint32_t>(runs_.size());
      runs_.emplace_back();
    } else {
      found->second = spare_runs_.back();
      spare_runs_.pop_back();
    }
    runs_[found->second] = {key, 0, 0, kNone};
  }
  Run& run = runs_[found->second];
  if (run.holders++ == 0 && run.entry != kNone) {
    free_ -= run.blocks;
    unlink(run.entry);
    run.entry = kNone;
  }
  return KvRun{found->second};
}

void KvPool::trim(KvRun run, std::int64_t blocks) {
  Run& r = runs_[index(run)];
  give_back(r.blocks - blocks);
  r.blocks = std::min(r.blocks, blocks);
}

void KvPool::release(KvRun run) {
  Run& r = runs_[index(run)];
  if (r.holders == 0) throw std::logic_error("a run of KV blocks released that nobody holds");
  if (--r.holders > 0) return;
  if (r.blocks == 0) {
    forget(index(run));
    return;
  }
  free_ += r.blocks;
  r.entry = append(r.blocks, index(run));
}

}  // namespace rigsim::workloads
