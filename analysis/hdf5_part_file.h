#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "analysis/hdf5_held_writes.h"

namespace rigsim::analysis {

/// The bytes of a result file while it is being written: `PATH.part`, renamed to PATH by publish().
///
/// Crash safety. What was there at the last commit() is not overwritten until the next one: writes
/// beyond that end go to the file at once, writes below it wait in memory. commit() then applies
/// them in the caller's order of rank. A process killed between commits leaves the file exactly as
/// the last commit did; one killed inside a commit (tens of microseconds) leaves a prefix of it.
///
/// Full disks. write() never fails: the first error is remembered, everything later stays in
/// memory, and throw_if_failed(), commit() and publish() report it. So a library above this class
/// never sees a failed write and can always close in good order.
///
/// Without publish() or keep_part() the destructor removes `PATH.part`. An existing PATH is not
/// touched before publish(). Not thread-safe.
class PartFile {
 public:
  /// Creates (or empties) `path`.part and locks it against other writers. A symbolic link is
  /// followed. Throws OutputError: no such directory, not writable, `path` is not a regular file,
  /// another process is writing it.
  explicit PartFile(const std::filesystem::path& path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::filesystem::path& part_path() const { return part_path_; }

  /// Size of the file as its user sees it, in bytes.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  void set_size(std::uint64_t size) { size_ = size; }
  /// What lies below was part of the last commit().
  [[nodiscard]] std::uint64_t committed_size() const { return committed_size_; }

  /// Fills `out` from `address`; beyond what was ever written, with zeros. False on an I/O error.
  [[nodiscard]] bool read(std::uint64_t address, std::span<std::byte> out) const;
  /// Takes `bytes` for `address`. `rank` orders it within the next commit() where it has to wait.
  void write(std::uint64_t address, std::span<const std::byte> bytes, int rank);

  /// Throws OutputError if a write failed.
  void throw_if_failed() const;
  /// Makes everything written so far visible in `.part`. Throws OutputError on failure.
  void commit();
  /// Commits, syncs to disk, renames to PATH. Throws OutputError on failure; `.part` is then
  /// removed.
  void publish();
  /// Commits, syncs to disk and leaves the result at `.part`. Throws OutputError on failure.
  void keep_part();
  /// The destructor leaves `.part` as the last commit() did, as if the process were killed now: for
  /// results that are worth more than a tidy folder when the disk is full.
  void leave_part() { left_ = true; }

 private:
  void fail(int error);
  void write_now(std::uint64_t address, std::span<const std::byte> bytes);
  void sync();
  void remove_part();

  std::filesystem::path path_;
  std::filesystem::path part_path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t committed_size_ = 0;
  HeldWrites held_;
  std::optional<std::string> failure_;
  bool left_ = false;
};

}  // namespace rigsim::analysis
