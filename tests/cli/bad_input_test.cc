#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using testing::HasSubstr;

/// A file that must be refused: one line that says where and what, the right code, no file left.
struct BadInput {
  std::string name;  ///< of the file
  std::string text;
  std::string line;  ///< the command, run beside the file
  int code = 2;
  std::string message;  ///< part of the error
};

void PrintTo(const BadInput& bad, std::ostream* out) { *out << bad.line << ": " << bad.message; }

const std::string kWork = " --model llama-3-8b --weights q4_k_m --output out.h5";
const std::string kRun = "run s.yaml --trace out.h5";
const std::string kRigRun = "run --rig r.yaml" + kWork;

std::string scenario(const std::string& more) {
  return "rig: 2x4090\nmodel: llama-3-8b\nweights: q4_k_m\n" + more;
}

std::string device(const std::string& more) {
  return "devices:\n  - device: {like: rtx-4090, name: x, " + more + "}\n";
}

std::vector<BadInput> bad_inputs() {
  const std::string ring =
      "devices: [{device: rtx-4090}]\nnodes:\n  - {name: gpu0, kind: device}\n  - {name: host0, "
      "kind: host}\n  - {name: sw0, kind: pcie-switch}\ncables:\n";
  const auto cable = [](const std::string& a, const std::string& b) {
    return "  - {a: " + a + ", b: " + b + ", type: pcie, bandwidth: 20 GB/s, latency: 1 us}\n";
  };
  return {
      {"s.yaml", scenario("outptu_tokens: 4\n"), kRun, 2,
       "s.yaml:4:1: outptu_tokens: unknown key \"outptu_tokens\", did you mean \"output_tokens\"?"},
      {"s.yaml", scenario("batch: -1\n"), kRun, 2, "s.yaml:4:8: batch: "},
      {"s.yaml", scenario("batch: 1e3\n"), kRun, 2, "s.yaml:4:8: batch: "},
      {"s.yaml", scenario("prompt_tokens: 999999999999\n"), kRun, 2,
       "s.yaml:4:16: prompt_tokens: "},
      {"s.yaml", scenario("weights: f16\n"), kRun, 2, "s.yaml:4:1: weights: "},
      {"s.yaml", scenario("plan: tp=3,pp=5\n"), kRun, 2, "s.yaml:4:7: plan: "},
      {"s.yaml", "rig: 2x4091\nmodel: llama-3-8b\nweights: f16\n", kRun, 2, "s.yaml:1:6: rig: "},
      {"s.yaml", "rig: 2x4090\nweights: f16\n", kRun, 2,
       "s.yaml:1:1: the key \"model\" is missing"},
      {"s.yaml", "rig: [\n", kRun, 2, "s.yaml:"},
      {"s.yaml", "", kRun, 2, "s.yaml"},
      {"r.yaml", device("memory: 24 GB/s"), kRigRun, 2, "r.yaml:2:"},
      {"r.yaml", device("memory: 24"), kRigRun, 2, "r.yaml:2:"},
      {"r.yaml", device("memory: -24 GiB"), kRigRun, 2, "r.yaml:2:"},
      {"r.yaml", device("memory: 24 EiB"), kRigRun, 2, "r.yaml:2:"},
      {"r.yaml", device("memoy: 24 GiB"), kRigRun, 2, "did you mean \"memory\""},
      {"r.yaml", "devices: [{device: rtx-4091}]\n", kRigRun, 2, "did you mean \"rtx-4090\""},
      {"r.yaml", ring + cable("gpu0", "host0") + cable("gpu0", "sw0") + cable("sw0", "host0"),
       kRigRun, 2, "r.yaml:"},
      {"r.yaml", ring + cable("sw0", "host0"), kRigRun, 2, "r.yaml:"},
      {"config.json", R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 40)",
       "run --rig 4090 --model config.json --weights f16 --output out.h5", 3, "config.json"},
      {"config.json", R"({"architectures": ["Mamba2ForCausalLM"], "model_type": "mamba2"})",
       "run --rig 4090 --model ./config.json --weights f16 --output out.h5", 2, "config.json"},
      {"m.gguf", std::string("GGUF\x03\0\0\0\x01", 9),
       "run --rig 4090 --model m.gguf --output o.h5", 3, "m.gguf"},
      {"m.gguf", "not a model", "run --rig 4090 --model m.gguf --output o.h5", 3, "m.gguf"},
      {"other", "", "run missing.yaml --trace out.h5", 3, "missing.yaml: "},
      {"other", "", "run --rig ./missing.yaml" + kWork, 3, "missing.yaml: "},
      {"other", "", "run --rig 4090 --model ./missing.gguf --output o.h5", 3, "missing.gguf: "},
  };
}

class BadInputTest : public testing::TestWithParam<BadInput> {};

TEST_P(BadInputTest, IsOneLineWithTheRightCodeAndLeavesNothing) {
  const BadInput& bad = GetParam();
  const Folder folder;
  folder.write(bad.name, bad.text);
  const Outcome run = rigsim(bad.line, {.folder = folder.path()});
  EXPECT_EQ(run.code, bad.code) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, testing::StartsWith("error: "));
  EXPECT_THAT(run.err, HasSubstr(bad.message));
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_THAT(folder.names(), testing::ElementsAre(bad.name));
}

INSTANTIATE_TEST_SUITE_P(EveryKind, BadInputTest, testing::ValuesIn(bad_inputs()));

}  // namespace
}  // namespace rigsim::cli::test
