// Feeds the reader of request traces whatever libFuzzer makes up, strictly and leniently. Refusals
// by the promised exceptions are right; anything else that is thrown, a trace whose requests are
// out of order or empty, a crash or a leak is a finding.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "configs/config_error.h"
#include "configs/traffic/trace.h"

namespace {

using namespace rigsim;  // NOLINT(google-build-using-namespace)

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void check_sound(const configs::Trace& trace) {
  const auto& traffic = trace.traffic;
  sim::Time last{};
  for (const auto& request : traffic.requests) {
    check(request.arrival >= last, "arrivals go back");
    last = request.arrival;
    check(request.prompt_tokens >= 1 && request.output_tokens >= 1, "a length below 1");
    check(std::size_t{request.first_hash} + request.hash_count <= traffic.prefix_hashes.size(),
          "hashes that are not there");
  }
  check(!traffic.requests.empty(), "no requests");
  check(trace.measured.empty() || trace.measured.size() == traffic.requests.size(),
        "measured times of other requests");
}

void read(std::string_view text, const configs::TraceOptions& options) {
  try {
    check_sound(configs::read_trace_text(text, "fuzz", options));
  } catch (const configs::UnreadableInput&) {
  } catch (const configs::ConfigError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read(text, {});
  read(text, {.skip_bad = true, .sort = true, .spread = true, .to = sim::Duration(1'000'000)});
  return 0;
}
