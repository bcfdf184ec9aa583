#include "analysis/hdf5_lookup.h"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <stdexcept>
#include <utility>

#include "analysis/hdf5_dataset.h"

namespace rigsim::analysis {
namespace {

constexpr hsize_t kChunkTexts = 256;

}  // namespace

Hdf5Lookup::Hdf5Lookup(Hdf5File& file, const Hdf5Handle& lookup_group, std::string name)
    : file_(file), name_(std::move(name)), type_(text_type(file)) {
  dataset_ = make_column(file_, lookup_group.id(), name_,
                         {.type = type_.id(), .chunk_rows = kChunkTexts, .compress = false});
  file_.check(H5DSset_scale(dataset_.id(), name_.c_str()), "make a dimension of " + path());
  const auto description = fmt::format("texts of the columns coded by {}", path());
  set_attribute(file_, dataset_.id(), "units", "1");
  set_attribute(file_, dataset_.id(), "description", description);
  set_attribute(file_, dataset_.id(), "long_name", description);
}

std::uint32_t Hdf5Lookup::code(std::string_view text) {
  if (const auto known = codes_.find(text); known != codes_.end()) return known->second;
  if (text.find('\0') != std::string_view::npos) {
    throw std::invalid_argument(fmt::format("{}: text with a NUL character", path()));
  }
  const auto next = static_cast<std::uint32_t>(codes_.size());
  new_texts_.push_back(codes_.emplace(text, next).first->first.c_str());
  return next;
}

void Hdf5Lookup::write() {
  if (new_texts_.empty()) return;
  append_rows(file_, dataset_.id(), type_.id(), codes_.size() - new_texts_.size(),
              new_texts_.size(), new_texts_.data());
  new_texts_.clear();
}

}  // namespace rigsim::analysis
