#include "workloads/fit_change.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/workloads/known_devices.h"
#include "tests/workloads/known_models.h"

namespace rigsim::workloads {
namespace {

MemoryRequest seventy_b(std::int64_t context, int devices) {
  return {.model = known_model("llama-3-70b"),
          .format = weights_format("Q4_K_M"),
          .context = context,
          .plan = layer_split(devices),
          .devices = std::vector<topology::Device>(static_cast<std::size_t>(devices),
                                                   gpu_reporting(kRtx4090Mib))};
}

template <class Change>
std::optional<Change> find(const std::vector<FitChange>& changes) {
  for (const FitChange& change : changes) {
    if (const auto* found = std::get_if<Change>(&change)) return *found;
  }
  return std::nullopt;
}

bool fits(const MemoryRequest& request) { return plan_memory(request).fits(); }

TEST(SmallestChanges, AreNoneWhereItFits) {
  EXPECT_TRUE(smallest_changes(seventy_b(8192, 2), known_weights_formats()).empty());
}

// One 24 GB card: no context is short enough, but smaller weights, a second card, or layers left to
// the host do it.
TEST(SmallestChanges, OfferWhatMakesItFitAndNothingLarger) {
  const MemoryRequest request = seventy_b(4096, 1);
  const auto changes = smallest_changes(request, known_weights_formats());
  EXPECT_FALSE(find<ShorterContext>(changes));
  ASSERT_TRUE(find<SmallerWeights>(changes));
  ASSERT_TRUE(find<MoreDevices>(changes));
  ASSERT_TRUE(find<FewerGpuLayers>(changes));

  EXPECT_EQ(find<MoreDevices>(changes)->devices, 2);

  MemoryRequest attempt = request;
  attempt.plan.gpu_layers = find<FewerGpuLayers>(changes)->gpu_layers;
  EXPECT_TRUE(fits(attempt));
  ++*attempt.plan.gpu_layers;
  EXPECT_FALSE(fits(attempt));

  attempt = request;
  const sim::Bytes chosen = weight_bytes(request.model, find<SmallerWeights>(changes)->format);
  for (const WeightsFormat& format : known_weights_formats()) {
    attempt.format = format;
    EXPECT_TRUE(weight_bytes(request.model, format) <= chosen || !fits(attempt)) << format.name;
  }
}

TEST(SmallestChanges, ShortenTheContextNoMoreThanNeeded) {
  MemoryRequest request = seventy_b(65536, 2);
  const auto change = find<ShorterContext>(smallest_changes(request, {}));
  ASSERT_TRUE(change);
  request.context = change->tokens;
  EXPECT_TRUE(fits(request));
  ++request.context;
  EXPECT_FALSE(fits(request));
}

TEST(SmallestChanges, LeaveOutKindsThatCannotHelp) {
  MemoryRequest request = seventy_b(4096, 1);
  request.engine.offloads_layers = false;
  EXPECT_TRUE(smallest_changes(request, {}, 1).empty());
}

}  // namespace
}  // namespace rigsim::workloads
