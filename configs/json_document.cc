#include "configs/json_document.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

/// "parse error at line 3, column 5: ..." without nlohmann's own prefix and its copy of the text.
std::string reason(std::string_view what) {
  const auto start = what.find("] ");
  if (start != std::string_view::npos) what.remove_prefix(start + 2);
  return std::string(what.substr(0, what.find("; last read")));
}

/// Escapes of half a character pair ("\ud83d") are no characters to a YAML parser: each becomes a
/// "?", of the same length so that columns stay.
std::string without_surrogates(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i + 5 < out.size(); ++i) {
    if (out[i] != '\\') continue;
    const bool surrogate =
        out[i + 1] == 'u' && (out[i + 2] == 'd' || out[i + 2] == 'D') &&
        std::string_view("89abcdefABCDEF").find(out[i + 3]) != std::string_view::npos;
    if (surrogate) out.replace(i + 2, 4, "003f");
    ++i;
  }
  return out;
}

}  // namespace

YamlDocument parse_json(std::string_view text, std::string file) {
  try {
    [[maybe_unused]] const nlohmann::json checked = nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    const bool at_end = error.byte + 1 >= text.size();
    throw UnreadableInput(
        std::move(file),
        fmt::format("{}: {}", at_end ? "truncated JSON" : "not valid JSON", reason(error.what())));
  } catch (const nlohmann::json::exception& error) {  // a number beyond a double
    throw UnreadableInput(std::move(file), fmt::format("not valid JSON: {}", reason(error.what())));
  }
  return parse_yaml(without_surrogates(text), std::move(file));
}

}  // namespace rigsim::configs
