#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace rigsim::workloads {

/// Names a run of cached blocks of a pool.
enum class KvRun : std::uint32_t {};

/// The KV blocks of one replica. Blocks that hold nothing worth finding again are numbers only;
/// blocks of a known prefix form runs: the leading blocks of something with a key.
///
/// Free blocks wait in one queue, as vLLM's FreeKVCacheBlockQueue keeps them: released ones go to
/// its end, a run's last block first, and allocation takes from its front and forgets what the
/// block held. So what was used longest ago goes first, and of a run its end.
class KvPool {
 public:
  /// Throws std::invalid_argument unless blocks >= 0.
  explicit KvPool(std::int64_t blocks);

  [[nodiscard]] std::int64_t blocks() const { return blocks_; }
  /// Blocks that nobody holds, cached ones included.
  [[nodiscard]] std::int64_t free() const { return free_; }
  [[nodiscard]] std::int64_t held() const { return blocks_ - free_; }

  /// Takes blocks from the front of the queue. Throws std::logic_error when there are too few.
  void take(std::int64_t blocks);
  /// Gives back blocks whose contents nobody will ask for.
  void give_back(std::int64_t blocks);

  /// The run of `key`; none when not one of its blocks is cached or held.
  [[nodiscard]] std::optional<KvRun> find(std::uint64_t key) const;
  /// Leading blocks of the run that are there.
  [[nodiscard]] std::int64_t present(KvRun run) const { return runs_[index(run)].blocks; }
  [[nodiscard]] bool held(KvRun run) const { return runs_[index(run)].holders > 0; }

  /// Holds the run of `key`, made where there is none.
  KvRun hold(std::uint64_t key);
  /// Appends blocks that the holder has already (see take()) to its run.
  void adopt(KvRun run, std::int64_t blocks) { runs_[index(run)].blocks += blocks; }
  /// Keeps the leading `blocks` of a held run; what the others hold is forgotten.
  void trim(KvRun run, std::int64_t blocks);
  /// Lets go; with the last holder the blocks go to the end of the queue.
  void release(KvRun run);

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  struct Run {
    std::uint64_t key = 0;
    std::int64_t blocks = 0;
    std::uint32_t holders = 0;
    std::uint32_t entry = kNone;  // its place in the queue, where nobody holds it
  };
  struct Entry {  // of the queue, a doubly linked list
    std::int64_t blocks = 0;
    std::uint32_t run = kNone;
    std::uint32_t before = kNone;
    std::uint32_t behind = kNone;
  };

  static std::uint32_t index(KvRun run) { return static_cast<std::uint32_t>(run); }
  std::uint32_t append(std::int64_t blocks, std::uint32_t run);
  void unlink(std::uint32_t entry);
  void forget(std::uint32_t run);

  std::int64_t blocks_;
  std::int64_t free_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_key_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> spare_runs_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> spare_entries_;
  std::uint32_t front_ = kNone;
  std::uint32_t back_ = kNone;
};

}  // namespace rigsim::workloads
