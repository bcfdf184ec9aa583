#include "workloads/serving/speculative_choice.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

constexpr std::int64_t kMostDrafts = 64;
constexpr std::string_view kForm =
    "draft=MODEL,tokens=K,acceptance=A with draft-weights=FORMAT, or ngram,tokens=K,acceptance=A";

[[noreturn]] void refuse(std::string_view key, std::string_view value, const std::string& allowed) {
  throw std::invalid_argument(std::string(key) + " must be " + allowed + ", got \"" +
                              std::string(value) + "\"");
}

/// `text` up to the next `mark`, which it moves behind.
std::string_view cut(std::string_view& text, char mark) {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return head;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::int64_t tokens_of(std::string_view text) {
  const auto tokens = number_of<std::int64_t>(text);
  if (!tokens || *tokens < 1 || *tokens > kMostDrafts)
    refuse("tokens", text, "a number from 1 to " + std::to_string(kMostDrafts));
  return *tokens;
}

std::vector<double> acceptance_of(std::string_view text) {
  std::vector<double> rates;
  for (std::string_view rest = text; !rest.empty() || rates.empty();) {
    const auto rate = number_of<double>(cut(rest, '/'));
    if (!rate || !(*rate >= 0 && *rate <= 1))
      refuse("acceptance", text, "rates from 0 to 1, one or one for each token, as 0.8/0.7/0.6");
    rates.push_back(*rate);
  }
  return rates;
}

void check(const SpeculativeChoice& choice, bool ngram) {
  if (choice.draft.empty() != ngram)
    throw std::invalid_argument(ngram ? "is either ngram or draft=MODEL"
                                      : "needs draft=MODEL or ngram: " + std::string(kForm));
  if (ngram && !choice.draft_weights.empty())
    throw std::invalid_argument("draft-weights goes with draft=MODEL");
  if (choice.tokens == 0)
    throw std::invalid_argument("needs tokens=K: how many are drafted for each sequence and step");
  if (choice.acceptance.empty())
    throw std::invalid_argument(
        "needs acceptance=A: the chance that a drafted token is accepted where those in front of "
        "it are; it depends on both models and on the text, so that there is no default");
  const auto rates = std::ssize(choice.acceptance);
  if (rates != 1 && rates != choice.tokens)
    throw std::invalid_argument("acceptance must be one rate, or one for each of the " +
                                std::to_string(choice.tokens) + " tokens, got " +
                                std::to_string(rates));
}

std::string shortest(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace

SpeculativeChoice speculative_named(std::string_view text) {
  SpeculativeChoice choice;
  bool ngram = false;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view value = cut(rest, ',');
    const std::string_view key = cut(value, '=');
    if (key == "ngram" && value.empty()) {
      ngram = true;
    } else if (key == "draft" && !value.empty()) {
      choice.draft = value;
    } else if (key == "draft-weights" && !value.empty()) {
      choice.draft_weights = value;
    } else if (key == "tokens") {
      choice.tokens = tokens_of(value);
    } else if (key == "acceptance") {
      choice.acceptance = acceptance_of(value);
    } else {
      throw std::invalid_argument("does not know \"" + std::string(key) + "\"; allowed are " +
                                  std::string(kForm));
    }
  }
  check(choice, ngram);
  return choice;
}

std::string text_of(const SpeculativeChoice& choice) {
  std::string text = "ngram";
  if (!choice.draft.empty()) text.assign("draft=").append(choice.draft);
  text.append(",tokens=").append(std::to_string(choice.tokens)).append(",acceptance=");
  for (std::size_t i = 0; i < choice.acceptance.size(); ++i)
    text.append(i > 0 ? "/" : "").append(shortest(choice.acceptance[i]));
  if (!choice.draft_weights.empty()) text.append(",draft-weights=").append(choice.draft_weights);
  return text;
}

}  // namespace rigsim::workloads
