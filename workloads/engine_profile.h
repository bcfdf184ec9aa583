#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/units.h"
#include "topology/device.h"
#include "workloads/engine_memory.h"
#include "workloads/kernel_table.h"
#include "workloads/parallel_plan.h"

namespace rigsim::workloads {

/// Which layer of the cost model spoke, best first. An answer is as good as its weakest large part.
enum class Evidence {
  kMeasured,  ///< a table for this device and kernel, inside its range
  kFitted,    ///< a roofline with efficiencies fitted to this device
  kDatasheet  ///< a roofline with the priors of the device's family
};

[[nodiscard]] std::string to_string(Evidence evidence);

/// The software stack that an engine drives a device with.
enum class Backend { kCuda, kMetal, kCpu };

[[nodiscard]] std::string to_string(Backend backend);

/// CUDA for discrete GPUs (HIP devices run the same kernels, without a fit of their own), Metal for
/// Macs.
[[nodiscard]] Backend backend_of(const topology::Device& device);

/// Devices whose kernels behave alike: the architecture, except that data-centre Ampere (GA100)
/// stands apart from the consumer and workstation chips of that name (half the FP32 lanes per SM,
/// eight times the L2).
[[nodiscard]] std::string kernel_family(const topology::Device& device);

/// The family that stands in for one without fitted devices; empty: none is close. Data-centre
/// parts with HBM (Volta, Hopper, B200, CDNA) need more bytes in flight than kernels tuned on GDDR
/// cards issue, as GA100 shows; GeForce and workstation Blackwell (GB20x) is Ada with faster
/// memory.
[[nodiscard]] std::string related_family(const topology::Device& device);

/// How the engine cuts a forward pass into kernels.
enum class KernelStyle {
  kGgml,  ///< one kernel per graph node, dequantise + GEMM for prompts, attention scores in memory
  kFused  ///< fused QKV and gate+up, flash attention, kernels replayed from a graph
};

/// The at most three numbers fitted for one device under one engine version.
struct DeviceFit {
  double streaming_efficiency =
      1;  ///< speed of streaming weights at batch 1 over the datasheet's, bandwidth and issue alike
  double tensor_efficiency =
      1;  ///< achieved / datasheet matrix rate of full GEMMs, before wave quantisation
  double latency_scale = 1;  ///< this device's fixed cost per kernel over the backend's
  int rows = 0;              ///< measured rows behind the fit
};

/// What the engine's kernels for one weights format cost; fitted per engine version.
struct FormatFit {
  double issue_cycles_per_byte =
      0;                 ///< SM (or core) cycles to unpack and multiply one weight byte at batch 1
  double gemm_gain = 1;  ///< GEMM speed with this format over the backend's reference
};

/// How far off predictions of one kind were: relative half-widths of the 90 % band.
struct ErrorBand {
  double fitted = 0;     ///< relative half-width where the device was fitted
  double datasheet = 0;  ///< ... where only its family was (from leaving devices out)
  double measured = 0;   ///< ... where kernel tables exist
};

/// Everything known of one engine version on one backend. Data, filled by configs/.
struct BackendProfile {
  Backend backend = Backend::kCuda;
  double kernel_latency_us = 0;     ///< fixed cost of one small kernel inside a step
  double attention_latency_us = 0;  ///< fixed cost of an attention kernel beyond kernel_latency_us
  double attention_cycles =
      0;  ///< device cycles per query head and KV token of decode attention, beyond its bytes
  double attention_gemm_ratio = 1;    ///< efficiency of attention's GEMMs over full GEMMs
  double ecc_bandwidth = 1;           ///< bandwidth left where ECC is kept in the same GDDR memory
  double elementwise_efficiency = 1;  ///< achieved / datasheet bandwidth of elementwise kernels
  double l2_discount =
      1;  ///< share of the traffic that reaches memory when a tensor fits half the L2
  double scores_bytes = 0;     ///< memory traffic per attention score where scores are materialised
  double row_handover_us = 0;  ///< event from one device's stream to another's, in a row split
  double boundary_sync_us = 0;  ///< host synchronisation at each boundary of a layer split
  double host_step_us = 0;      ///< host work per step that nothing hides
  double submit_us = 0;         ///< host time to launch one kernel
  int launch_queue_depth =
      0;  ///< launches a device stream holds before the host blocks; 0: not modelled
  int gemm_extra_launches = 0;  ///< split-K reductions and the like, per GEMM
  std::vector<std::string>
      single_launch_gemm_families;       ///< ... except on these (kernel_family names)
  std::vector<std::string> fp8_formats;  ///< weights formats multiplied by FP8 tensor cores where
                                         ///< the device has them, in 16 bit elsewhere
  bool fp16_accumulate = false;          ///< GEMMs accumulate in FP16 (twice the rate on GeForce)
  bool dequantize_for_gemm =
      true;  ///< block formats are expanded to 16 bit in memory before a GEMM
  bool convert_activations =
      true;  ///< 32-bit activations are converted to 16 bit and back around a GEMM
  bool grouped_experts = false;  ///< one kernel multiplies all routed experts, tiles as narrow as
                                 ///< an expert's rows
  bool staged_copy_blocks = false;  ///< the host launches nothing more until a staged copy between
                                    ///< stages has arrived
  bool tile_quantisation = true;  ///< GEMM efficiency falls with a partly filled last wave of tiles
  double roofline_exponent =
      0;  ///< GEMM time = (compute^q + memory^q)^(1/q); 0: the larger of the two
  std::map<std::string, FormatFit> formats;  ///< by weights format name; "" holds the default
  std::map<std::string, DeviceFit> devices;  ///< by catalogue device name
  std::map<std::string, DeviceFit>
      families;  ///< by kernel_family(); "" holds the backend's default
  std::map<std::string, KernelTable> tables;  ///< measured kernels, by catalogue device name
  ErrorBand decode_band;
  ErrorBand prefill_band;
};

/// The software's share of a prediction, as data.
struct EngineProfile {
  std::string name;     ///< "llama.cpp"
  std::string version;  ///< "b2824-b2843 (May 2024)"
  KernelStyle style = KernelStyle::kGgml;
  std::int64_t batch_tokens =
      2048;  ///< prompt tokens handed over at once (n_batch; max_num_batched_tokens)
  std::int64_t micro_batch_tokens = 512;  ///< tokens per forward pass of a prompt (n_ubatch)
  std::int64_t kv_padding = 32;           ///< attention runs over the context rounded up to this
  bool flash_attention = false;
  bool tensor_parallel = false;  ///< --plan tp=N is understood
  bool custom_all_reduce =
      true;  ///< a fused engine's own kernels sum small tensors (as vLLM's), else NCCL
  bool gathers_for_experts =
      false;  ///< replicas that share experts gather all tokens and scatter what experts make of
              ///< them (vLLM's allgather_reducescatter), else an all-to-all takes each to its
              ///< experts
  std::vector<SplitMode> splits{
      SplitMode::kLayer};  ///< --split that it understands; the first unasked
  std::vector<std::string> vendors{};  ///< whose GPUs it runs on; none named: all with a backend
  bool gguf_blocks = true;             ///< reads GGUF files in block formats
  EngineMemory memory;
  std::vector<BackendProfile> backends;

  /// Throws std::invalid_argument when the engine does not run on `wanted`.
  [[nodiscard]] const BackendProfile& backend(Backend wanted) const;
};

}  // namespace rigsim::workloads
