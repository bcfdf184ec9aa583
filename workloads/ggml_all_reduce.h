#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/units.h"
#include "topology/network.h"

namespace rigsim::workloads {

/// What `values` 32-bit numbers weigh in llama.cpp's all-reduce by NCCL: many are cut to BF16, the
/// bound grows with the devices (ggml-cuda.cu of 2026, ggml_backend_cuda_comm_allreduce_nccl).
[[nodiscard]] sim::Bytes ggml_nccl_bytes(std::int64_t values, std::size_t devices);

/// llama.cpp's own all-reduce between the two devices of a tensor split, through pinned host memory
/// and without peer access (ggml-org/llama.cpp allreduce.cu @014ad9f6, pull request 22299): what
/// builds without NCCL use, the published images among them.
///
/// 32-bit sums travel as BF16. Up to 1 MiB on the wire a kernel writes its part to the host, raises
/// a flag, waits for the peer's and reads the peer's part: five crossings of the slower device's
/// cable (the flag behind the data out; the last poll and the data, each there and back) and the
/// bytes each way. Beyond, copy engines do it in chunks of a quarter, 0.5 to
/// 2 MiB: an event to each engine, the first chunk up, then everything down.
class GgmlAllReduce {
 public:
  /// Both devices need a host link. `event`: what an event from one stream to another costs.
  GgmlAllReduce(const topology::RigNetwork& network, std::uint32_t first, std::uint32_t second,
                sim::Duration event);

  /// What `values` 32-bit numbers weigh on the wire.
  [[nodiscard]] static sim::Bytes wire_bytes(std::int64_t values);

  /// Of `values` 32-bit numbers on each device, both ready.
  [[nodiscard]] sim::Duration time(std::int64_t values) const;
  /// Of so many bytes on the wire.
  [[nodiscard]] sim::Duration time(sim::Bytes wire) const;

 private:
  sim::Duration crossing_{};  ///< of the slower cable, one way
  sim::Bandwidth up_{};
  sim::Bandwidth down_{};
  sim::Duration event_;
};

}  // namespace rigsim::workloads
