#pragma once

#include <tuple>

#include "analysis/trace_schema.h"
#include "analysis/trace_table.h"

namespace rigsim::analysis {

/// The tables of trace_schema.h as they stand in the file. Renaming or removing a column, or
/// changing its meaning, is a new schema version.

template <>
struct Schema<OpRow> {
  static TableSpec table() { return {"ops", "what ran where", 65'536}; }
  static constexpr std::tuple kFields{
      TextField{&OpRow::rig, "rig", "rig", "the machine"},
      Field{&OpRow::start, "start", "ps", "when it started, from the start of the rig's run"},
      Field{&OpRow::duration, "duration", "ps", "how long it took"},
      TextField{&OpRow::device, "device", "device", "where it ran; empty for none (a link)"},
      TextField{&OpRow::track, "track", "track", "the resource it kept busy: a stream or a link"},
      TextField{&OpRow::kind, "kind", "op_kind", "kernel, transfer, host or launch"},
      TextField{&OpRow::name, "name", "op_name", "what it computed or moved"},
      Field{&OpRow::step, "step", "1", "row of /steps it belongs to"},
      Field{&OpRow::layer, "layer", "1", "layer of the model from 0; 4294967295 for none"},
      Field{&OpRow::flops, "flops", "1", "floating-point operations"},
      Field{&OpRow::bytes, "bytes", "B", "memory traffic of a kernel, payload of a transfer"},
      TextField{&OpRow::bound, "bound", "bound",
                "what limited it: compute, memory, link, launch or host"},
      TextField{&OpRow::evidence, "evidence", "evidence",
                "what its cost rests on: measured, fitted or datasheet"},
      Field{&OpRow::on_critical_path, "on_critical_path", "1", "1 if the run waited for it"}};
};

template <>
struct Schema<TransferRow> {
  static TableSpec table() { return {"transfers", "bytes moved between devices", 65'536}; }
  static constexpr std::tuple kFields{
      TextField{&TransferRow::rig, "rig", "rig", "the machine"},
      Field{&TransferRow::start, "start", "ps", "when it started, from the start of the rig's run"},
      Field{&TransferRow::duration, "duration", "ps", "how long it took, latency included"},
      TextField{&TransferRow::source, "source", "device", "device it left"},
      TextField{&TransferRow::destination, "destination", "device", "device it reached"},
      Field{&TransferRow::bytes, "bytes", "B", "payload"},
      TextField{&TransferRow::route, "route", "route", "the way it took"},
      Field{&TransferRow::staged, "staged", "1", "1 if copied through host memory, 0 if directly"},
      Field{&TransferRow::step, "step", "1", "row of /steps it belongs to"}};
};

template <>
struct Schema<StepRow> {
  static TableSpec table() { return {"steps", "forward passes of a batch", 16'384}; }
  static constexpr std::tuple kFields{
      TextField{&StepRow::rig, "rig", "rig", "the machine"},
      Field{&StepRow::start, "start", "ps", "when it started, from the start of the rig's run"},
      Field{&StepRow::duration, "duration", "ps", "how long it took"},
      TextField{&StepRow::phase, "phase", "phase", "prefill or decode"},
      Field{&StepRow::batch, "batch", "1", "requests in the batch"},
      Field{&StepRow::tokens, "tokens", "1", "tokens computed"},
      Field{&StepRow::context_tokens, "context_tokens", "1",
            "tokens in the KV cache after it, over all requests"}};
};

template <>
struct Schema<RequestRow> {
  static TableSpec table() { return {"requests", "finished requests", 16'384}; }
  static constexpr std::tuple kFields{
      TextField{&RequestRow::rig, "rig", "rig", "the machine"},
      Field{&RequestRow::arrival, "arrival", "ps", "when it arrived"},
      Field{&RequestRow::first_token, "first_token", "ps", "when its first output token was there"},
      Field{&RequestRow::finish, "finish", "ps", "when its last output token was there"},
      Field{&RequestRow::prompt_tokens, "prompt_tokens", "1", "tokens of its prompt"},
      Field{&RequestRow::output_tokens, "output_tokens", "1", "tokens it generated"},
      Field{&RequestRow::ttft_s, "ttft", "s", "time to first token: first_token - arrival"},
      Field{&RequestRow::tpot_s, "tpot", "s",
            "time per output token: (finish - first_token) / (output_tokens - 1)"},
      Field{&RequestRow::e2e_s, "e2e", "s", "end to end: finish - arrival"}};
};

template <>
struct Schema<DeviceOccupancyRow> {
  static TableSpec table() { return {"device_occupancy", "what each device did", 1'024}; }
  static constexpr std::tuple kFields{
      TextField{&DeviceOccupancyRow::rig, "rig", "rig", "the machine"},
      TextField{&DeviceOccupancyRow::device, "device", "device", "the device"},
      Field{&DeviceOccupancyRow::busy_s, "busy", "s", "time with something running"},
      Field{&DeviceOccupancyRow::total_s, "total", "s", "time of the run"},
      Field{&DeviceOccupancyRow::busy_fraction, "busy_fraction", "1", "busy / total"},
      Field{&DeviceOccupancyRow::compute_s, "compute", "s", "time bound by arithmetic"},
      Field{&DeviceOccupancyRow::memory_s, "memory", "s", "time bound by memory bandwidth"},
      Field{&DeviceOccupancyRow::link_s, "link", "s", "time waiting for transfers"},
      Field{&DeviceOccupancyRow::launch_s, "launch", "s", "time launching kernels"},
      Field{&DeviceOccupancyRow::bubble_s, "bubble", "s", "time idle while other stages worked"},
      Field{&DeviceOccupancyRow::host_s, "host", "s", "time waiting for the host"}};
};

template <>
struct Schema<LinkOccupancyRow> {
  static TableSpec table() { return {"link_occupancy", "how busy each link was", 1'024}; }
  static constexpr std::tuple kFields{
      TextField{&LinkOccupancyRow::rig, "rig", "rig", "the machine"},
      TextField{&LinkOccupancyRow::link, "link", "link", "the link, one direction"},
      Field{&LinkOccupancyRow::busy_s, "busy", "s", "time carrying something"},
      Field{&LinkOccupancyRow::total_s, "total", "s", "time of the run"},
      Field{&LinkOccupancyRow::busy_fraction, "busy_fraction", "1", "busy / total"}};
};

template <>
struct Schema<SummaryRow> {
  static TableSpec table() { return {"summary", "the printed figures", 1'024}; }
  static constexpr std::tuple kFields{
      TextField{&SummaryRow::rig, "rig", "rig", "the machine"},
      TextField{&SummaryRow::figure, "figure", "figure", "what the value is"},
      Field{&SummaryRow::value, "value", "1", "the prediction, in the row's unit"},
      Field{&SummaryRow::low, "low", "1", "lower end of the 90 % band, in the row's unit"},
      Field{&SummaryRow::high, "high", "1", "upper end of the 90 % band, in the row's unit"},
      TextField{&SummaryRow::unit, "unit", "unit", "unit of value, low and high (UDUNITS)"},
      TextField{&SummaryRow::evidence, "evidence", "evidence",
                "what it rests on: measured, fitted or datasheet"}};
};

}  // namespace rigsim::analysis
