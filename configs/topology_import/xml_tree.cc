#include "configs/topology_import/xml_tree.h"

#include <expat.h>
#include <fmt/format.h>

#include <memory>
#include <new>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

struct Freer {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};
using Parser = std::unique_ptr<XML_ParserStruct, Freer>;

/// Builds the tree while Expat reports. An exception must not cross C code: a refusal is kept, and
/// the parser stopped.
class Builder {
 public:
  Builder(const ImportFile& file, const XmlLimits& limits)
      : file_(file), limits_(limits), parser_(XML_ParserCreate("UTF-8")) {
    if (!parser_) throw std::bad_alloc();
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), begin, end);
    XML_SetCharacterDataHandler(parser_.get(), characters);
    XML_SetEntityDeclHandler(parser_.get(), entity);
    XML_SetHashSalt(parser_.get(), 1);  // the same input costs the same time in every run
  }

  XmlElement parse() {
    constexpr std::size_t kPiece = std::size_t{1} << 20;
    for (std::size_t at = 0;; at += kPiece) {
      const std::string_view piece = std::string_view(file_.text).substr(at, kPiece);
      const bool last = at + piece.size() == file_.text.size();
      const auto status =
          XML_Parse(parser_.get(), piece.data(), static_cast<int>(piece.size()), last ? 1 : 0);
      if (!refusal_.empty()) fail_unreadable(file_, line(), refusal_);
      if (status != XML_STATUS_OK) fail_syntax();
      if (last) return std::move(root_);
    }
  }

 private:
  static Builder& self(void* data) { return *static_cast<Builder*>(data); }

  [[nodiscard]] int line() const {
    return static_cast<int>(XML_GetCurrentLineNumber(parser_.get()));
  }

  void refuse(std::string why) {
    if (!refusal_.empty()) return;
    refusal_ = std::move(why);
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  /// Runs one report; what it throws (memory) stops the parser.
  template <class F>
  void guarded(F&& report) noexcept {
    if (!refusal_.empty()) return;
    try {
      report();
    } catch (...) {
      refusal_ = "out of memory";
      XML_StopParser(parser_.get(), XML_FALSE);
    }
  }

  static void XMLCALL begin(void* data, const XML_Char* name, const XML_Char** attributes) {
    self(data).guarded([&] { self(data).open(name, attributes); });
  }
  static void XMLCALL end(void* data, const XML_Char*) {
    self(data).guarded([&] { self(data).open_.pop_back(); });
  }
  static void XMLCALL characters(void* data, const XML_Char* text, int length) {
    self(data).guarded([&] { self(data).add_text({text, static_cast<std::size_t>(length)}); });
  }
  static void XMLCALL entity(void* data, const XML_Char*, int, const XML_Char*, int,
                             const XML_Char*, const XML_Char*, const XML_Char*, const XML_Char*) {
    self(data).guarded([&] { self(data).refuse("declares an entity; topology files have none"); });
  }

  void open(const XML_Char* name, const XML_Char** attributes) {
    if (open_.size() == static_cast<std::size_t>(limits_.depth))
      return refuse(fmt::format("more than {} elements within each other", limits_.depth));
    if (++elements_ > limits_.elements)
      return refuse(fmt::format("more than {} elements", limits_.elements));
    XmlElement element{name, line(), {}, {}, {}};
    for (; attributes[0] != nullptr; attributes += 2) {
      if (element.attributes.size() == limits_.attributes)
        return refuse(fmt::format("an element of more than {} attributes", limits_.attributes));
      element.attributes.emplace_back(attributes[0], attributes[1]);
      constexpr std::size_t kOverhead = 8;  // an empty one takes memory too
      count(kOverhead + element.attributes.back().first.size() +
            element.attributes.back().second.size());
    }
    count(element.name.size());
    if (open_.empty()) {
      root_ = std::move(element);
      open_.push_back(&root_);
    } else {
      // Pointers to elements above stay good: only the innermost one's children move.
      open_.back()->children.push_back(std::move(element));
      open_.push_back(&open_.back()->children.back());
    }
  }

  void add_text(std::string_view text) {
    if (open_.empty()) return;
    count(text.size());
    open_.back()->text += text;
  }

  void count(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ > limits_.text) refuse(fmt::format("more than {} bytes of text", limits_.text));
  }

  [[noreturn]] void fail_syntax() {
    const XML_Error error = XML_GetErrorCode(parser_.get());
    if (error == XML_ERROR_NO_MEMORY) throw std::bad_alloc();
    const bool at_end = error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN ||
                        error == XML_ERROR_PARTIAL_CHAR ||
                        error == XML_ERROR_UNCLOSED_CDATA_SECTION;
    const std::string open = open_.empty() ? std::string()
                                           : fmt::format(", <{}> of line {} is still open",
                                                         open_.back()->name, open_.back()->line);
    fail_unreadable(file_, line(),
                    at_end ? fmt::format("is cut short: the XML ends{}", open)
                           : fmt::format("is not XML: {}", XML_ErrorString(error)));
  }

  const ImportFile& file_;
  XmlLimits limits_;
  Parser parser_;
  XmlElement root_;
  std::vector<XmlElement*> open_;
  std::size_t elements_ = 0;
  std::size_t bytes_ = 0;
  std::string refusal_;
};

}  // namespace

std::string_view XmlElement::attribute(std::string_view key) const {
  for (const auto& [found, value] : attributes)
    if (found == key) return value;
  return {};
}

bool looks_like_xml(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '<';
}

XmlElement parse_xml(const ImportFile& file, const XmlLimits& limits) {
  return Builder(file, limits).parse();
}

}  // namespace rigsim::configs
