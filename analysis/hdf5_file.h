#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "analysis/hdf5_handle.h"
#include "analysis/hdf5_part_file.h"

namespace rigsim::analysis {

/// An HDF5 file that is being written, by the rules of PartFile: it grows at `PATH.part`, each
/// flush() leaves a file that opens and holds everything up to there, publish() renames it to PATH,
/// and without publish() or keep_part() nothing stays behind.
///
/// Formats of HDF5 1.8 and later (netCDF-4 readable), creation order tracked, no time stamps: the
/// same calls give the same bytes. HDF5's own printing of errors is off while the object lives. Not
/// thread-safe; everything made from it must be gone before it is.
class Hdf5File {
 public:
  /// Throws OutputError where `path` cannot be written.
  explicit Hdf5File(const std::filesystem::path& path);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  [[nodiscard]] hid_t id() const { return file_.id(); }
  [[nodiscard]] const std::filesystem::path& path() const { return part_.path(); }
  [[nodiscard]] const std::filesystem::path& part_path() const { return part_.part_path(); }

  /// Passes through what an HDF5 call returned. Throws OutputError if it is negative: "cannot
  /// `action`" and HDF5's own reason.
  hid_t check(hid_t result, std::string_view action) const;

  /// Makes a group below the root. Throws OutputError on failure, also if it exists.
  [[nodiscard]] Hdf5Handle make_group(const std::string& name);

  /// Throws OutputError if a write has failed (disk full).
  void throw_if_failed() const { part_.throw_if_failed(); }
  /// Brings everything written to HDF5 so far into the file. Throws OutputError on failure.
  void flush();
  /// Closes, syncs and renames to PATH. Throws OutputError on failure; nothing is then left behind.
  void publish();
  /// Closes, syncs and leaves the file at `PATH.part`. Throws OutputError on failure.
  void keep_part();
  /// What cannot be written any more stays at `PATH.part` as the last flush() left it.
  void leave_part() { part_.leave_part(); }

 private:
  class Silence {  // HDF5 prints nothing on this thread while one of these lives
   public:
    Silence();
    ~Silence();
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

   private:
    H5E_auto2_t printer_ = nullptr;
    void* printer_data_ = nullptr;
  };

  void close();

  Silence silence_;
  PartFile part_;
  Hdf5Handle file_;
};

/// Attributes of the object `on`, replacing one of the same name. Text is variable-length UTF-8.
/// Throws std::invalid_argument for text with a NUL, OutputError if HDF5 refuses.
void set_attribute(const Hdf5File& file, hid_t on, const char* name, std::string_view text);
void set_attribute(const Hdf5File& file, hid_t on, const char* name, std::int32_t value);
void set_attribute(const Hdf5File& file, hid_t on, const char* name, std::uint64_t value);
void set_attribute(const Hdf5File& file, hid_t on, const char* name,
                   std::span<const std::int32_t> values);
/// The same for one value of any HDF5 type.
void set_scalar(const Hdf5File& file, hid_t on, const char* name, hid_t type, const void* value);

/// The type of variable-length UTF-8 text.
[[nodiscard]] Hdf5Handle text_type(const Hdf5File& file);

/// A creation property list of `kind` (H5P_GROUP_CREATE, H5P_DATASET_CREATE ...) as every object of
/// a file has it: no time stamps, attributes in creation order.
[[nodiscard]] Hdf5Handle creation_properties(const Hdf5File& file, hid_t kind);

/// What every result file says of where it comes from.
struct FileOrigin {
  std::string_view title;
  std::string_view version;  ///< of rigsim
  std::string_view commit;   ///< rigsim's git commit
};

/// Sets it on the root, with the file's schema. Throws OutputError on failure.
void set_origin(const Hdf5File& file, const FileOrigin& origin, std::string_view schema,
                std::int32_t schema_version);

}  // namespace rigsim::analysis
