#include "configs/serving_profile.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "configs/field_table.h"

namespace rigsim::configs {
namespace {

using workloads::BatchLimits;
using workloads::FrontEnd;
using workloads::SamplingCost;
using workloads::ServingHost;
using workloads::ServingProfile;

constexpr std::array<Field<BatchLimits>, 4> kLimitFields = {
    {{"max_sequences", &BatchLimits::max_sequences},
     {"step_tokens", &BatchLimits::step_tokens},
     {"prefix_caching", &BatchLimits::prefix_caching},
     {"async_scheduling", &BatchLimits::async_scheduling}}};

constexpr std::array<Field<ServingHost>, 2> kHostFields = {
    {{"host_step", &ServingHost::step_us, Range::kMicroseconds},
     {"host_per_sequence", &ServingHost::per_sequence_us, Range::kMicroseconds}}};

constexpr std::array<Field<FrontEnd>, 2> kFrontFields = {
    {{"front_tokenize", &FrontEnd::tokenize_us, Range::kMicroseconds},
     {"front_output", &FrontEnd::output_us, Range::kMicroseconds}}};

constexpr std::array<Field<SamplingCost>, 2> kTopPFields = {
    {{"top_p_step", &SamplingCost::step_us, Range::kMicroseconds},
     {"top_p_logit_bytes", &SamplingCost::logit_bytes}}};

constexpr std::array<Field<ServingProfile>, 2> kProfileFields = {
    {{"first_step", &ServingProfile::first_step_us, Range::kMicroseconds},
     {"sized_by_memory", &ServingProfile::sized_by_memory}}};

}  // namespace

ServingProfile read_serving(const ValueReader& value, const workloads::EngineProfile& profile) {
  ObjectReader map = value.object();
  ServingProfile serving;
  const ValueReader batching = map.value("batching");
  batching.checked(
      [&] { serving.batching = workloads::batching_named(batching.as<std::string>()); });
  read_fields(map, std::span<const Field<ServingHost>>(kHostFields), serving.host);
  read_fields(map, std::span<const Field<FrontEnd>>(kFrontFields), serving.front);
  read_fields(map, std::span<const Field<SamplingCost>>(kTopPFields), serving.top_p);
  read_fields(map, std::span<const Field<ServingProfile>>(kProfileFields), serving);
  serving.limits.step_tokens = serving.sized_by_memory ? 0 : profile.batch_tokens;
  read_fields(map, std::span<const Field<BatchLimits>>(kLimitFields), serving.limits);
  if (map.optional<bool>("captured_graphs").value_or(false))
    serving.host.captured = workloads::vllm_capture_sizes();
  if (const auto sizes = map.optional_value("captured_sizes")) {
    for (const ValueReader& size : sizes->items())
      serving.host.captured.push_back(size.as<std::int64_t>());
    if (!std::ranges::is_sorted(serving.host.captured)) sizes->fail("must increase");
  }
  serving.host.overlapped = serving.limits.async_scheduling;
  serving.limits.kv_blocks = 1;
  BatchLimits known = serving.limits;
  if (serving.sized_by_memory) known.step_tokens = std::max<std::int64_t>(known.step_tokens, 1);
  value.checked([&] { workloads::validate(known); });
  map.finish();
  return serving;
}

}  // namespace rigsim::configs
