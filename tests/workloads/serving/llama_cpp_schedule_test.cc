#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/workloads/serving/schedule_trace.h"

namespace rigsim::workloads {
namespace {

using test::expect_schedule;
using test::traced_limits;
using test::traced_requests;
using Lines = std::vector<std::string>;

/// Three slots of 20 tokens each; n_batch 16.
BatchLimits slots() {
  BatchLimits limits = traced_limits();
  limits.max_sequences = 3;
  limits.kv_blocks = 15;
  limits.prefix_caching = true;
  return limits;
}

/// Where no slot that is free holds the beginning of the next prompt.
Lines schedule() {
  return {"1 x | 2:14@0 1:2@0 | | 5",
          "1 x 2 | 1:3@2 0:7@0 | | 8",
          "1 x 2 1 0 | | | 8",
          "1 x 1 0 | 3:3@0 | | 6",
          "1 x 3 1 0 | | | 6",
          "2 x 3 1 0 | | | 8",
          "2 x 3 1 0 | | | 9",
          "1 x 3 1 0 | | | 11",
          "1 x 3 1 | 4:14@0 | | 11",
          "1 x 3 1 | 4:1@14 | | 11",
          "1 x 3 1 4 | | | 11",
          "1 x 3 | 6:4@0 5:6@0 | | 7",
          "1 x 3 5 | 7:11@0 | | 9",
          "1 x 3 7 5 | | | 9",
          "1 x 7 5 | 8:7@0 | | 9",
          "1 x 8 7 5 | | | 9",
          "1 x 8 5 | 9:2@0 | | 7",
          "1 x 8 9 5 | | | 7",
          "1 x 8 9 | 10:13@0 | | 8",
          "1 x 8 9 10 | | | 9",
          "1 x 8 9 10 | | | 10",
          "1 x 8 9 | 11:8@0 | | 8",
          "1 x 8 9 11 | | | 9",
          "1 x 9 11 | 12:13@0 | | 10",
          "2 x 12 9 11 | | | 10",
          "1 x 12 9 11 | | | 11",
          "1 x 9 11 | 13:1@0 | | 9",
          "1 x 13 | 15:6@0 14:9@0 | | 6",
          "1 x 13 15 | 14:1@9 | | 6",
          "1 x 13 15 14 | | | 6",
          "1 x 13 15 14 | | | 8",
          "1 x 13 15 | 16:3@0 | | 6",
          "1 x 13 15 16 | | | 6",
          "1 x 13 15 16 | | | 7",
          "1 x 13 15 16 | | | 9",
          "1 x 15 16 | 17:12@0 | | 9",
          "1 x 17 15 16 | | | 10",
          "1 x 16 | 19:14@0 18:1@0 | | 8",
          "1 x 19 16 | 18:4@1 | | 9",
          "1 x 19 18 | | | 6",
          "2 x 18 | | | 2",
          "4 x 18 | | | 3",
          "1 x 18 | | | 4"};
}

// Derived from llama.cpp's tools/server/server.cpp (get_available_slot, update_slots, release), as
// read at ggml-org/llama.cpp@aa6192d (November 2025), and server-queue.cpp (defer,
// pop_deferred_task) of that time:
//
// - A request takes the idle slot that was used longest ago; of those never used the last one. One
//   that finds none is deferred. Each slot that becomes idle moves one deferred request to the
//   front of the queue: of two that do so in one step the later request is served first (18 and
//   19).
// - A step has a token of each slot that generates, then prompts in the order of the slots, up to
// 16
//   tokens in all. So 2, in slot 0, goes before 0, in slot 2.
// - Nobody is preempted: a slot has its own 20 tokens.
TEST(LlamaCppSchedule, IsThatOfTheSource) {
  expect_schedule(LlamaCppBatching{}, schedule(), slots());
}

// Some requests begin alike: 8 tokens of 0 and 2, of 4, 10, 12 and 19, of 7, 11 and 17. A slot
// keeps what it held last, but whenever one of these comes, all that the others held was written
// over, or their slots are busy.
TEST(LlamaCppSchedule, ASlotKeepsItsLastPromptAlone) {
  std::vector<test::TracedRequest> requests = traced_requests();
  for (const std::size_t i : {0, 2}) requests[i].prefix = {1};
  for (const std::size_t i : {4, 10, 12, 19}) requests[i].prefix = {2};
  for (const std::size_t i : {7, 11, 17}) requests[i].prefix = {3};
  expect_schedule(LlamaCppBatching{}, schedule(), slots(), requests);
}

// 11, of 8 tokens, gets the slot of 10, which began with the same 8: all but the one token that has
// to be computed is there. Steps and blocks are the same, as those tokens fitted beside the others.
TEST(LlamaCppSchedule, SlotsKeepTheirPrompts) {
  std::vector<test::TracedRequest> requests = traced_requests();
  for (const std::size_t i : {10, 11}) requests[i].prefix = {1};
  Lines expected = schedule();
  const auto line = std::ranges::find(expected, "1 x 8 9 | 11:8@0 | | 8");
  ASSERT_NE(line, expected.end());
  *line = "1 x 8 9 | 11:1@7 | | 8";
  expect_schedule(LlamaCppBatching{}, expected, slots(), requests);
}

}  // namespace
}  // namespace rigsim::workloads
