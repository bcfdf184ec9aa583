#pragma once

#include <gtest/gtest.h>
#include <hdf5.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "analysis/hdf5_handle.h"

namespace rigsim::analysis::testing {

/// A directory of one test, removed afterwards.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rigsim_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    path_ = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }
  /// Names of the files in it.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

 private:
  std::filesystem::path path_;
};

/// Reads result files by HDF5's plain driver, as anybody's program does.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : file_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {
    EXPECT_GE(file_.id(), 0) << path << " does not open";
  }

  template <class T>
  [[nodiscard]] std::vector<T> column(const std::string& name) const {
    const Hdf5Handle dataset(H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT));
    std::vector<T> values(rows(dataset));
    EXPECT_GE(H5Dread(dataset.id(), type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0)
        << name;
    return values;
  }

  [[nodiscard]] std::vector<std::string> texts(const std::string& name) const {
    const Hdf5Handle dataset(H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT));
    std::vector<char*> raw(rows(dataset));
    const Hdf5Handle memory = text_type();
    EXPECT_GE(H5Dread(dataset.id(), memory.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.data()), 0);
    std::vector<std::string> texts;
    for (char* text : raw) {
      texts.emplace_back(text == nullptr ? "" : text);
      H5free_memory(text);
    }
    return texts;
  }

  /// A column of codes, decoded by its lookup table.
  [[nodiscard]] std::vector<std::string> decoded(const std::string& name) const {
    const auto table = texts(text_attribute(name, "lookup"));
    std::vector<std::string> values;
    for (const auto code : column<std::uint32_t>(name)) values.push_back(table.at(code));
    return values;
  }

  [[nodiscard]] std::string text_attribute(const std::string& object,
                                           const std::string& name) const {
    const Hdf5Handle attribute(
        H5Aopen_by_name(file_.id(), object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT));
    char* text = nullptr;
    EXPECT_GE(H5Aread(attribute.id(), text_type().id(), &text), 0) << object << "@" << name;
    const std::string copy = text == nullptr ? "" : text;
    H5free_memory(text);
    return copy;
  }

  template <class T>
  [[nodiscard]] T attribute(const std::string& object, const std::string& name) const {
    const Hdf5Handle attribute(
        H5Aopen_by_name(file_.id(), object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT));
    T value{};
    EXPECT_GE(H5Aread(attribute.id(), type<T>(), &value), 0) << object << "@" << name;
    return value;
  }

 private:
  static std::size_t rows(const Hdf5Handle& dataset) {
    const Hdf5Handle space(H5Dget_space(dataset.id()));
    return static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.id()));
  }
  static Hdf5Handle text_type() {
    Hdf5Handle memory(H5Tcopy(H5T_C_S1));
    H5Tset_size(memory.id(), H5T_VARIABLE);
    H5Tset_cset(memory.id(), H5T_CSET_UTF8);
    return memory;
  }
  template <class T>
  static hid_t type() {
    if constexpr (std::same_as<T, std::int64_t>) return H5T_NATIVE_INT64;
    if constexpr (std::same_as<T, std::int32_t>) return H5T_NATIVE_INT32;
    if constexpr (std::same_as<T, std::uint64_t>) return H5T_NATIVE_UINT64;
    if constexpr (std::same_as<T, std::uint32_t>) return H5T_NATIVE_UINT32;
    if constexpr (std::same_as<T, std::uint16_t>) return H5T_NATIVE_UINT16;
    if constexpr (std::same_as<T, double>) return H5T_NATIVE_DOUBLE;
  }

  Hdf5Handle file_;
};

}  // namespace rigsim::analysis::testing
