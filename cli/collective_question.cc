#include "cli/collective_question.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>

#include "cli/collective_sizes.h"
#include "configs/catalog.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"

namespace rigsim::cli {
namespace {

using topology::CollectiveLibrary;
using topology::LaunchMode;

/// The value whose name is `text`; "-" for "_" and any case will do.
template <class Values>
auto named(std::string_view what, std::string text, const Values& values) {
  for (char& c : text)
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::vector<std::string> names;
  for (const auto value : values) {
    if (to_string(value) == text) return value;
    names.emplace_back(to_string(value));
  }
  throw std::invalid_argument(fmt::format("unknown {} \"{}\"{}; allowed: {}", what, text,
                                          configs::did_you_mean(text, names),
                                          fmt::join(names, ", ")));
}

template <class Values>
auto option(const ParsedOptions& options, std::string_view name, const Values& values)
    -> std::optional<typename Values::value_type> {
  const auto text = options.text(name);
  if (!text) return std::nullopt;
  return options.checked(name, [&] { return named(name, *text, values); });
}

std::vector<std::uint32_t> read_devices(const std::string& text, const topology::Rig& rig) {
  std::vector<std::uint32_t> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const auto device = configs::parse_count(std::string_view(text).substr(at, comma - at));
    if (device >= static_cast<std::int64_t>(rig.devices.size()))
      throw std::invalid_argument(
          fmt::format("no device {}; {} has {}", device, rig.name, rig.devices.size()));
    if (std::ranges::find(out, static_cast<std::uint32_t>(device)) != out.end())
      throw std::invalid_argument(fmt::format("device {} stands twice", device));
    out.push_back(static_cast<std::uint32_t>(device));
    at = comma + 1;
  }
  if (out.size() < 2) throw std::invalid_argument("a collective needs at least two devices");
  return out;
}

std::vector<std::uint32_t> devices_of(const ParsedOptions& options, const topology::Rig& rig) {
  if (const auto text = options.text("devices"))
    return options.checked("devices", [&] { return read_devices(*text, rig); });
  std::vector<std::uint32_t> all(rig.devices.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

void check_combination(const CollectiveQuestion& question) {
  if (question.devices.size() % question.groups != 0)
    throw configs::ConfigError({{}, 0, 0, "--groups"},
                               fmt::format("{} devices do not make {} groups of the same size",
                                           question.devices.size(), question.groups));
  if (question.groups > 1 && question.devices.size() == question.groups)
    throw configs::ConfigError({{}, 0, 0, "--groups"},
                               fmt::format("{} devices make {} groups of one; a collective needs "
                                           "at least two",
                                           question.devices.size(), question.groups));
  if (question.groups > 1 && question.library == CollectiveLibrary::kVllm)
    throw configs::ConfigError({{}, 0, 0, "--groups"}, "groups at once are known for nccl only");
  if (question.library == CollectiveLibrary::kVllm && (question.algorithm || question.protocol))
    throw configs::ConfigError({{}, 0, 0, "--library"},
                               "vllm chooses for itself; --algorithm and --protocol are NCCL's");
}

}  // namespace

std::vector<topology::CollectiveRequest> CollectiveQuestion::requests(sim::Bytes size) const {
  std::vector<topology::CollectiveRequest> out;
  const auto ranks = static_cast<std::ptrdiff_t>(devices.size() / groups);
  for (auto first = devices.begin(); first != devices.end(); first += ranks)
    out.push_back({kind, {first, first + ranks}, size});
  return out;
}

CollectiveQuestion collective_question(const ParsedOptions& options) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  CollectiveQuestion out;
  out.kind = options.checked("KIND", [&] {
    return named("collective", options.arguments().front(), topology::kCollectiveKinds);
  });
  const std::string rig = options.needed("rig");
  out.rig = options.checked("rig", [&] { return catalog.rig(rig); });
  out.devices = devices_of(options, out.rig);
  const auto factor = options.count("factor", 2, 1'000'000).value_or(2);
  const std::string sizes = options.text("sizes").value_or("512B-512MB");
  out.sizes = options.checked("sizes", [&] { return parse_sizes(sizes, factor); });
  out.library =
      option(options, "library", topology::kCollectiveLibraries).value_or(CollectiveLibrary::kNccl);
  out.launch = option(options, "launch", topology::kLaunchModes).value_or(LaunchMode::kGraph);
  out.algorithm = option(options, "algorithm", topology::kAlgorithms);
  out.protocol = option(options, "protocol", topology::kProtocols);
  out.groups = static_cast<std::size_t>(options.count("groups", 1, 1024).value_or(1));
  check_combination(out);
  return out;
}

}  // namespace rigsim::cli
