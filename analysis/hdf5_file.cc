#include "analysis/hdf5_file.h"

#include <fmt/format.h>

#include <stdexcept>

#include "analysis/hdf5_driver.h"
#include "analysis/output_error.h"

namespace rigsim::analysis {
namespace {

constexpr unsigned kCreationOrder = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
// Up to this many links of a group and attributes of an object stand in its header, where one write
// replaces all of them, and not in trees of their own.
constexpr unsigned kMaxInHeader = 64;
constexpr unsigned kMinInTree = 32;

// Called from the place of the failure outwards: the first message is the cause.
herr_t keep_first_message(unsigned, const H5E_error2_t* error, void* text) {
  auto& message = *static_cast<std::string*>(text);
  if (message.empty() && error->desc != nullptr) message = error->desc;
  return 0;
}

std::string hdf5_reason() {
  std::string message;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first_message, &message);
  return message.empty() ? "HDF5 gave no reason" : "HDF5: " + message;
}

// The space of the whole file is handed out by the driver alone; see part_file_access().
Hdf5Handle file_properties(const Hdf5File& file) {
  Hdf5Handle made = creation_properties(file, H5P_FILE_CREATE);
  file.check(H5Pset_link_creation_order(made.id(), kCreationOrder), "set up the file");
  file.check(H5Pset_link_phase_change(made.id(), kMaxInHeader, kMinInTree), "set up the file");
  file.check(H5Pset_file_space_strategy(made.id(), H5F_FSPACE_STRATEGY_NONE, false, 1),
             "set up the file");
  return made;
}

// While it lives, objects made with HDF5's default group properties carry no time stamps.
// H5Fcreate() makes the superblock's extension with them, and offers no other way to reach it.
class NoDefaultTimeStamps {
 public:
  NoDefaultTimeStamps() {
    H5Pget_obj_track_times(H5P_GROUP_CREATE_DEFAULT, &before_);
    H5Pset_obj_track_times(H5P_GROUP_CREATE_DEFAULT, false);
  }
  ~NoDefaultTimeStamps() { H5Pset_obj_track_times(H5P_GROUP_CREATE_DEFAULT, before_); }
  NoDefaultTimeStamps(const NoDefaultTimeStamps&) = delete;
  NoDefaultTimeStamps& operator=(const NoDefaultTimeStamps&) = delete;

 private:
  hbool_t before_ = true;
};

Hdf5Handle new_attribute(const Hdf5File& file, hid_t on, const char* name, hid_t type,
                         hid_t space) {
  if (file.check(H5Aexists(on, name), "look for an attribute") > 0) {
    file.check(H5Adelete(on, name), "replace an attribute");
  }
  return Hdf5Handle(file.check(H5Acreate2(on, name, type, space, H5P_DEFAULT, H5P_DEFAULT),
                               fmt::format("create the attribute \"{}\"", name)));
}

void write_attribute(const Hdf5File& file, hid_t on, const char* name, hid_t type, hid_t space,
                     const void* data) {
  const Hdf5Handle attribute = new_attribute(file, on, name, type, space);
  file.check(H5Awrite(attribute.id(), type, data), fmt::format("write the attribute \"{}\"", name));
}

}  // namespace

