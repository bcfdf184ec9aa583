#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/units.h"

namespace rigsim::analysis {

/// The rows of a run's trace, one struct per table of the file; columns have the members' names.
/// Text is copied when a row is appended, and stored as a code into /lookup. Every row names its
/// rig, so that one file keeps a whole comparison. Times count from the start of that rig's run.
/// `evidence` is "measured", "fitted" or "datasheet"; shares of time that bind are "compute",
/// "memory", "link", "launch", "bubble" and "host".

/// /ops: what ran where. It may cover a subset of the steps; see TraceFile::set_traced_steps().
struct OpRow {
  std::string_view rig{};
  sim::Time start{};
  sim::Duration duration{};
  std::string_view device{};  ///< "gpu0", "host"; empty: none (a link)
  std::string_view track{};   ///< the resource that was busy: a stream of a device, a link
  std::string_view kind{};    ///< "kernel", "transfer", "host", "launch"
  std::string_view name{};    ///< "attn_q", "all_reduce"
  std::uint32_t step = 0;     ///< row of /steps
  std::optional<std::uint32_t> layer{};
  sim::Flops flops{};
  sim::Bytes bytes{};        ///< moved: memory traffic of a kernel, payload of a transfer
  std::string_view bound{};  ///< what limited it: "compute", "memory", "link", "launch", "host"
  std::string_view evidence{};
  bool on_critical_path = false;
};

/// /transfers: bytes between devices.
struct TransferRow {
  std::string_view rig{};
  sim::Time start{};
  sim::Duration duration{};
  std::string_view source{};  ///< device, or "host"
  std::string_view destination{};
  sim::Bytes bytes{};
  std::string_view route{};  ///< the links in order, "gpu0>host0>gpu1"
  bool staged = false;       ///< through host memory instead of directly
  std::uint32_t step = 0;    ///< row of /steps
};

/// /steps: one forward pass of a batch.
struct StepRow {
  std::string_view rig{};
  sim::Time start{};
  sim::Duration duration{};
  std::string_view phase{};         ///< "prefill", "decode"
  std::uint32_t batch = 0;          ///< requests in it
  std::int64_t tokens = 0;          ///< tokens computed
  std::int64_t context_tokens = 0;  ///< tokens in the KV cache after it, over all requests
};

/// /requests: one per finished request.
struct RequestRow {
  std::string_view rig{};
  sim::Time arrival{};
  sim::Time first_token{};
  sim::Time finish{};
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  double ttft_s = 0;  ///< first_token - arrival
  double tpot_s = 0;  ///< (finish - first_token) / (output_tokens - 1)
  double e2e_s = 0;   ///< finish - arrival
};

/// /device_occupancy: what each device did with its time; the parts add up to `total_s`.
struct DeviceOccupancyRow {
  std::string_view rig{};
  std::string_view device{};
  double busy_s = 0;
  double total_s = 0;
  double busy_fraction = 0;
  double compute_s = 0;
  double memory_s = 0;
  double link_s = 0;
  double launch_s = 0;
  double bubble_s = 0;
  double host_s = 0;
};

/// /link_occupancy: how long each direction of a link carried something.
struct LinkOccupancyRow {
  std::string_view rig{};
  std::string_view link{};
  double busy_s = 0;
  double total_s = 0;
  double busy_fraction = 0;
};

/// /summary: one printed figure of one rig.
struct SummaryRow {
  std::string_view rig{};
  std::string_view figure{};  ///< "decode_tokens_per_s"
  double value = 0;
  double low = 0;  ///< 90 % band
  double high = 0;
  std::string_view unit{};  ///< UDUNITS: "s-1", "s", "B", "1"
  std::string_view evidence{};
};

}  // namespace rigsim::analysis
