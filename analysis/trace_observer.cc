#include "analysis/trace_observer.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "workloads/kernel_cost.h"

namespace rigsim::analysis {
namespace {

using workloads::Evidence;
using workloads::ExecutedPass;
using workloads::OpClass;
using workloads::OpInfo;
using workloads::PassGraph;

constexpr std::int64_t kTracedDecodeSteps = 64;
/// A prompt of more ops than this is left out of /ops; 70B with a prompt of 100,000 tokens has some
/// 600,000.
constexpr std::size_t kMostOpsOfAPass = 1'000'000;

std::string_view name_of(Evidence evidence) {
  switch (evidence) {
    case Evidence::kMeasured:
      return "measured";
    case Evidence::kFitted:
      return "fitted";
    case Evidence::kDatasheet:
      return "datasheet";
  }
  throw std::logic_error("unknown evidence");
}

std::string_view kind_of(OpClass op_class) {
  switch (op_class) {
    case OpClass::kKernel:
      return "kernel";
    case OpClass::kTransfer:
      return "transfer";
    case OpClass::kExchange:
      return "exchange";
    case OpClass::kCollective:
      return "collective";
    case OpClass::kSubmit:
      return "launch";
    case OpClass::kHandover:
    case OpClass::kSync:
    case OpClass::kHostStep:
      return "host";
  }
  throw std::logic_error("unknown op class");
}

/// What most of an op's time went to.
std::string_view bound_of(const OpInfo& op) {
  const bool communicates = op.op_class == OpClass::kTransfer ||
                            op.op_class == OpClass::kExchange ||
                            op.op_class == OpClass::kCollective;
  if (communicates) return "link";
  if (op.op_class != OpClass::kKernel) return "host";
  if (op.cost.launch > op.cost.body) return "launch";
  return op.cost.bound == workloads::Bound::kCompute ? "compute" : "memory";
}

std::string joined(const std::vector<std::string>& links) {
  return fmt::format("{}", fmt::join(links, ", "));
}

/// Length of the union of intervals, in seconds.
double covered_s(std::vector<std::pair<sim::Time, sim::Time>>& intervals) {
  std::sort(intervals.begin(), intervals.end());
  sim::Duration covered{};
  sim::Time until{};
  for (const auto& [begin, end] : intervals) {
    if (end <= until) continue;
    covered += end - std::max(begin, until);
    until = end;
  }
  return sim::to_seconds(covered);
}

std::uint32_t narrowed(std::int64_t value) { return static_cast<std::uint32_t>(value); }

}  // namespace

TraceObserver::TraceObserver(TraceFile& file, TraceDetail detail) : file_(file), detail_(detail) {
  file_.set_traced_steps(traced_steps_);
}

void TraceObserver::begin(const workloads::DeploymentRequest& request,
                          const workloads::SingleStream& work) {
  Rig rig{request.rig.name,
          {},
          topology::RigNetwork(request.rig),
          std::max<std::int64_t>(work.output_tokens / kTracedDecodeSteps, 1)};
  for (const topology::InstalledDevice& installed : request.rig.devices) {
    rig.devices.push_back(installed.name);
  }
  for (const std::string& link : rig.network.link_names()) rig.link_busy_s[link] = 0;
  rig_ = std::move(rig);
}

void TraceObserver::pass_executed(const ExecutedPass& executed, const PassGraph& pass,
                                  const sim::Executor& executor) {
  const bool traced = is_traced(executed, pass);
  const std::uint32_t first_row = append_steps(executed);
  add_link_time(executed, pass, executor);
  if (!rig_->first_token) rig_->first_token = executed.start + executed.duration;
  if (traced) append_ops(pass, executor, first_row);
  if (executed.phase != workloads::Phase::kDecode) return;
  if (traced) rig_->next_traced = rig_->decode_steps + rig_->trace_every;
  rig_->decode_steps += executed.repeats;
}

void TraceObserver::end(const RigResult& result) {
  if (result.run) {
    append_requests(result);
    append_occupancy(result);
  }
  append_summary(result);
  rig_.reset();
}

bool TraceObserver::is_traced(const ExecutedPass& executed, const PassGraph& pass) const {
  if (detail_ != TraceDetail::kOps || pass.ops.size() > kMostOpsOfAPass) return false;
  return executed.phase == workloads::Phase::kPrefill || rig_->decode_steps >= rig_->next_traced;
}

/// Returns the row of the first of the pass's repeats.
std::uint32_t TraceObserver::append_steps(const ExecutedPass& executed) {
  std::optional<std::uint32_t> first;
  for (std::int64_t k = 0; k < executed.repeats; ++k) {
    StepRow row;
    row.rig = rig_->name;
    row.start = executed.start + executed.duration * k;
    row.duration = executed.duration;
    row.phase = workloads::to_string(executed.phase);
    row.batch = narrowed(executed.batch);
    row.tokens = executed.tokens;
    row.context_tokens = (executed.context + k) * executed.batch;
    const std::uint32_t number = file_.append(row);
    if (!first) first = number;
  }
  return first.value();
}

void TraceObserver::append_ops(const PassGraph& pass, const sim::Executor& executor,
                               std::uint32_t step) {
  std::vector<bool> on_path(pass.ops.size());
  for (const sim::PathStep& part : executor.critical_path()) on_path[sim::index_of(part.op)] = true;
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    const OpInfo& op = pass.ops[i];
    if (op.round + 1 < pass.rounds) continue;
    const sim::OpId id{narrowed(static_cast<std::int64_t>(i))};
    const bool transfer = op.op_class == OpClass::kTransfer;
    const std::string route = transfer ? joined(path(op).via) : std::string();
    OpRow row;
    row.rig = rig_->name;
    row.start = executor.started(id);
    row.duration = executor.finished(id) - row.start;
    row.device = transfer ? std::string_view() : device_name(op.place);
    row.track = transfer ? std::string_view(route) : row.device;
    row.kind = kind_of(op.op_class);
    row.name = op.name;
    row.step = step;
    if (op.layer >= 0) row.layer = narrowed(op.layer);
    row.flops = sim::Flops(op.flops);
    row.bytes = sim::Bytes(static_cast<std::int64_t>(op.bytes));
    row.bound = bound_of(op);
    row.evidence = evidence(op);
    row.on_critical_path = on_path[i];
    file_.append(row);
    if (transfer) append_transfer(op, row.start, row.duration, step);
  }
  traced_steps_.push_back(step);
  file_.set_traced_steps(traced_steps_);
}

