#include "cli/collective_accuracy_output.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "analysis/collective_accuracy.h"
#include "analysis/output_error.h"
#include "cli/build_info.h"
#include "cli/table.h"
#include "configs/collective_profile.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using analysis::CollectiveErrors;

Json document(const std::vector<CollectiveErrors>& errors) {
  Json json{{"version", build_info().version}, {"commit", build_info().commit}};
  for (const CollectiveErrors& row : errors)
    json["rows"].push_back({{"machine", row.machine},
                            {"method", to_string(row.method)},
                            {"ranks", row.ranks},
                            {"points", row.errors.count},
                            {"median", row.errors.median},
                            {"p90", row.errors.p90},
                            {"worst", row.errors.worst},
                            {"bias", row.errors.bias}});
  return json;
}

std::string text(const std::vector<CollectiveErrors>& errors, const Console& console) {
  Table table{{{"machine"},
               {"method"},
               {"points", Align::kRight},
               {"median", Align::kRight},
               {"p90", Align::kRight},
               {"worst", Align::kRight}},
              {}};
  for (const CollectiveErrors& row : errors)
    table.rows.push_back(
        {row.machine,
         row.ranks == 0 ? std::string(to_string(row.method))
                        : fmt::format("{} GPUs {}", row.ranks, to_string(row.method)),
         fmt::format("{}", row.errors.count), fmt::format("{:.1f} %", 100 * row.errors.median),
         fmt::format("{:.1f} %", 100 * row.errors.p90),
         fmt::format("{:.1f} %", 100 * row.errors.worst)});
  return to_text(table, console);
}

void write(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (!file) throw analysis::OutputError(path, std::strerror(errno));
}

}  // namespace

Answer collective_accuracy(const ParsedOptions& options, const Console& console) {
  const auto catalog = configs::Catalog::load();
  const bool again = options.arguments().front() == "fit";
  const auto profile =
      again ? analysis::fit_collectives(configs::unfitted_collective_profile(), catalog)
            : configs::collective_profile();
  std::string written;
  if (const auto path = options.text("output"); path && again) {
    write(*path, configs::to_yaml_fits(profile));
    written = "wrote " + *path + '\n';
  }
  const auto errors = analysis::collective_errors(profile, catalog);
  if (options.has("json")) return {document(errors).dump(2) + '\n'};
  return {text(errors, console) + written};
}

}  // namespace rigsim::cli
