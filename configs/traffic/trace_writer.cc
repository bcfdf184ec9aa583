#include "configs/traffic/trace_writer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <span>
#include <stdexcept>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

using workloads::Traffic;
using workloads::TrafficRequest;

constexpr std::int64_t kMooncakeBlock = 512;
constexpr std::int64_t kPsPerNs = 1000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

using Out = std::back_insert_iterator<std::string>;

std::int64_t ns_of(const TrafficRequest& request) {
  return request.arrival.time_since_epoch().count() / kPsPerNs;
}

void end_object(Out out, const TrafficRequest& request) {
  if (request.priority != 0) fmt::format_to(out, ", \"priority\": {}", request.priority);
  fmt::format_to(out, "}}\n");
}

void write_mooncake(Out out, const Traffic& traffic, const TrafficRequest& request) {
  const std::int64_t ns = ns_of(request);
  fmt::format_to(out, "{{\"timestamp\": {}", ns / 1'000'000);
  if (ns % 1'000'000 != 0) fmt::format_to(out, ".{:06}", ns % 1'000'000);
  fmt::format_to(out, ", \"input_length\": {}, \"output_length\": {}", request.prompt_tokens,
                 request.output_tokens);
  if (traffic.hash_block_tokens > 0) {
    const std::span<const std::uint64_t> hashes(traffic.prefix_hashes);
    fmt::format_to(out, ", \"hash_ids\": [{}]",
                   fmt::join(hashes.subspan(request.first_hash, request.hash_count), ", "));
  }
  end_object(out, request);
}

void write_llm_serving_sim(Out out, const Traffic&, const TrafficRequest& request) {
  fmt::format_to(out, "{{\"input_toks\": {}, \"output_toks\": {}, \"arrival_time_ns\": {}",
                 request.prompt_tokens, request.output_tokens, ns_of(request));
  end_object(out, request);
}

void write_azure(Out out, const Traffic&, const TrafficRequest& request) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const std::int64_t ns = ns_of(request);
  const seconds whole(ns / kNsPerSecond);
  const auto day = duration_cast<days>(whole);
  const year_month_day date(sys_days(year(2000) / January / 1) + day);
  fmt::format_to(out, "{:04}-{:02}-{:02} {:%H:%M:%S}.{:07},{},{}\n", static_cast<int>(date.year()),
                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                 whole - day, ns % kNsPerSecond / 100, request.prompt_tokens,
                 request.output_tokens);
}

void write_burst_gpt(Out out, const Traffic&, const TrafficRequest& request) {
  const std::int64_t ns = ns_of(request);
  fmt::format_to(out, "{}.{:09},rigsim,{},{},{},API log\n", ns / kNsPerSecond, ns % kNsPerSecond,
                 request.prompt_tokens, request.output_tokens,
                 request.prompt_tokens + request.output_tokens);
}

struct WrittenForm {
  std::string_view name;
  std::string_view header;
  void (*write)(Out, const Traffic&, const TrafficRequest&);
};

constexpr std::array kForms = {
    WrittenForm{"mooncake", "", write_mooncake},
    WrittenForm{"llmservingsim", "", write_llm_serving_sim},
    WrittenForm{"azure", "TIMESTAMP,ContextTokens,GeneratedTokens\n", write_azure},
    WrittenForm{"burstgpt",
                "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n",
                write_burst_gpt},
};

const WrittenForm& form_named(std::string_view name) {
  for (const WrittenForm& form : kForms) {
    if (form.name == name) return form;
  }
  throw std::invalid_argument(
      fmt::format("must be mooncake, llmservingsim, azure or burstgpt, got {}", in_quotes(name)));
}

}  // namespace

std::string write_trace(const Traffic& traffic, std::string_view form_name) {
  const WrittenForm& form = form_named(form_name);
  if (traffic.closed_loop) {
    throw std::invalid_argument("a closed loop has no arrivals; a trace needs them");
  }
  const std::int64_t block = traffic.hash_block_tokens;
  if (form.name == "mooncake" && block != 0 && block != kMooncakeBlock) {
    throw std::invalid_argument(
        fmt::format("prefixes in blocks of {} tokens do not fit Mooncake's 512", block));
  }
  std::string text(form.header);
  for (const TrafficRequest& request : traffic.requests) {
    form.write(std::back_inserter(text), traffic, request);
  }
  return text;
}

}  // namespace rigsim::configs
