#include "analysis/sweep_file_reader.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "analysis/hdf5_handle.h"
#include "configs/config_error.h"

namespace rigsim::analysis {
namespace {

constexpr std::array kReusable{PointStatus::kDone, PointStatus::kDoesNotFit, PointStatus::kRefused};

/// Reads a file by HDF5's plain driver. All faults are configs::UnreadableInput.
class File {
 public:
  explicit File(const std::filesystem::path& path) : path_(path) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    file_ = Hdf5Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    if (file_.id() < 0) fail("is no HDF5 file, or cut short");
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw configs::UnreadableInput(path_.string(), what);
  }

  /// Empty where there is none.
  [[nodiscard]] std::string text_attribute(const std::string& object, const char* name) const {
    const Hdf5Handle attribute(
        H5Aopen_by_name(file_.id(), object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT));
    char* text = nullptr;
    if (attribute.id() < 0 ||
        H5Aread(attribute.id(), text_type().id(), static_cast<void*>(&text)) < 0)
      return {};
    std::string copy = text == nullptr ? "" : text;
    H5free_memory(text);
    return copy;
  }

  template <class T>
  [[nodiscard]] std::vector<T> column(const std::string& name) const {
    const Hdf5Handle dataset = open(name);
    std::vector<T> values(rows(dataset));
    hid_t type = H5T_NATIVE_DOUBLE;
    if constexpr (std::is_same_v<T, std::uint64_t>) type = H5T_NATIVE_UINT64;
    if constexpr (std::is_same_v<T, std::uint32_t>) type = H5T_NATIVE_UINT32;
    if (H5Dread(dataset.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
      fail(name + " cannot be read");
    return values;
  }

  /// A column of codes as texts.
  [[nodiscard]] std::vector<std::string> texts(const std::string& name) const {
    const Hdf5Handle lookup = open(text_attribute(name, "lookup"));
    std::vector<char*> raw(rows(lookup));
    if (H5Dread(lookup.id(), text_type().id(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                static_cast<void*>(raw.data())) < 0)
      fail(name + " cannot be read");
    std::vector<std::string> known;
    for (char* text : raw) {
      known.emplace_back(text == nullptr ? "" : text);
      H5free_memory(text);
    }
    std::vector<std::string> values;
    for (const std::uint32_t code : column<std::uint32_t>(name)) {
      if (code >= known.size()) fail(name + " has a code without text");
      values.push_back(known[code]);
    }
    return values;
  }

 private:
  [[nodiscard]] Hdf5Handle open(const std::string& name) const {
    Hdf5Handle dataset(H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT));
    if (dataset.id() < 0) fail("has no " + name);
    return dataset;
  }
  static std::size_t rows(const Hdf5Handle& dataset) {
    const Hdf5Handle space(H5Dget_space(dataset.id()));
    return static_cast<std::size_t>(
        std::max<hssize_t>(H5Sget_simple_extent_npoints(space.id()), 0));
  }
  static Hdf5Handle text_type() {
    Hdf5Handle type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.id(), H5T_VARIABLE);
    H5Tset_cset(type.id(), H5T_CSET_UTF8);
    return type;
  }

  std::filesystem::path path_;
  Hdf5Handle file_;
};

/// Why the points of the file are of no use here.
std::optional<std::string> refusal(const File& file, configs::SweepRun run,
                                   const SweepHeader& header) {
  const auto attribute = [&](const char* name) { return file.text_attribute("/", name); };
  if (attribute("schema_name") != kSweepSchema)
    file.fail("is not the file of a sweep; name another --output or remove it");
  if (attribute("run") != configs::to_string(run))
    return fmt::format("its points are of run: {}", attribute("run"));
  if (attribute("creator_version") == header.version &&
      attribute("creator_commit") == header.commit)
    return std::nullopt;
  return fmt::format("rigsim {} ({}) made it", attribute("creator_version"),
                     attribute("creator_commit").substr(0, 12));
}

std::optional<PointStatus> status_named(std::string_view name) {
  for (const PointStatus status : kReusable) {
    if (to_string(status) == name) return status;
  }
  return std::nullopt;
}

}  // namespace

void read_points(const std::filesystem::path& path, configs::SweepRun run,
                 const SweepHeader& header, EarlierPoints& into) {
  const File file(path);
  if (const auto why = refusal(file, run, header)) {
    into.notes.push_back(fmt::format("the points of {} are not taken: {}", path.string(), *why));
    return;
  }
  const auto ids = file.column<std::uint64_t>("/points/id");
  const auto status = file.texts("/points/status");
  auto reasons = file.texts("/points/reason");
  std::size_t rows = std::min({ids.size(), status.size(), reasons.size()});
  std::vector<std::vector<SweepCell>> columns;
  for (const SweepMetric& metric : sweep_metrics(run)) {
    const std::string name = "/points/" + metric.name;
    std::vector<SweepCell>& cells = columns.emplace_back();
    if (metric.text) {
      for (std::string& text : file.texts(name)) cells.emplace_back(std::move(text));
    } else {
      for (const double number : file.column<double>(name)) cells.emplace_back(number);
    }
    rows = std::min(rows, cells.size());
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const auto known = status_named(status[row]);
    if (!known || ids[row] == 0) continue;
    PointResult result{*known, std::move(reasons[row]), {}};
    for (auto& cells : columns) result.metrics.push_back(std::move(cells[row]));
    into.by_id.insert_or_assign(ids[row], std::move(result));
  }
}

}  // namespace rigsim::analysis
