#include "configs/gguf_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <set>
#include <utility>

#include "configs/byte_reader.h"
#include "configs/config_error.h"
#include "workloads/tensor_type.h"

namespace rigsim::configs {
namespace {

// No file known comes near these; they bound time and memory for files made to hurt.
constexpr std::uint64_t kMostValues = 65'536;
constexpr std::uint64_t kMostTensors = 262'144;
constexpr std::uint64_t kMostElements = 16'777'216;
constexpr std::uint64_t kMostNumbersKept = 65'536;
constexpr std::uint64_t kLongestName = 4096;
constexpr std::uint64_t kLongestTextKept = 65'536;
constexpr std::uint64_t kMostDimensions = 8;

/// Types of metadata values, by ggml's numbers.
enum class Kind : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};
constexpr std::uint64_t kKinds = 13;

/// Bytes of a value of fixed size; 0: strings and arrays.
int width(Kind kind) {
  constexpr std::array<int, kKinds> kWidths = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kWidths[static_cast<std::size_t>(kind)];
}

struct GgmlType {
  std::uint32_t id;
  std::string_view name;
};

/// ggml's numbers of the types that workloads/ has block sizes for, and of plain ones
/// (ggml-org/llama.cpp gguf-py/gguf/constants.py@0024aa74, GGMLQuantizationType).
constexpr std::array kTypes = {
    GgmlType{0, "F32"},      GgmlType{1, "F16"},     GgmlType{2, "Q4_0"},
    GgmlType{3, "Q4_1"},     GgmlType{6, "Q5_0"},    GgmlType{7, "Q5_1"},
    GgmlType{8, "Q8_0"},     GgmlType{10, "Q2_K"},   GgmlType{11, "Q3_K"},
    GgmlType{12, "Q4_K"},    GgmlType{13, "Q5_K"},   GgmlType{14, "Q6_K"},
    GgmlType{16, "IQ2_XXS"}, GgmlType{17, "IQ2_XS"}, GgmlType{18, "IQ3_XXS"},
    GgmlType{19, "IQ1_S"},   GgmlType{20, "IQ4_NL"}, GgmlType{21, "IQ3_S"},
    GgmlType{22, "IQ2_S"},   GgmlType{23, "IQ4_XS"}, GgmlType{24, "I8"},
    GgmlType{25, "I16"},     GgmlType{26, "I32"},    GgmlType{27, "I64"},
    GgmlType{28, "F64"},     GgmlType{29, "IQ1_M"},  GgmlType{30, "BF16"},
    GgmlType{34, "TQ1_0"},   GgmlType{35, "TQ2_0"},  GgmlType{39, "MXFP4"},
    GgmlType{40, "NVFP4"}};

struct Block {
  std::int64_t weights = 1;
  std::int64_t bytes = 0;
};

Block block_of(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kPlain = {
      {{"I8", 1}, {"I16", 2}, {"I32", 4}, {"I64", 8}, {"F64", 8}}};
  for (const auto& [name, bytes] : kPlain) {
    if (name == type) return {1, bytes};
  }
  for (const workloads::TensorTypeInfo& info : workloads::tensor_types()) {
    if (info.name == type) return {info.block_weights, info.block_bits / 8};
  }
  throw std::logic_error("a ggml type without a block size");
}

/// Product of two sizes; none: beyond 64 bits.
std::optional<std::int64_t> product(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

/// Reads one file from front to back.
class HeaderReader {
 public:
  HeaderReader(std::istream& in, std::uint64_t size, std::string file)
      : bytes_(in, size, std::move(file)) {}

  GgufHeader read() {
    GgufHeader header;
    header.file = bytes_.file();
    check_magic();
    const std::uint64_t tensors = count("the number of tensors", kMostTensors);
    const std::uint64_t values = count("the number of metadata values", kMostValues);
    for (std::uint64_t i = 0; i < values; ++i) read_value(header);
    for (std::uint64_t i = 0; i < tensors; ++i) read_tensor(header);
    check_data(header);
    return header;
  }

 private:
  void check_magic() {
    const std::string magic = bytes_.text(4, "the magic");
    if (magic != "GGUF")
      bytes_.fail(fmt::format("not a GGUF file: it begins with {}", in_quotes(magic)));
    const std::uint64_t version = bytes_.number(4, "the version");
    if (version == 0x02000000 || version == 0x03000000)
      bytes_.fail("a big-endian GGUF file; only little-endian ones are read");
    if (version != 2 && version != 3) {
      bytes_.fail(fmt::format("GGUF version {}; versions 2 and 3 are read", version));
    }
  }

  std::uint64_t count(std::string_view what, std::uint64_t most) {
    const std::uint64_t value = bytes_.number(8, what);
    if (value > most) bytes_.fail(fmt::format("{} is {}, above {}", what, value, most));
    return value;
  }

  std::string name(std::string_view what) {
    const std::uint64_t length = bytes_.number(8, what);
    if (length > kLongestName)
      bytes_.fail(fmt::format("{} is {} bytes long, above {}", what, length, kLongestName));
    return bytes_.text(length, what);
  }

  Kind kind(std::string_view what) {
    const std::uint64_t number = bytes_.number(4, what);
    if (number >= kKinds) bytes_.fail(fmt::format("{} {} is unknown", what, number));
    return static_cast<Kind>(number);
  }

  void read_value(GgufHeader& header) {
    std::string key = name("a metadata key");
    const Kind type = kind("the value type");
    GgufValue value = type == Kind::kArray ? GgufValue(array()) : scalar(type);
    if (!header.values.emplace(key, std::move(value)).second) {
      bytes_.fail(fmt::format("the metadata key {} stands twice", in_quotes(key)));
    }
  }

  GgufValue scalar(Kind type) {
    if (type == Kind::kString) return long_text();
    const std::uint64_t raw = bytes_.number(width(type), "a metadata value");
    switch (type) {
      case Kind::kF32:
        return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(raw)));
      case Kind::kF64:
        return std::bit_cast<double>(raw);
      case Kind::kBool:
        return raw != 0;
      default:
        return whole(type, raw);
    }
  }

