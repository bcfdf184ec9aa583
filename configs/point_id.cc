#include "configs/point_id.h"

#include <fmt/format.h>

#include <boost/uuid/detail/sha1.hpp>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "configs/catalog.h"
#include "configs/input_file.h"

namespace rigsim::configs {
namespace {

using Sha1 = boost::uuids::detail::sha1;

/// With its length, so that no two sequences of texts run together alike.
void add(Sha1& sha, std::string_view text) {
  const std::string length = fmt::format("{}:", text.size());
  sha.process_bytes(length.data(), length.size());
  sha.process_bytes(text.data(), text.size());
}

constexpr std::uint64_t kMostFileBytes = std::uint64_t{16} << 30U;

/// The files that the scenario only names: what they say is part of the point, too.
std::vector<std::filesystem::path> named_files(SweepRun run, const Scenario& scenario) {
  std::vector<std::filesystem::path> files;
  if (is_file_name(scenario.engine)) {
    const std::filesystem::path facts(scenario.engine);
    files.push_back(facts);
    files.push_back(facts.parent_path() / (facts.stem().string() + ".fit.yaml"));
  }
  if (run != SweepRun::kServe) return files;
  const ScenarioTraffic& traffic = scenario.traffic;
  constexpr std::string_view kLengths = "lengths=";
  const std::size_t lengths = traffic.text.find(kLengths);
  if (!is_made_up(traffic.text)) {
    files.push_back(traffic.settings.folder / traffic.text);
  } else if (lengths != std::string::npos) {
    const std::string rest = traffic.text.substr(lengths + kLengths.size());
    files.push_back(traffic.settings.folder / rest.substr(0, rest.find(',')));
  }
  const auto& speculative = scenario.serving.speculative;
  if (speculative && is_file_name(speculative->draft)) files.emplace_back(speculative->draft);
  return files;
}

}  // namespace

std::uint64_t point_id(SweepRun run, const Scenario& scenario, std::string_view own_catalog) {
  Sha1 sha;
  add(sha, to_string(run));
  add(sha, to_yaml(scenario));
  add(sha, own_catalog);
  for (const std::filesystem::path& file : named_files(run, scenario)) {
    if (std::filesystem::exists(file)) add(sha, read_whole_file(file, kMostFileBytes));
  }
  Sha1::digest_type digest;
  sha.get_digest(digest);
  return (std::uint64_t{digest[0]} << 32U) | digest[1];
}

std::string id_text(std::uint64_t id) { return fmt::format("{:016x}", id); }

}  // namespace rigsim::configs
