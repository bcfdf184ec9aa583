#include "cli/catalog_command.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/build_info.h"
#include "cli/catalog_json.h"
#include "cli/catalog_listing.h"
#include "cli/command_options.h"
#include "configs/device_yaml.h"
#include "configs/engine_file.h"
#include "configs/model_yaml.h"
#include "configs/nearest_name.h"
#include "configs/rig_yaml.h"

namespace rigsim::cli {
namespace {

using configs::Catalog;
using configs::Entry;
using configs::YamlWriter;
using Json = nlohmann::ordered_json;

/// The facts of an entry as its YAML definition, for those that a user can define too.
void write_facts(YamlWriter& out, const topology::Device& device) {
  configs::write_device(out, device);
}
void write_facts(YamlWriter& out, const topology::Rig& rig) { configs::write_rig(out, rig); }
void write_facts(YamlWriter& out, const workloads::Model& model) {
  configs::write_model(out, model);
}
void write_facts(YamlWriter& out, const topology::Host& host) {
  out.value("name", host.name);
  out.value("memory", configs::to_text(host.memory));
  out.value("memory_bandwidth", configs::to_text(host.memory_bandwidth));
  out.value("cores", host.cores);
  if (host.cpu) out.value("cpu", host.cpu->name);
}
void write_facts(YamlWriter& out, workloads::TensorType type) {
  out.value("name", workloads::info(type).name);
}
void write_facts(YamlWriter& out, const workloads::WeightsFormat& format) {
  out.value("name", format.name);
}

void write_facts(YamlWriter& out, workloads::KvFormat format) {
  out.value("name", workloads::info(format).name);
}
void write_facts(YamlWriter& out, const configs::EngineFile& engine) {
  out.value("name", engine.profile.name);
  out.value("version", engine.profile.version);
  for (const auto& [backend, builds] : engine.builds) {
    out.value(workloads::to_string(backend), builds);
  }
}

std::string about_lines(const configs::About& about) {
  std::string text;
  const auto line = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) text += wrapped(fmt::format("# {}: {}", key, value), "#   ");
  };
  for (const auto& [key, value] : about.facts) line(key, value);
  std::string aliases;
  for (const std::string& alias : about.aliases) {
    aliases += fmt::format("{}{}", aliases.empty() ? "" : ", ", alias);
  }
  line("aliases", aliases);
  line("notes", about.notes);
  line("source", about.source);
  line("date", about.date);
  line("confidence", about.confidence);
  return text;
}

template <class T>
std::string shown(const Entry<T>& entry) {
  YamlWriter out;
  write_facts(out, entry.value);
  return out.text() + about_lines(entry.about);
}

struct Wish {
  std::optional<std::string> name;  ///< one entry; none: the list
  bool json = false;
};

/// One kind of entry, so that all kinds can stand in one list.
struct Kind {
  std::string_view plural;
  std::string_view noun;
  std::size_t (*count)(const Catalog&);
  std::string (*say)(const Kind& kind, const Catalog& catalog, const Wish& wish,
                     const Console& console);
};

std::string document(const Json& json) { return json.dump(2) + '\n'; }

template <class T>
Entry<T> found(const Kind& kind, const Catalog&, std::span<const Entry<T>> entries,
               std::string_view name) {
  std::vector<std::string> names;
  for (const Entry<T>& entry : entries) {
    std::vector<std::string> own = entry.about.aliases;
    own.insert(own.begin(), entry.about.name);
    for (const std::string& candidate : own) {
      if (configs::normalised(candidate) == configs::normalised(name)) return entry;
    }
    names.insert(names.end(), own.begin(), own.end());
  }
  const std::string hint = configs::did_you_mean(name, names, 3);
  throw configs::ConfigError(
      {}, fmt::format("unknown {} {}{} \"rigsim catalog {}\" lists all", kind.noun,
                      configs::in_quotes(name), hint.empty() ? ";" : hint, kind.plural));
}

/// An entry for something that a name or file stands for without being listed.
template <class T>
Entry<T> unlisted(T value, std::string_view name) {
  configs::About about;
  about.name = name;
  about.title = name;
  about.source = configs::is_file_name(name) ? name : "built from the catalogue's devices";
  return {std::move(value), std::move(about)};
}

Entry<topology::Device> found(const Kind&, const Catalog& catalog,
                              std::span<const Entry<topology::Device>>, std::string_view name) {
  if (const auto* entry = catalog.find_device(name)) return *entry;
  throw configs::ConfigError({}, catalog.unknown_device(name));
}

Entry<topology::Rig> found(const Kind&, const Catalog& catalog,
                           std::span<const Entry<topology::Rig>>, std::string_view name) {
  if (const auto* entry = catalog.find_rig(name)) return *entry;
  return unlisted(catalog.rig(name), name);
}