  static std::int64_t whole(Kind type, std::uint64_t raw) {
    switch (type) {
      case Kind::kI8:
        return static_cast<std::int8_t>(raw);
      case Kind::kI16:
        return static_cast<std::int16_t>(raw);
      case Kind::kI32:
        return static_cast<std::int32_t>(raw);
      default:  // an unsigned value beyond 63 bits is no count of anything: as the largest
        return static_cast<std::int64_t>(
            std::min<std::uint64_t>(raw, std::numeric_limits<std::int64_t>::max()));
    }
  }

  std::string long_text() {
    const std::uint64_t length = bytes_.number(8, "a text's length");
    std::string start = bytes_.text(std::min({length, kLongestTextKept, bytes_.left()}), "a text");
    bytes_.skip(length - start.size(), "a text");
    return start;
  }

  GgufArray array() {
    const Kind type = kind("the element type");
    if (type == Kind::kArray) bytes_.fail("arrays of arrays are not read");
    GgufArray out;
    out.length = count("an array's length", kMostElements);
    if (type == Kind::kString) {
      for (std::uint64_t i = 0; i < out.length; ++i) {
        bytes_.skip(bytes_.number(8, "a text's length"), "a text");
      }
      return out;
    }
    const bool kept = out.length <= kMostNumbersKept && type != Kind::kF32 && type != Kind::kF64 &&
                      type != Kind::kBool;
    if (!kept) {
      bytes_.skip(out.length * static_cast<std::uint64_t>(width(type)), "an array");
      return out;
    }
    for (std::uint64_t i = 0; i < out.length; ++i) {
      out.numbers.push_back(whole(type, bytes_.number(width(type), "an array")));
    }
    return out;
  }

