#include "configs/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "configs/byte_reader.h"
#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

constexpr std::uint64_t kLongestHeader = 100'000'000;  ///< the format's own limit
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 60U;

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 21> kBits = {
    {{"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
     {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
     {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
     {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
     {"I64", 64}}};

std::optional<std::uint64_t> bits_of(std::string_view type) {
  if (type == "U64") return 64;
  for (const auto& [name, bits] : kBits) {
    if (name == type) return bits;
  }
  return std::nullopt;
}

/// Takes the header's JSON apart as it is read, so that no tree of it is ever built.
class HeaderEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::map<std::string, TensorTotal> totals;
  std::uint64_t data_end = 0;
  std::string error;  ///< why reading stopped

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a boolean"); }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return refuse("a fraction"); }
  bool binary(binary_t&) override { return refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (in_metadata_ || depth_ != 2 || list_ == nullptr) return refuse("a number");
    if (list_->size() >= 16) return stop("a list of more than 16 numbers");
    list_->push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (in_metadata_) return depth_ == 2 || refuse("text");
    if (depth_ != 2 || key_ != "dtype") return refuse("text");
    type_ = value;
    return true;
  }

  bool start_object(std::size_t) override {
    if (list_ != nullptr || depth_ >= 2) return refuse("an object");
    if (++depth_ == 2) {
      type_.reset();
      shape_.clear();
      offsets_.clear();
      has_shape_ = false;
    }
    return true;
  }

  bool key(string_t& value) override {
    if (depth_ == 1) {
      name_ = value;
      in_metadata_ = value == "__metadata__";
      if (!names_.insert(value).second) return stop("two entries are named " + in_quotes(value));
    }
    key_ = value;
    return true;
  }

  bool end_object() override { return --depth_ != 1 || in_metadata_ || finish_tensor(); }

  bool start_array(std::size_t) override {
    if (in_metadata_ || depth_ != 2 || list_ != nullptr) return refuse("a list");
    if (key_ == "shape") {
      list_ = &shape_;
      has_shape_ = true;
    } else if (key_ == "data_offsets") {
      list_ = &offsets_;
    } else {
      return refuse("a list");
    }
    return true;
  }
  bool end_array() override {
    list_ = nullptr;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    return stop(fmt::format("the header is not valid JSON at its byte {}", position));
  }

 private:
  bool stop(std::string why) {
    if (error.empty()) error = std::move(why);
    return false;
  }
  bool refuse(std::string_view what) {
    return stop(fmt::format("{} where none belongs, in {}", what, in_quotes(name_)));
  }

  /// Checks one tensor's three facts against each other and adds it up.
  bool finish_tensor() {
    if (!type_ || !has_shape_ || offsets_.size() != 2) {
      return stop(
          fmt::format("tensor {} lacks dtype, shape or two data_offsets", in_quotes(name_)));
    }
    const auto bits = bits_of(*type_);
    if (!bits)
      return stop(
          fmt::format("tensor {} is of the unknown type {}", in_quotes(name_), in_quotes(*type_)));
    std::uint64_t size = *bits;
    for (const std::uint64_t extent : shape_) {
      if (__builtin_mul_overflow(size, extent, &size))
        return stop(fmt::format("tensor {} is larger than any file", in_quotes(name_)));
    }
    const bool agree = offsets_[0] <= offsets_[1] && offsets_[1] <= kLargestFile && size % 8 == 0 &&
                       offsets_[1] - offsets_[0] == size / 8;
    if (!agree) {
      return stop(fmt::format("tensor {}: data_offsets [{}, {}] do not hold its {} bits",
                              in_quotes(name_), offsets_[0], offsets_[1], size));
    }
    data_end = std::max(data_end, offsets_[1]);
    TensorTotal& total = totals[*type_];
    ++total.count;
    total.bytes += sim::Bytes(static_cast<std::int64_t>(size / 8));
    if (total.bytes.count() > static_cast<std::int64_t>(kLargestFile))
      return stop("the tensors are larger than any file");
    return true;
  }

  int depth_ = 0;
  bool in_metadata_ = false;
  bool has_shape_ = false;
  std::string name_;
  std::string key_;
  std::optional<std::string> type_;
  std::vector<std::uint64_t> shape_;
  std::vector<std::uint64_t> offsets_;
  std::vector<std::uint64_t>* list_ = nullptr;
  std::set<std::string> names_;
};

}  // namespace

std::map<std::string, TensorTotal> read_safetensors(std::istream& in, std::uint64_t size,
                                                    const std::string& file) {
  ByteReader bytes(in, size, file);
  const std::uint64_t length = bytes.number(8, "the header's length");
  if (length > kLongestHeader)
    bytes.fail(fmt::format("not a safetensors file: its header would be {} bytes long, above {}",
                           length, kLongestHeader));
  const std::string header = bytes.text(length, "the header");
  HeaderEvents events;
  const bool good = nlohmann::json::sax_parse(header, &events);
  if (!good)
    throw UnreadableInput(file,
                          events.error.empty() ? "the header is not valid JSON" : events.error);
  if (bytes.left() > 0 && bytes.left() < events.data_end) {
    throw UnreadableInput(file,
                          fmt::format("truncated: the weights end at byte {}, the file has {}",
                                      bytes.offset() + events.data_end, size),
                          size);
  }
  return std::move(events.totals);
}

}  // namespace rigsim::configs