Entry<workloads::Model> found(const Kind&, const Catalog& catalog,
                              std::span<const Entry<workloads::Model>>, std::string_view name) {
  if (const auto* entry = catalog.find_model(name)) return *entry;
  return unlisted(catalog.model(name), name);
}

template <class T>
std::string say_of(const Kind& kind, const Catalog& catalog, std::span<const Entry<T>> entries,
                   const Wish& wish, const Console& console) {
  if (wish.name) {
    const Entry<T> entry = found(kind, catalog, entries, *wish.name);
    return wish.json ? document(to_json(entry)) : shown(entry);
  }
  if (!wish.json) return to_text(listing(entries), console);
  Json list = Json::array();
  for (const Entry<T>& entry : entries) list.push_back(to_json(entry));
  return document({{"version", build_info().version},
                   {"commit", build_info().commit},
                   {std::string(kind.plural), std::move(list)}});
}

/// `Entries` gives the entries of a kind: a member of Catalog, or a function of it.
template <auto Entries>
constexpr Kind kind_of(std::string_view plural, std::string_view noun) {
  return {plural, noun,
          [](const Catalog& catalog) { return std::size(std::invoke(Entries, catalog)); },
          [](const Kind& kind, const Catalog& catalog, const Wish& wish, const Console& console) {
            const auto entries = std::invoke(Entries, catalog);
            return say_of(kind, catalog, std::span(entries), wish, console);
          }};
}

/// The engines that ship.
std::vector<Entry<configs::EngineFile>> engines(const Catalog&) {
  std::vector<Entry<configs::EngineFile>> entries;
  for (const std::string& name : configs::engine_names()) {
    configs::EngineFile engine = configs::engine_named(name);
    configs::About about = engine.about;
    entries.push_back({std::move(engine), std::move(about)});
  }
  return entries;
}

constexpr std::array kKinds = {
    kind_of<&Catalog::devices>("devices", "device"),
    kind_of<&Catalog::rigs>("rigs", "rig"),
    kind_of<&Catalog::hosts>("hosts", "host"),
    kind_of<&Catalog::models>("models", "model"),
    kind_of<&Catalog::weights_formats>("weights", "weights format"),
    kind_of<&Catalog::kv_formats>("kv-formats", "KV format"),
    kind_of<&engines>("engines", "engine"),
    kind_of<&Catalog::tensor_types>("tensor-types", "tensor type"),
};

const Kind& kind_named(const std::string& name) {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) {
    if (name == kind.plural || name == kind.noun) return kind;
    names.emplace_back(kind.plural);
  }
  throw configs::ConfigError(
      {}, fmt::format(
              "unknown kind {}{} allowed: {}", configs::in_quotes(name),
              configs::did_you_mean(name, names).empty() ? ";" : configs::did_you_mean(name, names),
              fmt::join(names, ", ")));
}

Answer overview(const Catalog& catalog, bool json, const Console& console) {
  Json counts = Json::object();
  Table table{{{"kind"}, {"entries", Align::kRight}, {"lists them"}}, {}};
  for (const Kind& kind : kKinds) {
    const std::size_t count = kind.count(catalog);
    counts[std::string(kind.plural)] = count;
    table.rows.push_back({std::string(kind.plural), fmt::format("{}", count),
                          fmt::format("rigsim catalog {}", kind.plural)});
  }
  if (json) {
    return {.text = document({{"version", build_info().version},
                              {"commit", build_info().commit},
                              {"entries", std::move(counts)}})};
  }
  return {.text = to_text(table, console)};
}

Answer run(const ParsedOptions& options, const Console& console) {
  const Catalog catalog = Catalog::load(options.text("catalog"));
  const bool json = options.has("json");
  const std::vector<std::string>& words = options.arguments();
  if (words.empty()) return overview(catalog, json, console);
  const Kind& kind = kind_named(words[0]);
  const Wish wish{words.size() > 1 ? std::optional(words[1]) : std::nullopt, json};
  return {.text = kind.say(kind, catalog, wish, console)};
}

}  // namespace

Command catalog_command() {
  return {.name = "catalog",
          .summary = "list and show devices, rigs, models, weights formats and engines",
          .usage = "[KIND [NAME]] [--json]",
          .about =
              "Without words: how many entries of each kind there are. With a KIND: the list. "
              "With a NAME: everything known of it and its source, as YAML that can be copied "
              "into a file of your own.",
          .examples =
              "  rigsim catalog devices\n  rigsim catalog devices rtx-4090\n"
              "  rigsim catalog models llama-3-70b --json",
          .options = {{"catalog", "DIR", "also read the YAML files of this directory"},
                      {"json", "", "one JSON document instead of a table"}},
          .arguments = {"KIND", "NAME"},
          .run = run};
}

}  // namespace rigsim::cli
