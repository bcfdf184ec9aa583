#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "workloads/serving/block_copies.h"
#include "workloads/serving/kv_pool.h"
#include "workloads/serving/prefix_cache.h"
#include "workloads/serving/sequence.h"
#include "workloads/serving/ticks.h"

namespace rigsim::workloads {

/// KV blocks of one replica in host memory, behind its prefix cache, as vLLM's OffloadingConnector
/// keeps them (vllm/distributed/kv_transfer/kv_connector/v1/offloading_connector.py at 7368908, and
/// vllm/v1/kv_offload: lru_manager.py, worker/cpu_gpu.py):
///
/// - Every full block is stored when the step that computes it has ended, of prompts and answers,
///   unless it is there. What was used longest ago makes room; what is being stored or loaded
///   stays. Where that does not leave enough, nothing is stored for now.
/// - It can be found once its sequence has ended, or was preempted, and all of its stores have.
/// - A sequence that waits has the blocks loaded that follow those it finds on the device.
/// - Stores follow each other, and so do loads; one direction does not slow down the other.
///
/// Differences: stores do not delay the release of their sequence's device blocks; the blocks of
/// one hash are kept as a leading run, which is used as a whole (see KvPool), and that counts as
/// used when it is stored or loaded, not when it is looked for. Where loaded sequences keep each
/// other from the rest of their blocks and nobody runs, vLLM hangs; here the last one gives its own
/// back.
class HostTier {
 public:
  /// Throws std::invalid_argument as KvPool.
  HostTier(std::int64_t blocks, std::int64_t block_tokens, BlockCopyCost copies)
      : pool_(blocks), block_tokens_(block_tokens), copies_(copies) {}

  /// What ended by `now` can be found, and has been loaded. The clock does not go back.
  void settle(Ticks now);
  /// When anything ends next that settle() has not seen; none when nothing is on its way.
  [[nodiscard]] std::optional<Ticks> next() const;

  /// Blocks of a waiting sequence that follow the first `from`.
  struct Found {
    std::int64_t blocks = 0;
    bool on_their_way = false;  ///< another sequence has some of them loaded
  };
  [[nodiscard]] Found find(const Sequence& sequence, const Prefix& prefix, std::int64_t from) const;

  /// Loads what find() found.
  void load(Slot slot, const Sequence& sequence, const Prefix& prefix, std::int64_t from,
            std::int64_t blocks);
  /// The first that is loaded, in order, that was not taken yet.
  [[nodiscard]] std::optional<Slot> take_loaded();
  /// When the last of the loads ends that are on their way; none where there is none.
  [[nodiscard]] std::optional<Ticks> next_load() const;
  [[nodiscard]] bool loading() const { return !loads_.empty(); }

  /// The first `full` blocks of a sequence are on the device since `now`: stores what is missing.
  void store(Slot slot, const Sequence& sequence, const Prefix& prefix, std::int64_t full,
             Ticks now);
  /// The sequence in `slot` ended or was preempted, at `now`.
  void let_go(Slot slot, Ticks now);

  [[nodiscard]] const KvPool& pool() const { return pool_; }
  [[nodiscard]] std::int64_t stored_blocks() const { return stored_; }  ///< so far
  [[nodiscard]] std::int64_t loaded_blocks() const { return loaded_; }

 private:
  struct Held {
    KvRun run{};
    std::uint64_t key = 0;
  };
  /// What a sequence stores.
  struct Storing {
    std::vector<Held> runs;
    std::size_t part = 0;     // of the prefix, the one that it is at
    std::int64_t before = 0;  // blocks in front of that
    Ticks end = 0;            // of its last store
  };
  struct Load {
    Slot slot = 0;
    Ticks end = 0;
    std::vector<Held> runs;
  };
  /// Stores whose sequence has ended.
  struct Ending {
    Ticks end = 0;
    std::vector<Held> runs;
  };

  [[nodiscard]] std::int64_t ready(std::uint64_t key) const;
  [[nodiscard]] bool store_part(Storing& storing, std::uint64_t key, std::int64_t wanted,
                                Ticks now);
  void release(const std::vector<Held>& runs);

  KvPool pool_;
  std::int64_t block_tokens_;
  BlockCopyCost copies_;
  std::unordered_map<std::uint64_t, std::int64_t> ready_;    // blocks of a key that can be found
  std::unordered_map<std::uint64_t, std::int32_t> loading_;  // loads of a key
  std::vector<Storing> storing_;                             // by slot
  std::deque<Ending> endings_;                               // in the order of their ends
  std::deque<Load> loads_;
  std::deque<Slot> there_;
  Ticks now_ = 0;
  Ticks stores_end_ = 0;
  Ticks loads_end_ = 0;
  std::int64_t stored_ = 0;
  std::int64_t loaded_ = 0;
};

}  // namespace rigsim::workloads
