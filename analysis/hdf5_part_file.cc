#include "analysis/hdf5_part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "analysis/output_error.h"

namespace rigsim::analysis {
namespace {

std::string reason(int error) {
  switch (error) {
    case ENOSPC:
      return "disk full";
    case EDQUOT:
      return "disk quota exceeded";
    case EFBIG:
      return "file larger than this process or file system allows";
    default:
      return std::generic_category().message(error);
  }
}

std::filesystem::path target_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) throw OutputError(path, "is a directory, not a file");
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw OutputError(path, "is not a regular file");
  }
  if (path.filename().empty()) throw OutputError(path, "names no file");
  if (!std::filesystem::is_symlink(std::filesystem::symlink_status(path, error))) return path;
  auto resolved = std::filesystem::weakly_canonical(path, error);
  return error ? path : resolved;
}

int open_for_writing(const std::filesystem::path& path, const std::filesystem::path& part) {
  const int descriptor = ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor >= 0) return descriptor;
  const int error = errno;
  std::error_code ignored;
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (error == ENOENT && !std::filesystem::exists(directory, ignored)) {
    throw OutputError(path, fmt::format("no such directory \"{}\"", directory.string()));
  }
  throw OutputError(path, fmt::format("cannot create \"{}\": {}", part.string(), reason(error)));
}

// An open-file-description lock: unlike flock() it does not keep HDF5 readers out. False if another
// writer holds it, or has just renamed the file away.
bool lock_against_writers(int descriptor, const std::filesystem::path& part) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  // A file system without locks (any other error) is no reason to refuse.
  const bool locked = ::fcntl(descriptor, F_OFD_SETLK, &lock) == 0;
  if (!locked && (errno == EAGAIN || errno == EACCES)) return false;
  struct stat opened{};
  struct stat named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(part.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

PartFile::PartFile(const std::filesystem::path& path)
    : path_(target_of(path)), part_path_(path_.string() + ".part") {
  descriptor_ = open_for_writing(path_, part_path_);
  if (!lock_against_writers(descriptor_, part_path_)) {
    ::close(descriptor_);
    throw OutputError(path_, fmt::format("another run is writing \"{}\"", part_path_.string()));
  }
  if (::ftruncate(descriptor_, 0) != 0) {
    const int error = errno;
    remove_part();
    throw OutputError(path_, reason(error));
  }
}

PartFile::~PartFile() {
  if (left_ && descriptor_ >= 0) {
    ::close(descriptor_);
  } else {
    remove_part();
  }
}

void PartFile::remove_part() {
  if (descriptor_ < 0) return;
  ::unlink(part_path_.c_str());
  ::close(descriptor_);
  descriptor_ = -1;
}

bool PartFile::read(std::uint64_t address, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::pread(descriptor_, out.data() + done, out.size() - done,
                              static_cast<off_t>(address + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  std::ranges::fill(out.subspan(done), std::byte{0});
  held_.overlay(address, out);
  return true;
}

void PartFile::write(std::uint64_t address, std::span<const std::byte> bytes, int rank) {
  const std::uint64_t below = committed_size_ - std::min(address, committed_size_);
  const std::size_t waiting = std::min<std::uint64_t>(below, bytes.size());
  held_.put(address, bytes.first(waiting), rank);
  const auto fresh = bytes.subspan(waiting);
  if (!failure_) write_now(address + waiting, fresh);
  if (failure_) held_.put(address + waiting, fresh, rank);
}

void PartFile::write_now(std::uint64_t address, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(address));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(n < 0 ? errno : ENOSPC);
    address += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void PartFile::fail(int error) {
  if (!failure_) failure_ = reason(error);
}

void PartFile::throw_if_failed() const {
  if (failure_) throw OutputError(path_, *failure_);
}

void PartFile::commit() {
  throw_if_failed();
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) fail(errno);
  if (!failure_ && static_cast<std::uint64_t>(status.st_size) < size_ &&
      ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) {
    fail(errno);
  }
  for (const auto& [address, range] : held_.in_order()) {
    if (!failure_) write_now(address, range->bytes);
  }
  throw_if_failed();
  held_.clear();
  committed_size_ = size_;
}

void PartFile::sync() {
  commit();
  if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0 || ::fsync(descriptor_) != 0) {
    fail(errno);
  }
  throw_if_failed();
}

void PartFile::publish() {
  sync();
  if (::rename(part_path_.c_str(), path_.c_str()) != 0) fail(errno);
  throw_if_failed();
  // Past the rename the result is there; syncing its directory entry is worth trying, not failing.
  const auto directory = path_.has_parent_path() ? path_.parent_path() : ".";
  if (const int d = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); d >= 0) {
    ::fsync(d);
    ::close(d);
  }
  ::close(descriptor_);
  descriptor_ = -1;
}

void PartFile::keep_part() {
  sync();
  ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace rigsim::analysis
