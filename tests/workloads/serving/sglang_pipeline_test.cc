#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/even_step_cost.h"
#include "tests/workloads/toy_deployment.h"
#include "workloads/serving/server.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::workloads {
namespace {

struct Asked {
  std::int64_t prompt, output;
};

/// All at once, on two stages that take 10 us for each step: when the first and the last token of
/// each is out, in microseconds.
std::vector<std::pair<std::int64_t, std::int64_t>> served(const std::vector<Asked>& requests,
                                                          std::int64_t chunk) {
  Traffic traffic;
  for (const Asked& each : requests) {
    TrafficRequest request;
    request.prompt_tokens = each.prompt;
    request.output_tokens = each.output;
    traffic.requests.push_back(request);
  }
  constexpr std::int64_t kMicro = 1'000'000;
  ServerConfig config;
  config.batching = SglangBatching{};
  config.limits.max_sequences = 4;
  config.limits.step_tokens = chunk;
  config.limits.kv_blocks = 1'000;
  config.limits.kv_block_tokens = 1;
  config.in_flight = 2;
  test::EvenStepCost stage(sim::Duration(10 * kMicro));
  const std::array stations{Station{&stage}, Station{&stage}};
  test::CheckingObserver observer(traffic, config);
  std::vector<std::pair<std::int64_t, std::int64_t>> times;
  for (const RequestRecord& record : serve(traffic, config, stations, observer))
    times.emplace_back(record.first_token.time_since_epoch().count() / kMicro,
                       record.finished.time_since_epoch().count() / kMicro);
  observer.finish();
  return times;
}

using Times = std::vector<std::pair<std::int64_t, std::int64_t>>;

// scheduler_pp_mixin.py, event_loop_pp: two micro-batches, chunks of 8 tokens. A step that enters
// the first stage at t is out at t + 20.
//
//  0  micro-batch 0 has 8 of A's 12 tokens; micro-batch 1, behind it, the other 4 and B's 4
// 20  0 is out, and answers nothing: A goes on in 1. 0 takes C
// 30  1 is out: the first tokens of A and B. 1 decodes both
// 40  0 is out: C's first token. 0 decodes C
// 50  1 is out: B is done. 1 decodes A
// 60  0 is out: C is done
// 70  1 is out: A is done
TEST(SglangPipeline, GoesRoundItsMicroBatches) {
  EXPECT_EQ(served({{12, 3}, {4, 2}, {4, 2}}, 8), (Times{{30, 70}, {30, 50}, {40, 60}}));
}

// Each micro-batch has two of the four places (pp_max_micro_batch_size).
//
//  0  A and B in 0, C and D, behind them, in 1
// 20  0 is out: A is done with its first token. E takes its place
// 30  1 is out: the first tokens of C and D. 1 decodes both, out at 50
// 40  0 is out: E's first token. 0 decodes B and E, out at 60
TEST(SglangPipeline, SharesThePlacesOut) {
  EXPECT_EQ(served({{4, 1}, {4, 2}, {4, 2}, {4, 2}, {4, 2}}, 16),
            (Times{{20, 20}, {20, 60}, {30, 50}, {30, 50}, {40, 60}}));
}

// Two steps on their way, none of them scheduled ahead; TGI has no pipelines.
TEST(SglangPipeline, IsSetUpWithoutTheOverlapSchedule) {
  DeploymentRequest request = toy_request(2);
  request.engine.style = KernelStyle::kFused;
  request.engine.tensor_parallel = true;
  ServingProfile profile;
  profile.batching = SglangBatching{};
  profile.limits.async_scheduling = true;
  profile.host.overlapped = true;
  const ServingSetup setup = serving_setup(request, profile);
  EXPECT_EQ(setup.config.in_flight, 2);
  EXPECT_FALSE(setup.config.limits.async_scheduling);
  EXPECT_FALSE(setup.host.overlapped);
  profile.async_pipelines = true;  // said by the user
  EXPECT_THROW((void)serving_setup(request, profile), std::invalid_argument);
  profile.batching = TgiBatching{};
  profile.limits.async_scheduling = false;
  EXPECT_THROW((void)serving_setup(request, profile), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
