#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/executor.h"
#include "workloads/deployment_builder.h"
#include "workloads/pass_graph.h"
#include "workloads/single_stream.h"

namespace rigsim::workloads {

/// A GPU of round numbers: 24 GiB at 1000 GB/s, 100 TFLOPS, 100 SMs at 1 GHz, no L2, 300 W; PCIe 4
/// x16 without peer copies (staged: 12 us + bytes at 22 GB/s).
[[nodiscard]] topology::Device toy_gpu();

/// A CPU of round numbers: 64 GiB at 100 GB/s, 2 TFLOPS, 16 cores at 4 GHz.
[[nodiscard]] topology::Device toy_cpu();

/// `count` toy GPUs on a host with a toy CPU.
[[nodiscard]] topology::Rig toy_rig(int count);

/// Cut as ggml does. Everything at its datasheet rate; 2 us per kernel (CPU: 1 us), 300 us per
/// boundary, submitting is free, the launch queue is not modelled.
[[nodiscard]] EngineProfile toy_engine();

/// 4 layers of 1024, 8 query and 2 KV heads of 128, FFN of 2048, 1000 words: 19 MB a layer in F16.
[[nodiscard]] Model toy_model();

/// The toy model in F16, one stage on each of `gpus` toy GPUs.
[[nodiscard]] DeploymentRequest toy_request(int gpus);

/// `stages` equal stages of `layers` layers without a head, so that closed forms are exact.
[[nodiscard]] Deployment equal_stages(int stages, int layers);

/// A known model in a known weights format on toy GPUs under the toy engine.
[[nodiscard]] DeploymentRequest known_request(const char* model, const char* weights, int gpus);

/// How long `pass` takes with its own costs, or with others.
[[nodiscard]] sim::Duration makespan(const PassGraph& pass);
[[nodiscard]] sim::Duration makespan(const PassGraph& pass, const sim::Costs& costs);

/// The sum of its ops of one class, by their own costs; not for transfers.
[[nodiscard]] sim::Duration time_in(const PassGraph& pass, OpClass op_class);

/// The ops of one class, by index.
[[nodiscard]] std::vector<std::size_t> ops_of(const PassGraph& pass, OpClass op_class);

/// Every kernel of `pass` 1 us, submissions, synchronisations and bytes nothing: a boundary costs
/// its 12 us alone.
[[nodiscard]] sim::Costs even_costs(const PassGraph& pass);

/// Kernels of one micro-batch on one of `stages` equal stages.
[[nodiscard]] std::int64_t kernels_per_stage(const PassGraph& pass, int stages, int micro_batches);

}  // namespace rigsim::workloads