  void read_tensor(GgufHeader& header) {
    GgufTensor tensor;
    tensor.name = name("a tensor's name");
    if (!names_.insert(tensor.name).second) {
      bytes_.fail(fmt::format("two tensors are named {}", in_quotes(tensor.name)));
    }
    read_shape(tensor);
    const std::uint64_t id = bytes_.number(4, "a tensor's type");
    const auto type =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const GgmlType& t) { return t.id == id; });
    if (type == kTypes.end()) {
      bytes_.fail(
          fmt::format("tensor {} is of type {}, which is unknown", in_quotes(tensor.name), id));
    }
    tensor.type = type->name;
    tensor.bytes = size_of(tensor);
    const std::uint64_t offset = bytes_.number(8, "a tensor's offset");
    if (offset > std::uint64_t{1} << 60U) bytes_.fail("a tensor's offset is beyond any file");
    data_end_ = std::max(data_end_, offset + static_cast<std::uint64_t>(tensor.bytes.count()));
    header.tensors.push_back(std::move(tensor));
  }

  void read_shape(GgufTensor& tensor) {
    const std::uint64_t dimensions = bytes_.number(4, "the number of dimensions");
    if (dimensions > kMostDimensions) {
      bytes_.fail(fmt::format("tensor {} has {} dimensions, above {}", in_quotes(tensor.name),
                              dimensions, kMostDimensions));
    }
    for (std::uint64_t i = 0; i < dimensions; ++i) {
      const std::uint64_t extent = bytes_.number(8, "a tensor's shape");
      if (extent > std::uint64_t{1} << 40U)
        bytes_.fail(fmt::format("a tensor's extent is {}", extent));
      tensor.shape.push_back(static_cast<std::int64_t>(extent));
    }
  }

  sim::Bytes size_of(const GgufTensor& tensor) const {
    const Block block = block_of(tensor.type);
    std::optional<std::int64_t> weights = 1;
    for (const std::int64_t extent : tensor.shape) {
      weights = weights ? product(*weights, extent) : std::nullopt;
    }
    const std::int64_t row = tensor.shape.empty() ? 1 : tensor.shape.front();
    if (row % block.weights != 0) {
      bytes_.fail(fmt::format("tensor {}: rows of {} are no whole blocks of {} ({})",
                              in_quotes(tensor.name), row, block.weights, tensor.type));
    }
    const auto size = weights ? product(*weights / block.weights, block.bytes) : std::nullopt;
    if (!size || *size > std::int64_t{1} << 60)
      bytes_.fail(fmt::format("tensor {} is larger than any file", in_quotes(tensor.name)));
    return sim::Bytes(*size);
  }

  void check_data(const GgufHeader& header) const {
    std::uint64_t alignment = 32;
    const auto found = header.values.find("general.alignment");
    if (found != header.values.end()) {
      const auto* given = std::get_if<std::int64_t>(&found->second);
      if (given == nullptr || *given < 1 || *given > 1 << 20)
        bytes_.fail("general.alignment must be from 1 to 1048576");
      alignment = static_cast<std::uint64_t>(*given);
    }
    const std::uint64_t start = (bytes_.offset() + alignment - 1) / alignment * alignment;
    if (bytes_.size() <= start || data_end_ <= bytes_.size() - start) return;
    throw UnreadableInput(bytes_.file(),
                          fmt::format("truncated: the weights end at byte {}, the file has {}",
                                      start + data_end_, bytes_.size()),
                          bytes_.size());
  }

  ByteReader bytes_;
  std::set<std::string> names_;
  std::uint64_t data_end_ = 0;  ///< of the tensors, from the start of the data
};

}  // namespace

const GgufTensor* GgufHeader::tensor(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const GgufTensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

GgufHeader read_gguf_header(std::istream& in, std::uint64_t size, std::string file) {
  return HeaderReader(in, size, std::move(file)).read();
}

}  // namespace rigsim::configs
