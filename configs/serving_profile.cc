#include "configs/serving_profile.h"

#include <array>
#include <span>
#include <string>

#include "configs/field_table.h"

namespace rigsim::configs {
namespace {

using workloads::BatchLimits;
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

constexpr std::array<Field<SamplingCost>, 2> kTopPFields = {
    {{"top_p_step", &SamplingCost::step_us, Range::kMicroseconds},
     {"top_p_logit_bytes", &SamplingCost::logit_bytes}}};

constexpr std::array<Field<ServingProfile>, 1> kProfileFields = {
    {{"first_step", &ServingProfile::first_step_us, Range::kMicroseconds}}};

}  // namespace

ServingProfile read_serving(const ValueReader& value, const workloads::EngineProfile& profile) {
  ObjectReader map = value.object();
  ServingProfile serving;
  const ValueReader batching = map.value("batching");
  batching.checked(
      [&] { serving.batching = workloads::batching_named(batching.as<std::string>()); });
  serving.limits.step_tokens = profile.batch_tokens;
  read_fields(map, std::span<const Field<BatchLimits>>(kLimitFields), serving.limits);
  read_fields(map, std::span<const Field<ServingHost>>(kHostFields), serving.host);
  read_fields(map, std::span<const Field<SamplingCost>>(kTopPFields), serving.top_p);
  read_fields(map, std::span<const Field<ServingProfile>>(kProfileFields), serving);
  if (map.optional<bool>("captured_graphs").value_or(false))
    serving.host.captured = workloads::vllm_capture_sizes();
  serving.host.overlapped = serving.limits.async_scheduling;
  serving.limits.kv_blocks = 1;
  value.checked([&] { workloads::validate(serving.limits); });
  map.finish();
  return serving;
}

}  // namespace rigsim::configs