void TraceObserver::append_transfer(const OpInfo& op, sim::Time start, sim::Duration duration,
                                    std::uint32_t step) {
  const std::string route = joined(path(op).via);
  TransferRow row;
  row.rig = rig_->name;
  row.start = start;
  row.duration = duration;
  row.source = device_name(op.source);
  row.destination = device_name(op.place);
  row.bytes = sim::Bytes(static_cast<std::int64_t>(op.bytes));
  row.route = route;
  row.staged = op.staged;
  row.step = step;
  file_.append(row);
}

void TraceObserver::add_link_time(const ExecutedPass& executed, const PassGraph& pass,
                                  const sim::Executor& executor) {
  std::map<std::string_view, std::vector<std::pair<sim::Time, sim::Time>>> busy;
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    if (pass.ops[i].op_class != OpClass::kTransfer || pass.ops[i].round + 1 < pass.rounds) continue;
    const sim::OpId id{narrowed(static_cast<std::int64_t>(i))};
    for (const sim::LinkId link : path(pass.ops[i]).links) {
      busy[rig_->network.name(link)].emplace_back(executor.started(id), executor.finished(id));
    }
  }
  for (auto& [link, intervals] : busy) {
    rig_->link_busy_s.find(link)->second +=
        covered_s(intervals) * static_cast<double>(executed.repeats);
  }
}

topology::CopyPath TraceObserver::path(const OpInfo& op) const {
  if (op.source == workloads::kHostPlace) return rig_->network.host_to_device(op.place);
  if (op.place == workloads::kHostPlace) return rig_->network.device_to_host(op.source);
  return rig_->network.route(op.source, op.place);
}

