#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <random>

#include "sim/executor.h"
#include "tests/sim/op_log.h"

// Counts every allocation of this program.

namespace {
std::size_t allocations = 0;
std::size_t allocated_bytes = 0;

void* counted(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace rigsim::sim {
namespace {

// `ops` kernels on 16 streams, delays and, of every `one_in` ops, a transfer over a star of 8
// ports.
OpGraph graph_of(std::uint32_t ops, std::uint32_t one_in, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  Network network;
  for (int i = 0; i < 16; ++i) network.add_link(Bandwidth(10e9), Duration(1000));
  for (std::uint32_t i = 0; i < 8; ++i) network.add_route({LinkId{i}, LinkId{8 + (i + 1) % 8}});
  OpGraphBuilder builder(network);
  builder.reserve(ops, 3 * ops);
  for (int i = 0; i < 16; ++i) builder.add_resource();
  for (std::uint32_t i = 0; i < ops; ++i) {
    const auto cost = static_cast<std::int64_t>(random() % 100'000);
    const auto which = static_cast<std::uint32_t>(random());
    Op op = Exclusive{ResourceId{which % 16}, Duration(cost)};
    if (i % one_in == 0) op = Transfer{RouteId{which % 8}, Bytes(cost)};
    if (i % 11 == 1) op = Delay{Duration(cost)};
    const OpId id = builder.add(op);
    for (std::uint64_t edges = 1 + random() % 3; edges > 0 && i > 0; --edges) {
      builder.precede(OpId{i - 1 - static_cast<std::uint32_t>(random() % std::min(i, 64U))}, id);
    }
  }
  return std::move(builder).compile();
}

TEST(Executor, AllocatesNothingWhenItRuns) {
  const OpGraph graph = graph_of(20'000, 7);
  Executor executor(graph);
  Costs costs = graph.costs();
  for (int run = 0; run < 5; ++run) {
    const std::size_t before = allocations;
    executor.run(costs);
    EXPECT_EQ(allocations, before) << "run " << run;
    for (std::int64_t& amount : costs.amount) amount = (amount * 7919) % 100'003;
  }
}

// All transfers at once, more than the executor makes room for: the first run makes it, the second
// has it.
TEST(Executor, AllocatesNothingTheSecondTimeHoweverManyTransfersMove) {
  Network network;
  const RouteId route = network.add_route({network.add_link(Bandwidth(1e9))});
  OpGraphBuilder builder(network);
  for (int i = 0; i < 5'000; ++i) builder.add(Transfer{route, Bytes(1'000 + 10 * i)});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  executor.run(graph.costs());
  const std::size_t before = allocations;
  executor.run(graph.costs());
  EXPECT_EQ(allocations, before);
}

// Two edges per op on average. What the capacities add up to is what the allocator gave, but for
// the builder's own.
TEST(Executor, TakesAtMostAHundredBytesPerOpWithItsGraph) {
  constexpr std::uint32_t kOps = 200'000;
  const OpGraph graph = graph_of(kOps, 7);
  const std::size_t before = allocated_bytes;
  const Executor executor(graph);
  const std::size_t given = allocated_bytes - before;
  EXPECT_LE(graph.memory_bytes() + executor.memory_bytes(), 100 * kOps);
  // The constructor also lists the routes of the transfers, for a moment.
  EXPECT_LE(executor.memory_bytes(), given);
  EXPECT_GE(executor.memory_bytes(), given * 9 / 10);
}

}  // namespace
}  // namespace rigsim::sim
