#include "workloads/serving/batch_policy.h"

#include "workloads/serving/llama_cpp_slots.h"
#include "workloads/serving/sarathi.h"
#include "workloads/serving/sglang.h"
#include "workloads/serving/tgi.h"
#include "workloads/serving/vllm_v0.h"
#include "workloads/serving/vllm_v1.h"
#include "workloads/serving/whole_batches.h"

namespace rigsim::workloads {
namespace {

struct Maker {
  std::unique_ptr<BatchPolicy> operator()(const VllmV1Batching& batching) const {
    return std::make_unique<VllmV1Policy>(batching);
  }
  std::unique_ptr<BatchPolicy> operator()(const VllmV0Batching& batching) const {
    return std::make_unique<VllmV0Policy>(batching);
  }
  std::unique_ptr<BatchPolicy> operator()(const SarathiBatching& batching) const {
    return std::make_unique<SarathiPolicy>(batching);
  }
  std::unique_ptr<BatchPolicy> operator()(const OrcaBatching&) const {
    return std::make_unique<OrcaPolicy>();
  }
  std::unique_ptr<BatchPolicy> operator()(const StaticBatching&) const {
    return std::make_unique<StaticPolicy>();
  }
  std::unique_ptr<BatchPolicy> operator()(const SglangBatching& batching) const {
    return std::make_unique<SglangPolicy>(batching);
  }
  std::unique_ptr<BatchPolicy> operator()(const LlamaCppBatching& batching) const {
    return std::make_unique<LlamaCppPolicy>(batching);
  }
  std::unique_ptr<BatchPolicy> operator()(const TgiBatching& batching) const {
    return std::make_unique<TgiPolicy>(batching);
  }
};

}  // namespace

std::unique_ptr<BatchPolicy> make_batch_policy(const Batching& batching) {
  return std::visit(Maker{}, batching);
}

}  // namespace rigsim::workloads
