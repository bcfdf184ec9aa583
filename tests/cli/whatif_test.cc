#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const json& row(const json& rows, const char* key, const std::string& value) {
  for (const json& entry : rows)
    if (entry.at(key) == value) return entry;
  throw std::runtime_error("no row " + value);
}

const std::string kShort =
    "--rig 2x3090 --model llama-3-8b --weights f16 --prompt 64 --output-tokens 8 ";

// Layers, rows and tensors of llama.cpp; vLLM through host memory and over a PCIe tree.
TEST(WhatIf, AFasterMachineIsNeverSlowerAndTheReRunAgreesWithThePath) {
  const std::string ggml = "--rig 2x4090 --model llama-3-8b --weights q4_k_m --split ";
  const std::string vllm = "--model llama-3-8b --weights f16 --engine vllm --batch 4 ";
  for (const std::string& run :
       {ggml + "layer", ggml + "row", ggml + "tensor", vllm + "--rig 4x3090 --plan tp=4",
        vllm + "--rig 8x-pro-6000-tree --plan tp=8"}) {
    SCOPED_TRACE(run);
    std::string line = "whatif " + run + " --prompt 64 --output-tokens 8 --json";
    for (const char* change :
         {"memory=x2", "compute=x2", "launch=x2", "host=x2", "link=x2", "link=inf", "pcie=6"})
      line += std::string(" --change ") + change;
    const json answer = document(line);
    for (const json& change : answer.at("changes"))
      for (const char* phase : {"decode_gain", "prefill_gain"})
        EXPECT_GE(change.at(phase).at("value"), -1e-9) << change.at("change") << phase;
    for (const char* resource : {"launch", "host", "link"})
      for (const char* phase : {"decode", "prefill"}) {
        const json& figures = row(answer.at("sensitivity"), "resource", resource).at(phase);
        EXPECT_NEAR(figures.at("path"), figures.at("rerun"), 0.03) << resource << phase;
      }
  }
}

TEST(WhatIf, DecodeOfABigModelIsMemory) {
  const json answer = document("whatif " + kShort + "--change memory=x2 --json");
  // Decode of 8B in F16 streams its weights: nearly all of the path is memory.
  const json& memory = row(answer.at("sensitivity"), "resource", "memory").at("decode");
  EXPECT_GT(memory.at("path"), 0.8);
  EXPECT_NEAR(memory.at("path"), memory.at("rerun"), 0.02);
  EXPECT_EQ(answer.at("sensitivity")[0].at("resource"), "memory");
}

// All resources 1 % faster make the run 1 % faster: the re-run figures of the disjoint resources
// sum to 1 as the shares of the path do.
TEST(WhatIf, ElasticitiesSumToOne) {
  const json answer = document("whatif " + kShort + "--change link=x2 --json");
  for (const char* phase : {"decode", "prefill"}) {
    double path = 0;
    double rerun = 0;
    for (const char* resource : {"compute", "memory", "launch", "host", "link"}) {
      const json& figures = row(answer.at("sensitivity"), "resource", resource).at(phase);
      path += figures.at("path").get<double>();
      rerun += figures.at("rerun").get<double>();
    }
    EXPECT_NEAR(path, 1, 1e-9) << phase;
    EXPECT_NEAR(rerun, 1, 0.03) << phase;
  }
}

TEST(WhatIf, WhatCannotBeChangedIsSaidAndTheRestRuns) {
  const json answer = document(
      "whatif --rig 4090 --model llama-3-8b --weights q4_k_m --prompt 64 "
      "--output-tokens 4 --change nvlink --change memory=x2 --json");
  EXPECT_THAT(row(answer.at("changes"), "change", "nvlink").at("refused").get<std::string>(),
              HasSubstr("no pair of neighbours"));
  EXPECT_GT(row(answer.at("changes"), "change", "memory=x2").at("decode_gain").at("value"), 0.3);
}

TEST(WhatIf, NoSlotIsWiderThanItsCard) {
  const Outcome wider =
      rigsim("whatif --rig 2x4060-ti-16gb --model llama-3-8b --weights q4_k_m --change lanes=16");
  EXPECT_EQ(wider.code, 2);
  EXPECT_THAT(wider.err, HasSubstr("--change: lanes=16: rtx-4060-ti-16gb has 8 PCIe lanes"));
}

TEST(WhatIf, PrintsBothTablesAndRefusesNonsense) {
  const Outcome run = rigsim("whatif " + kShort);
  EXPECT_EQ(run.code, 0) << run.err;
  for (const char* part :
       {"as it is", "NVLink bridges (nvlink)", "PCIe 5", "re-run", "link latency"})
    EXPECT_THAT(run.out, HasSubstr(part));
  const Outcome unknown = rigsim("whatif " + kShort + "--change nvlnk");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean \"nvlink\""));
  EXPECT_EQ(rigsim("whatif " + kShort + "--change pcie=7").code, 2);
  EXPECT_EQ(rigsim("whatif " + kShort + "--change compute=x0").code, 2);
  EXPECT_EQ(rigsim("whatif --rig 4090 --model llama-3-70b --weights f16").code, 4);
}

}  // namespace
}  // namespace rigsim::cli::test
