#include "configs/json_text.h"

#include <fmt/format.h>

#include <stdexcept>

#include "configs/config_error.h"
#include "configs/utf8.h"

namespace rigsim::configs {

std::string json_text(std::string_view text) {
  if (first_bad_utf8(text)) {
    throw std::invalid_argument(fmt::format("a name is not UTF-8: {}", in_quotes(text)));
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace rigsim::configs