Hdf5File::Silence::Silence() {
  H5Eget_auto2(H5E_DEFAULT, &printer_, &printer_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5File::Silence::~Silence() { H5Eset_auto2(H5E_DEFAULT, printer_, printer_data_); }

Hdf5File::Hdf5File(const std::filesystem::path& path) : part_(path) {
  const Hdf5Handle access = part_file_access(part_);
  check(access.id(), "set up the file");
  const Hdf5Handle made = file_properties(*this);
  const NoDefaultTimeStamps no_time_stamps;
  file_ =
      Hdf5Handle(check(H5Fcreate(part_.part_path().c_str(), H5F_ACC_TRUNC, made.id(), access.id()),
                       "create the file"));
  throw_if_failed();
}

Hdf5File::~Hdf5File() = default;

hid_t Hdf5File::check(hid_t result, std::string_view action) const {
  if (result >= 0) return result;
  throw_if_failed();  // the cause, where there is one
  throw OutputError(path(), fmt::format("cannot {}: {}", action, hdf5_reason()));
}

Hdf5Handle Hdf5File::make_group(const std::string& name) {
  const Hdf5Handle made = creation_properties(*this, H5P_GROUP_CREATE);
  check(H5Pset_link_creation_order(made.id(), kCreationOrder), "set up a group");
  check(H5Pset_link_phase_change(made.id(), kMaxInHeader, kMinInTree), "set up a group");
  return Hdf5Handle(check(H5Gcreate2(id(), name.c_str(), H5P_DEFAULT, made.id(), H5P_DEFAULT),
                          fmt::format("create the group \"{}\"", name)));
}

void Hdf5File::flush() {
  throw_if_failed();
  check(H5Fflush(id(), H5F_SCOPE_LOCAL), "flush");
  part_.commit();
}

void Hdf5File::close() {
  throw_if_failed();
  if (!file_.reset()) check(-1, "close the file");
}

void Hdf5File::publish() {
  close();
  part_.publish();
}

void Hdf5File::keep_part() {
  close();
  part_.keep_part();
}

Hdf5Handle text_type(const Hdf5File& file) {
  Hdf5Handle type(file.check(H5Tcopy(H5T_C_S1), "describe text"));
  file.check(H5Tset_size(type.id(), H5T_VARIABLE), "describe text");
  file.check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "describe text");
  return type;
}

Hdf5Handle creation_properties(const Hdf5File& file, hid_t kind) {
  Hdf5Handle made(file.check(H5Pcreate(kind), "set up an object"));
  file.check(H5Pset_obj_track_times(made.id(), false), "set up an object");
  file.check(H5Pset_attr_creation_order(made.id(), kCreationOrder), "set up an object");
  file.check(H5Pset_attr_phase_change(made.id(), kMaxInHeader, kMinInTree), "set up an object");
  return made;
}

void set_scalar(const Hdf5File& file, hid_t on, const char* name, hid_t type, const void* value) {
  const Hdf5Handle space(file.check(H5Screate(H5S_SCALAR), "describe an attribute"));
  write_attribute(file, on, name, type, space.id(), value);
}

void set_attribute(const Hdf5File& file, hid_t on, const char* name, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    throw std::invalid_argument(fmt::format("attribute \"{}\": text with a NUL character", name));
  }
  const std::string terminated(text);
  const char* pointer = terminated.c_str();
  set_scalar(file, on, name, text_type(file).id(), &pointer);
}

void set_attribute(const Hdf5File& file, hid_t on, const char* name, std::int32_t value) {
  set_scalar(file, on, name, H5T_NATIVE_INT32, &value);
}

void set_attribute(const Hdf5File& file, hid_t on, const char* name, std::uint64_t value) {
  set_scalar(file, on, name, H5T_NATIVE_UINT64, &value);
}

void set_attribute(const Hdf5File& file, hid_t on, const char* name,
                   std::span<const std::int32_t> values) {
  const hsize_t count = values.size();
  const Hdf5Handle space(file.check(H5Screate_simple(1, &count, nullptr), "describe an attribute"));
  write_attribute(file, on, name, H5T_NATIVE_INT32, space.id(), values.data());
}

void set_origin(const Hdf5File& file, const FileOrigin& origin, std::string_view schema,
                std::int32_t schema_version) {
  const hid_t root = file.id();
  set_attribute(file, root, "Conventions", "CF-1.10");
  set_attribute(file, root, "title", origin.title);
  set_attribute(file, root, "creator", "rigsim");
  set_attribute(file, root, "creator_version", origin.version);
  set_attribute(file, root, "creator_commit", origin.commit);
  set_attribute(file, root, "schema_name", schema);
  set_attribute(file, root, "schema_version", schema_version);
}

}  // namespace rigsim::analysis
