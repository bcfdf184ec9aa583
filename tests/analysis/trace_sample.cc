// Writes a small trace that trace_readers.py opens with other people's software.

#include <cstdio>
#include <exception>

#include "analysis/trace_file.h"

namespace {

using namespace rigsim::analysis;  // NOLINT(google-build-using-namespace): a main program
using rigsim::sim::Bytes;
using rigsim::sim::Duration;
using rigsim::sim::Flops;
using rigsim::sim::Time;

// Two rigs; 1,000 ops of 10 ps each, every fourth on the host, 80 layers.
void write_sample(const char* path) {
  TraceFile trace(path, {.title = "sample",
                         .version = "0.1.0",
                         .commit = "abc123",
                         .command_line = "rigsim compare --rig 2x4090 --rig a6000",
                         .scenario = "model: llama-3-70b\nrigs: [2x4090, a6000]\n",
                         .seed = 7});
  for (const char* rig : {"2x4090", "a6000"}) {
    const auto step = trace.append(StepRow{.rig = rig,
                                           .duration = Duration(5'000),
                                           .phase = "decode",
                                           .batch = 1,
                                           .tokens = 1,
                                           .context_tokens = 1'025});
    for (std::uint32_t i = 0; i < 500; ++i) {
      const bool host = i % 4 == 3;
      trace.append(OpRow{.rig = rig,
                         .start = Time(Duration(10 * i)),
                         .duration = Duration(10),
                         .device = host ? "host" : "gpu0",
                         .track = host ? "host" : "gpu0.compute",
                         .kind = host ? "host" : "kernel",
                         .name = host ? "sync" : "attn_q",
                         .step = step,
                         .layer = host ? std::nullopt : std::optional(i % 80),
                         .flops = Flops(host ? 0 : 2e9),
                         .bytes = Bytes(host ? 0 : 1'000),
                         .bound = host ? "host" : "memory",
                         .evidence = "fitted",
                         .on_critical_path = true});
    }
    trace.append(TransferRow{.rig = rig, .source = "gpu0", .destination = "gpu1", .staged = true});
    trace.append(RequestRow{.rig = rig, .finish = Time(Duration(5'000)), .e2e_s = 5e-9});
    trace.append(DeviceOccupancyRow{.rig = rig, .device = "gpu0", .busy_s = 3.75e-9});
    trace.append(LinkOccupancyRow{.rig = rig, .link = "gpu0>host0"});
    trace.append(
        SummaryRow{.rig = rig, .figure = "decode_tokens_per_s", .value = 2e8, .unit = "s-1"});
  }
  trace.finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    write_sample(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
