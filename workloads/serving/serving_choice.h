#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "workloads/serving/serving_setup.h"

namespace rigsim::workloads {

/// What each request must keep to count as good.
struct ServiceLevel {
  std::optional<double> ttft_s{};
  std::optional<double> tpot_s{};
  std::optional<double> e2e_s{};

  [[nodiscard]] bool any() const { return ttft_s || tpot_s || e2e_s; }
  friend bool operator==(const ServiceLevel&, const ServiceLevel&) = default;
};

/// How tokens are chosen.
enum class Sampling : std::uint8_t {
  kGreedy,
  kTopP  ///< drawn among the likeliest
};

/// "greedy", "top-p". Throws std::invalid_argument otherwise.
[[nodiscard]] Sampling sampling_named(std::string_view name);
[[nodiscard]] std::string_view name_of(Sampling sampling);

/// The most that can be said of each.
struct MostOfServing {
  static constexpr std::int64_t kSequences = 1'000'000;
  static constexpr std::int64_t kTokens = 100'000'000;
  static constexpr std::int64_t kBlocks = std::int64_t{1} << 40;
  static constexpr std::int64_t kReplicas = 1'000'000;
};

/// What somebody says of how requests are served; what is not said is the engine's.
struct ServingChoice {
  std::optional<Batching> batching{};
  std::optional<std::int64_t> max_sequences{};
  std::optional<std::int64_t> step_tokens{};
  std::optional<bool> prefix_caching{};
  std::optional<Sampling> sampling{};
  std::optional<bool> async_scheduling{};
  std::optional<std::int64_t> kv_blocks{};         ///< as the engine counts them
  std::optional<std::int64_t> prefill_replicas{};  ///< that only compute prompts
  std::optional<sim::Bytes> host_kv{};  ///< host memory of a replica behind its prefix cache
  std::optional<Routing> routing{};
  std::optional<SpeculativeChoice> speculative{};
  bool cold_start = false;  ///< the first step initialises the engine
  ServiceLevel level{};

  /// Whether anything is said.
  [[nodiscard]] bool any() const {
    return batching || max_sequences || step_tokens || prefix_caching || sampling ||
           async_scheduling || kv_blocks || prefill_replicas || host_kv || routing || speculative ||
           cold_start || level.any();
  }
};

/// What `later` says, and where it is silent what `earlier` does.
[[nodiscard]] ServingChoice merged(const ServingChoice& earlier, const ServingChoice& later);

/// `profile` with what is chosen of its scheduler.
[[nodiscard]] ServingProfile chosen(ServingProfile profile, const ServingChoice& choice);

/// What is chosen beyond the profile: KV blocks and routing.
void apply(const ServingChoice& choice, ServingSetup& setup);

}  // namespace rigsim::workloads
