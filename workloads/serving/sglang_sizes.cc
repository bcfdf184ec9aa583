#include "workloads/serving/sglang_sizes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

constexpr double kGib = 1024;  // in MiB

/// GPUs with less than `below` MiB.
struct Tier {
  double below = 0;
  std::int64_t chunk_tokens = 0;
  std::int64_t most_captured = 0;       // cuda_graph_max_bs of fewer than 4 devices
  std::int64_t most_captured_of_4 = 0;  // and of 4 and more
};

constexpr std::array<Tier, 6> kTiers{{{20 * kGib, 2048, 8, 8},
                                      {35 * kGib, 2048, 24, 80},
                                      {60 * kGib, 4096, 32, 160},
                                      {90 * kGib, 8192, 256, 512},
                                      {160 * kGib, 8192, 256, 512},
                                      {std::numeric_limits<double>::max(), 16384, 512, 512}}};

std::vector<std::int64_t> captured_up_to(std::int64_t most) {
  std::vector<std::int64_t> sizes{1, 2, 4, 8, 12};
  const auto every = [&](std::int64_t step, std::int64_t from, std::int64_t to) {
    for (std::int64_t size = from; size <= to; size += step) sizes.push_back(size);
  };
  every(8, 16, 256);
  every(16, 272, 511);
  every(32, 512, most);
  std::erase_if(sizes, [&](std::int64_t size) { return size > most; });
  return sizes;
}

/// MiB kept for metadata, activations, graphs and what parallel ranks need.
double reserved(std::int64_t chunk_tokens, std::int64_t most_captured, int ranks, double memory) {
  constexpr double kMetadata = 512;
  constexpr double kShortestChunk = 2048;
  constexpr double kPerToken = 1.5;
  constexpr double kPerGraph = 2;
  constexpr double kRanks = 8;
  const double sum = kMetadata +
                     std::max(static_cast<double>(chunk_tokens), kShortestChunk) * kPerToken +
                     static_cast<double>(most_captured) * kPerGraph + ranks / kRanks * kGib;
  return memory > 60 * kGib ? std::max(sum, 10 * kGib) : sum;
}

}  // namespace

SglangSizes sglang_sizes(sim::Bytes memory, int tensor_parallel,
                         std::optional<std::int64_t> chunk_tokens, int stages) {
  const auto mib = std::floor(static_cast<double>(memory.count()) / (1 << 20));
  const Tier& tier = *std::ranges::find_if(kTiers, [&](const Tier& t) { return mib < t.below; });
  const std::int64_t most = tensor_parallel < 4 ? tier.most_captured : tier.most_captured_of_4;
  SglangSizes sizes{chunk_tokens.value_or(tier.chunk_tokens), captured_up_to(most), 0};
  const double kept = reserved(sizes.chunk_tokens, most, tensor_parallel * stages, mib);
  sizes.memory_fraction = std::round((mib - kept) / mib * 1000) / 1000;
  if (sizes.memory_fraction <= 0)
    throw std::invalid_argument("SGLang reserves more for activations of a chunk of " +
                                std::to_string(sizes.chunk_tokens) + " tokens than the device's " +
                                std::to_string(static_cast<std::int64_t>(mib)) + " MiB");
  return sizes;
}

}  // namespace rigsim::workloads
