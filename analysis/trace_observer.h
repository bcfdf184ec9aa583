#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/comparison.h"
#include "analysis/trace_file.h"
#include "topology/network.h"
#include "workloads/deployment_builder.h"
#include "workloads/single_stream.h"

namespace rigsim::analysis {

/// How much of a run a trace keeps.
enum class TraceDetail {
  kFigures,  ///< steps, requests, occupancy and the printed figures
  kOps       ///< also ops and transfers of the prompt and of about 64 decode steps
};

/// Writes runs into a trace file while they go on: for each rig begin(), the run with this as its
/// observer, end(). What the rows sum to is what is printed: tokens over the durations of /steps
/// are the rates, /summary holds the figures themselves. Throws OutputError as TraceFile does.
class TraceObserver final : public workloads::PassObserver {
 public:
  /// `file` must outlive this.
  TraceObserver(TraceFile& file, TraceDetail detail);

  /// The rig whose passes come next. `request` is read until end().
  void begin(const workloads::DeploymentRequest& request, const workloads::SingleStream& work);
  void pass_executed(const workloads::ExecutedPass& executed, const workloads::PassGraph& pass,
                     const sim::Executor& executor) override;
  /// Writes what is known at the end: request, occupancy, figures. Also for a rig that does not
  /// fit.
  void end(const RigResult& result);

 private:
  /// The rig whose run is being written.
  struct Rig {
    std::string name;
    std::vector<std::string> devices;  ///< names
    topology::RigNetwork network;
    std::int64_t trace_every;       ///< decode steps
    std::int64_t decode_steps = 0;  ///< so far
    std::int64_t next_traced = 0;   ///< the decode step to trace next
    std::optional<sim::Time> first_token{};
    std::map<std::string, double, std::less<>> link_busy_s{};
  };

  [[nodiscard]] bool is_traced(const workloads::ExecutedPass& executed,
                               const workloads::PassGraph& pass) const;
  std::uint32_t append_steps(const workloads::ExecutedPass& executed);
  void append_ops(const workloads::PassGraph& pass, const sim::Executor& executor,
                  std::uint32_t step);
  void append_transfer(const workloads::OpInfo& op, sim::Time start, sim::Duration duration,
                       std::uint32_t step);
  void add_link_time(const workloads::ExecutedPass& executed, const workloads::PassGraph& pass,
                     const sim::Executor& executor);
  [[nodiscard]] topology::CopyPath path(const workloads::OpInfo& op) const;
  [[nodiscard]] std::string_view device_name(std::uint32_t place) const;
  [[nodiscard]] std::string_view evidence(const workloads::OpInfo& op) const;
  void append_requests(const RigResult& result);
  void append_occupancy(const RigResult& result);
  void append_summary(const RigResult& result);

  TraceFile& file_;
  TraceDetail detail_;
  std::vector<std::uint32_t> traced_steps_;  ///< of all rigs
  std::optional<Rig> rig_;
};

}  // namespace rigsim::analysis
