#include "workloads/serving/batching.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

namespace rigsim::workloads {
namespace {

constexpr std::array<std::string_view, 8> kNames{"vllm-v1", "vllm-v0", "sarathi",   "orca",
                                                 "static",  "sglang",  "llama.cpp", "tgi"};

/// One option of a policy, by the text behind its "=" (empty: there is none).
struct Option {
  std::string_view name;
  std::function<void(std::string_view value)> set;
  std::function<std::optional<std::string>()> get;  ///< none: it is not given
};
using Options = std::vector<Option>;

[[noreturn]] void refuse(std::string_view value, const std::string& allowed) {
  throw std::invalid_argument("must be " + allowed + ", got \"" + std::string(value) + "\"");
}

/// `unit` as " GiB".
template <class Number>
Number number_of(std::string_view text, Number low, Number high, std::string_view unit) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= low && value <= high))
    refuse(text,
           ("a number from " + std::to_string(low) + " to " + std::to_string(high)).append(unit));
  return value;
}

template <class Number>
Option number(std::string_view name, Number& into, Number low, Number high,
              std::string_view unit = {}) {
  return {name,
          [&into, low, high, unit](std::string_view value) {
            into = number_of<Number>(value, low, high, unit);
          },
          [&into] {
            std::array<char, 32> text{};
            const auto end = std::to_chars(text.data(), text.data() + text.size(), into).ptr;
            return std::optional(std::string(text.data(), end));
          }};
}

Option flag(std::string_view name, bool& into) {
  return {name,
          [&into](std::string_view value) {
            if (!value.empty()) refuse(value, "given without a value");
            into = true;
          },
          [&into] { return into ? std::optional(std::string()) : std::nullopt; }};
}

constexpr std::int64_t kMostTokens = 100'000'000;
constexpr double kLeastGib = 0.001;
constexpr double kMostGib = 1e6;

struct OptionsOf {
  Options operator()(VllmV1Batching& b) const {
    return {flag("priority", b.by_priority),
            number<std::int64_t>("long-prefill-tokens", b.long_prefill_tokens, 1, kMostTokens)};
  }
  Options operator()(VllmV0Batching& b) const {
    return {number("watermark", b.watermark, 0.0, 0.5), flag("swap", b.swap),
            number("swap-gib", b.swap_gib, kLeastGib, kMostGib, " GiB")};
  }
  Options operator()(SarathiBatching& b) const {
    return {number("watermark", b.watermark, 0.0, 0.5)};
  }
  Options operator()(OrcaBatching& /*b*/) const { return {}; }
  Options operator()(StaticBatching& /*b*/) const { return {}; }
  Options operator()(SglangBatching& b) const {
    return {flag("lpm", b.longest_prefix_first),
            number("conservativeness", b.conservativeness, 0.01, 100.0),
            number<std::int64_t>("max-prefill-tokens", b.prefill_tokens, 1, kMostTokens)};
  }
  Options operator()(LlamaCppBatching& b) const {
    return {number("similarity", b.similarity, 0.0, 1.0)};
  }
  Options operator()(TgiBatching& b) const {
    return {number("waiting-served-ratio", b.waiting_served_ratio, 0.0, 1000.0),
            number<std::int64_t>("max-waiting-tokens", b.max_waiting_tokens, 0, kMostTokens)};
  }
};

std::string joined(const auto& things, auto name) {
  std::string text;
  for (const auto& each : things) text.append(text.empty() ? "" : ", ").append(name(each));
  return text;
}

/// `text` up to the next `mark`, which it moves behind.
std::string_view cut(std::string_view& text, char mark) {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return head;
}

void set_option(const Options& options, std::string_view name, std::string_view text) {
  const std::string_view key = cut(text, '=');
  for (const Option& option : options) {
    if (option.name != key) continue;
    try {
      option.set(text);
    } catch (const std::invalid_argument& problem) {
      throw std::invalid_argument(std::string(key) + " " + problem.what());
    }
    return;
  }
  const std::string allowed = joined(options, [](const Option& each) { return each.name; });
  throw std::invalid_argument(std::string(name) + " has no option \"" + std::string(key) + "\"" +
                              (allowed.empty() ? "" : "; allowed are " + allowed));
}

/// Options that say nothing without another one.
void check(const Batching& batching) {
  const auto* v0 = std::get_if<VllmV0Batching>(&batching);
  if (v0 != nullptr && !v0->swap && v0->swap_gib != VllmV0Batching{}.swap_gib)
    throw std::invalid_argument("swap-gib goes with swap: vllm-v0:swap,swap-gib=N");
}

}  // namespace

std::string_view name_of(const Batching& batching) { return kNames[batching.index()]; }

Batching batching_named(std::string_view text) {
  const std::array<Batching, kNames.size()> all{
      VllmV1Batching{}, VllmV0Batching{}, SarathiBatching{},  OrcaBatching{},
      StaticBatching{}, SglangBatching{}, LlamaCppBatching{}, TgiBatching{}};
  const std::string_view name = cut(text, ':');
  for (Batching each : all) {
    if (name_of(each) != name) continue;
    const Options options = std::visit(OptionsOf{}, each);
    while (!text.empty()) set_option(options, name, cut(text, ','));
    check(each);
    return each;
  }
  throw std::invalid_argument("batching \"" + std::string(name) + "\" is not one of " +
                              joined(kNames, [](std::string_view each) { return each; }));
}

std::string text_of(Batching batching) {
  Batching plain = batching_named(name_of(batching));
  const Options options = std::visit(OptionsOf{}, batching);
  const Options defaults = std::visit(OptionsOf{}, plain);
  std::string text(name_of(batching));
  char mark = ':';
  for (std::size_t i = 0; i < options.size(); ++i) {
    const auto value = options[i].get();
    if (value == defaults[i].get()) continue;
    text.append(1, std::exchange(mark, ',')).append(options[i].name);
    if (!value->empty()) text.append("=").append(*value);
  }
  return text;
}

void require_prompt_pools(const Batching& batching) {
  if (std::holds_alternative<VllmV1Batching>(batching)) return;
  throw std::invalid_argument("separate replicas for prompts are modelled with vllm-v1, not with " +
                              std::string(name_of(batching)));
}

void require_speculation(const Batching& batching) {
  if (!std::holds_alternative<VllmV1Batching>(batching))
    throw std::invalid_argument(
        "speculative decoding is modelled with vllm-v1 batching, not with " +
        std::string(name_of(batching)));
}

void validate(const BatchLimits& limits) {
  const auto at_least_one = [](const char* what, std::int64_t value) {
    if (value < 1)
      throw std::invalid_argument(std::string(what) + " must be >= 1, got " +
                                  std::to_string(value));
  };
  at_least_one("max_sequences", limits.max_sequences);
  at_least_one("step_tokens", limits.step_tokens);
  at_least_one("kv_blocks", limits.kv_blocks);
  at_least_one("kv_block_tokens", limits.kv_block_tokens);
  validate(limits.speculation);
}

}  // namespace rigsim::workloads