std::string_view TraceObserver::device_name(std::uint32_t place) const {
  return place == workloads::kHostPlace ? std::string_view("host") : rig_->devices.at(place);
}

/// Links and the host's work are priced from measurements of others' machines: the family's prior.
std::string_view TraceObserver::evidence(const OpInfo& op) const {
  const bool priced = op.op_class == OpClass::kKernel || op.op_class == OpClass::kCollective;
  return name_of(priced ? op.cost.evidence : Evidence::kDatasheet);
}

void TraceObserver::append_requests(const RigResult& result) {
  const sim::Time finish = sim::Time{} + result.run->e2e;
  RequestRow row;
  row.rig = rig_->name;
  row.first_token = rig_->first_token.value_or(finish);
  row.finish = finish;
  row.prompt_tokens = result.work.prompt_tokens;
  row.output_tokens = result.work.output_tokens;
  row.ttft_s = sim::to_seconds(row.first_token - row.arrival);
  row.e2e_s = sim::to_seconds(row.finish - row.arrival);
  if (row.output_tokens > 1) {
    row.tpot_s =
        sim::to_seconds(row.finish - row.first_token) / static_cast<double>(row.output_tokens - 1);
  }
  for (std::int64_t i = 0; i < result.work.batch; ++i) file_.append(row);
}

void TraceObserver::append_occupancy(const RigResult& result) {
  const double total = sim::to_seconds(result.run->e2e);
  for (std::size_t i = 0; i < rig_->devices.size(); ++i) {
    workloads::TimeShare share;
    for (const auto* phase : {&result.run->prefill, &result.run->decode}) {
      if (i < phase->devices.size()) share += phase->devices[i];
    }
    const double busy = share.compute_s + share.memory_s + share.launch_s;
    file_.append(DeviceOccupancyRow{rig_->name, rig_->devices[i], busy, total, busy / total,
                                    share.compute_s, share.memory_s, share.link_s, share.launch_s,
                                    share.bubble_s, share.host_s});
  }
  for (const auto& [link, busy] : rig_->link_busy_s) {
    file_.append(LinkOccupancyRow{rig_->name, link, busy, total, busy / total});
  }
}

void TraceObserver::append_summary(const RigResult& result) {
  const auto put = [&](std::string_view figure, const Figure& value, std::string_view unit) {
    file_.append(SummaryRow{result.name, figure, value.value, value.low, value.high, unit,
                            name_of(value.evidence)});
  };
  const auto exact = [&](const std::string& figure, double value, std::string_view unit) {
    put(figure, Figure{value, value, value, Evidence::kDatasheet, {}}, unit);
  };
  if (result.performance) {
    for (const FigureSpec& spec : figure_specs()) {
      const auto& figure = (*result.performance).*spec.member;
      if (figure) put(spec.key, *figure, spec.unit);
    }
  }
  const auto share = [&](std::string_view phase, const std::optional<PhaseTimes>& times) {
    if (!times) return;
    const workloads::TimeShare& of = times->device_share;
    const std::pair<std::string_view, double> parts[] = {
        {"compute", of.compute_s}, {"memory", of.memory_s}, {"link", of.link_s},
        {"launch", of.launch_s},   {"bubble", of.bubble_s}, {"host", of.host_s}};
    for (const auto& [cause, value] : parts) {
      const Evidence evidence = result.run->evidence;
      put(fmt::format("time_share.{}.{}", phase, cause), {value, value, value, evidence, {}}, "1");
    }
  };
  if (result.performance) {
    share("decode", result.performance->decode);
    share("prefill", result.performance->prefill);
  }
  exact("fits", result.fits ? 1 : 0, "1");
  for (const MemoryUse& use : result.memory) {
    const auto memory = [&](std::string_view item, sim::Bytes bytes) {
      exact(fmt::format("memory_bytes.{}.{}", use.device, item), static_cast<double>(bytes.count()),
            "B");
    };
    memory("weights", use.items.weights);
    memory("kv_cache", use.items.kv_cache);
    memory("activations", use.items.activations);
    memory("runtime", use.items.runtime);
  }
  exact("power_w", result.datasheet.power.count(), "W");
}

}  // namespace rigsim::analysis
