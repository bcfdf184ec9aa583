#include "configs/scenario_serving.h"

#include <fmt/format.h>

#include <filesystem>
#include <string_view>

namespace rigsim::configs {
namespace {

using workloads::ServingChoice;

constexpr double kLeastFactor = 1e-6;
constexpr double kMostFactor = 1e6;

/// A whole number from `least` to `most`, where there is one.
std::optional<std::int64_t> read_count(ObjectReader& map, std::string_view key, std::int64_t least,
                                       std::int64_t most) {
  const auto value = map.optional_value(key);
  if (!value) return std::nullopt;
  const auto number = value->as<std::int64_t>();
  if (number < least || number > most)
    value->fail(fmt::format("must be from {} to {}, got {}", least, most, number));
  return number;
}

double read_factor(ObjectReader& map, std::string_view key, double otherwise) {
  const auto value = map.optional_value(key);
  if (!value) return otherwise;
  const auto factor = value->as<double>();
  if (factor < kLeastFactor || factor > kMostFactor)
    value->fail(fmt::format("must be from {} to {}, got {}", kLeastFactor, kMostFactor, factor));
  return factor;
}

void read_traffic_map(ObjectReader& map, ScenarioTraffic& into) {
  TrafficSettings& settings = into.settings;
  TraceOptions& trace = settings.trace;
  into.text = map.required<std::string>("source");
  trace.requests = read_count(map, "requests", 1, workloads::kMostRequests);
  trace.from = map.optional<sim::Duration>("from", Zero::kAllowed);
  trace.to = map.optional<sim::Duration>("to", Zero::kAllowed);
  trace.skip_bad = map.value_or("skip_bad", false);
  trace.sort = map.value_or("sort", false);
  trace.spread = map.value_or("spread", false);
  trace.bytes_per_token = read_factor(map, "bytes_per_token", trace.bytes_per_token);
  settings.rate_scale = read_factor(map, "rate_scale", 1);
  settings.prompt_scale = read_factor(map, "prompt_scale", 1);
  settings.output_scale = read_factor(map, "output_scale", 1);
  into.truncate = map.value_or("truncate", false);
  map.finish();
}

std::optional<double> read_seconds(ObjectReader& map, std::string_view key) {
  const auto time = map.optional<sim::Duration>(key);
  return time ? std::optional(sim::to_seconds(*time)) : std::nullopt;
}

template <class T>
void write_optional(YamlWriter& out, std::string_view key, const std::optional<T>& value) {
  if (value) out.value(key, *value);
}

void write_switch(YamlWriter& out, std::string_view key, bool on) {
  if (on) out.value(key, on);
}

void write_factor(YamlWriter& out, std::string_view key, double factor, double usual = 1) {
  if (factor != usual) out.value(key, factor);
}

void write_time(YamlWriter& out, std::string_view key, const std::optional<sim::Duration>& time) {
  if (time) out.value(key, to_text(*time));
}

void write_seconds(YamlWriter& out, std::string_view key, const std::optional<double>& seconds) {
  if (seconds) out.value(key, to_text(sim::from_seconds(*seconds)));
}

}  // namespace

void read_scenario_traffic(const ValueReader& value, ScenarioTraffic& into) {
  into.place = value.place();
  into.settings.folder = std::filesystem::path(std::string(value.file())).parent_path();
  if (value.is_map()) {
    ObjectReader map = value.object();
    const ValueReader source = map.value("source");
    into.place = source.place();
    read_traffic_map(map, into);
  } else {
    into.text = value.as<std::string>();
  }
  if (!is_made_up(into.text)) return;  // a trace is read when it is served
  try {
    (void)parse_traffic_plan(into.text, into.settings);
  } catch (const ConfigError&) {
    throw;
  } catch (const std::invalid_argument& error) {
    throw ConfigError(into.place, error.what());
  }
}

void write_scenario_traffic(YamlWriter& out, const ScenarioTraffic& traffic) {
  if (traffic.text.empty()) return;
  const TrafficSettings& settings = traffic.settings;
  out.begin_map("traffic");
  out.value("source",
            is_made_up(traffic.text) ? traffic.text : (settings.folder / traffic.text).string());
  write_optional(out, "requests", settings.trace.requests);
  write_time(out, "from", settings.trace.from);
  write_time(out, "to", settings.trace.to);
  write_switch(out, "skip_bad", settings.trace.skip_bad);
  write_switch(out, "sort", settings.trace.sort);
  write_switch(out, "spread", settings.trace.spread);
  write_factor(out, "bytes_per_token", settings.trace.bytes_per_token,
               TraceOptions{}.bytes_per_token);
  write_factor(out, "rate_scale", settings.rate_scale);
  write_factor(out, "prompt_scale", settings.prompt_scale);
  write_factor(out, "output_scale", settings.output_scale);
  write_switch(out, "truncate", traffic.truncate);
  out.end();
}

ServingChoice read_serving_choice(const ValueReader& value) {
  using Most = workloads::MostOfServing;
  ObjectReader map = value.object();
  ServingChoice choice;
  if (const auto name = map.optional_value("batching"))
    choice.batching =
        name->checked([&] { return workloads::batching_named(name->as<std::string>()); });
  choice.max_sequences = read_count(map, "max_num_seqs", 1, Most::kSequences);
  choice.step_tokens = read_count(map, "max_num_batched_tokens", 1, Most::kTokens);
  choice.prefix_caching = map.optional<bool>("prefix_caching");
  if (const auto how = map.optional_value("sampling"))
    choice.sampling =
        how->checked([&] { return workloads::sampling_named(how->as<std::string>()); });
  choice.async_scheduling = map.optional<bool>("async_scheduling");
  choice.kv_blocks = read_count(map, "kv_blocks", 2, Most::kBlocks);
  choice.prefill_replicas = read_count(map, "prefill_replicas", 1, Most::kReplicas);
  choice.host_kv = map.optional<sim::Bytes>("host_kv");
  if (const auto name = map.optional_value("routing"))
    choice.routing =
        name->checked([&] { return workloads::routing_named(name->as<std::string>()); });
  if (const auto how = map.optional_value("speculative"))
    choice.speculative =
        how->checked([&] { return workloads::speculative_named(how->as<std::string>()); });
  choice.cold_start = map.value_or("cold_start", false);
  if (const auto level = map.optional_value("slo")) {
    ObjectReader limits = level->object();
    choice.level = {read_seconds(limits, "ttft"), read_seconds(limits, "tpot"),
                    read_seconds(limits, "e2e")};
    limits.finish();
  }
  map.finish();
  return choice;
}

void write_serving_choice(YamlWriter& out, const ServingChoice& choice) {
  if (!choice.any()) return;
  out.begin_map("serving");
  if (choice.batching) out.value("batching", workloads::text_of(*choice.batching));
  write_optional(out, "max_num_seqs", choice.max_sequences);
  write_optional(out, "max_num_batched_tokens", choice.step_tokens);
  write_optional(out, "prefix_caching", choice.prefix_caching);
  if (choice.sampling) out.value("sampling", workloads::name_of(*choice.sampling));
  write_optional(out, "async_scheduling", choice.async_scheduling);
  write_optional(out, "kv_blocks", choice.kv_blocks);
  write_optional(out, "prefill_replicas", choice.prefill_replicas);
  if (choice.host_kv) out.value("host_kv", to_text(*choice.host_kv));
  if (choice.routing) out.value("routing", workloads::name_of(*choice.routing));
  if (choice.speculative) out.value("speculative", workloads::text_of(*choice.speculative));
  write_switch(out, "cold_start", choice.cold_start);
  if (choice.level.any()) {
    out.begin_map("slo");
    write_seconds(out, "ttft", choice.level.ttft_s);
    write_seconds(out, "tpot", choice.level.tpot_s);
    write_seconds(out, "e2e", choice.level.e2e_s);
    out.end();
  }
  out.end();
}

}  // namespace rigsim::configs
