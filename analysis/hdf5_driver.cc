#include "analysis/hdf5_driver.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>

namespace rigsim::analysis {
namespace {

constexpr haddr_t kMaxAddress = (haddr_t{1} << 62) - 1;

// What travels in the access property list.
struct DriverInfo {
  PartFile* part = nullptr;
};

// HDF5 reaches our state through its own header, which must come first.
struct OpenFile {
  H5FD_t base;
  PartFile* part;
};

PartFile& part_of(H5FD_t* file) { return *reinterpret_cast<OpenFile*>(file)->part; }
const PartFile& part_of(const H5FD_t* file) {
  return *reinterpret_cast<const OpenFile*>(file)->part;
}

// The order of writes that leaves a readable file behind each of them: the superblock's end of file
// before anything that lies beyond the old one, children before their parents, and in a B-tree
// parents first, because a split only moves entries from an old node to a new one.
int rank_of(H5FD_mem_t type, std::span<const std::byte> bytes) {
  constexpr int kAfterTrees = 1000;
  switch (type) {
    case H5FD_MEM_SUPER:
      return 0;
    case H5FD_MEM_BTREE:  // "TREE", one byte node type, one byte level
      return kAfterTrees - 1 - (bytes.size() > 5 ? std::to_integer<int>(bytes[5]) : 0);
    case H5FD_MEM_OHDR:
      return kAfterTrees;
    default:
      return 1;
  }
}

H5FD_t* open_part(const char*, unsigned, hid_t access, haddr_t) {
  const auto* info = static_cast<const DriverInfo*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  auto file = std::make_unique<OpenFile>();
  file->part = info->part;
  return &file.release()->base;
}

herr_t close_part(H5FD_t* file) {
  delete reinterpret_cast<OpenFile*>(file);
  return 0;
}

herr_t no_features(const H5FD_t*, unsigned long* flags) {
  *flags = 0;  // no aggregation: each metadata entry is written whole and by itself
  return 0;
}

haddr_t allocate(H5FD_t* file, H5FD_mem_t, hid_t, hsize_t size) {
  PartFile& part = part_of(file);
  const haddr_t address = std::max(part.size(), part.committed_size());
  part.set_size(address + size);
  return address;
}

herr_t keep_space(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, hsize_t) { return 0; }

haddr_t end_of_space(const H5FD_t* file, H5FD_mem_t) { return part_of(file).size(); }

herr_t set_end_of_space(H5FD_t* file, H5FD_mem_t, haddr_t size) {
  part_of(file).set_size(size);
  return 0;
}

herr_t read_part(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* out) {
  return part_of(file).read(address, {static_cast<std::byte*>(out), size}) ? 0 : -1;
}

herr_t write_part(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t address, std::size_t size,
                  const void* data) {
  const std::span bytes(static_cast<const std::byte*>(data), size);
  try {
    part_of(file).write(address, bytes, rank_of(type, bytes));
    return 0;
  } catch (const std::exception&) {  // out of memory; nothing may pass through C code
    return -1;
  }
}

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
  driver.name = "rigsim_part_file";
  driver.maxaddr = kMaxAddress;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(DriverInfo);
  driver.open = open_part;
  driver.close = close_part;
  driver.query = no_features;
  driver.alloc = allocate;
  driver.free = keep_space;
  driver.get_eoa = end_of_space;
  driver.set_eoa = set_end_of_space;
  driver.get_eof = end_of_space;
  driver.read = read_part;
  driver.write = write_part;
  std::ranges::fill(driver.fl_map, H5FD_MEM_DEFAULT);
  return driver;
}

}  // namespace

Hdf5Handle part_file_access(PartFile& part) {
  const H5FD_class_t callbacks = driver_class();
  const Hdf5Handle driver(H5FDregister(&callbacks));
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS));
  const DriverInfo info{&part};
  const bool done = driver.id() >= 0 && access.id() >= 0 &&
                    H5Pset_driver(access.id(), driver.id(), &info) >= 0 &&
                    H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG) >= 0 &&
                    H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, H5F_LIBVER_V110) >= 0;
  return done ? std::move(access) : Hdf5Handle();
}

}  // namespace rigsim::analysis
