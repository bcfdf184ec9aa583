#include "configs/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <sstream>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/gguf_header.h"
#include "configs/gguf_model.h"
#include "configs/model_yaml.h"
#include "configs/safetensors_header.h"
#include "tests/configs/gguf_bytes.h"
#include "tests/configs/temporary_directory.h"
#include "workloads/tensor.h"

namespace rigsim::configs {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kQ8_0 = 8;
constexpr std::uint32_t kQ4_K = 12;

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  } catch (const UnreadableInput& error) {
    return error.what();
  }
  return "accepted";
}

GgufHeader read_gguf(const std::string& bytes) {
  std::istringstream in(bytes);
  return read_gguf_header(in, bytes.size(), "m.gguf");
}

std::string gguf_refusal(const std::string& bytes) {
  return refusal([&] { (void)gguf_model(read_gguf(bytes)); });
}

/// Llama 3 8B's numbers, with four of its tensors.
GgufBytes llama() {
  GgufBytes file;
  file.text("general.architecture", "llama").text("general.name", "Llama 3 8B");
  file.u32("general.file_type", 15).u32("llama.block_count", 32).u32("llama.context_length", 8192);
  file.u32("llama.embedding_length", 4096).u32("llama.feed_forward_length", 14336);
  file.u32("llama.attention.head_count", 32).u32("llama.attention.head_count_kv", 8);
  file.texts("tokenizer.ggml.tokens", {"a", "b", "c"});
  return file;
}

/// A small one whose weights fit a test: 1 layer of 256.
GgufBytes small() {
  GgufBytes file;
  file.text("general.architecture", "llama")
      .u32("general.file_type", 7)
      .u32("llama.block_count", 1);
  file.u32("llama.embedding_length", 256).numbers("llama.attention.head_count_kv", {2});
  file.u32("llama.feed_forward_length", 512).u32("llama.attention.head_count", 4);
  file.tensor("token_embd.weight", {256, 64}, kQ4_K, 64 * 144)
      .tensor("output_norm.weight", {256}, kF32, 1024);
  file.tensor("blk.0.attn_q.weight", {256, 256}, kQ8_0, 256 * 8 * 34);
  return file;
}

TEST(Gguf, DescribesTheModel) {
  const GgufHeader header = read_gguf(llama()
                                          .tensor("token_embd.weight", {4096, 128256}, kQ4_K, 0)
                                          .tensor("output.weight", {4096, 128256}, 14, 0)
                                          .header());
  const workloads::Model model = gguf_model(header);
  EXPECT_EQ(model.name, "Llama 3 8B");
  EXPECT_EQ(model.vocab, 128256);
  EXPECT_FALSE(model.tied_embeddings);
  EXPECT_EQ(workloads::parameter_count(model), 8'030'261'248);
  EXPECT_EQ(gguf_weights_format(header), "Q4_K_M");
}

// 64 x 256 Q4_K: 64 blocks of 144; 256 F32; 256 rows of 8 Q8_0 blocks of 34.
TEST(Gguf, SumsTheWeightsByType) {
  const TemporaryDirectory directory;
  const ModelFile file = read_model_file(directory.write("m.gguf", small().file()));
  EXPECT_EQ(file.by_type.at("Q4_K"), (TensorTotal{1, sim::Bytes(9216)}));
  EXPECT_EQ(file.by_type.at("F32"), (TensorTotal{1, sim::Bytes(1024)}));
  EXPECT_EQ(file.by_type.at("Q8_0"), (TensorTotal{1, sim::Bytes(69632)}));
  EXPECT_EQ(file.weights.count(), 9216 + 1024 + 69632);
  EXPECT_EQ(file.weights_format, "Q8_0");
  EXPECT_EQ(file.model.kv_heads, 2);
  EXPECT_TRUE(file.model.tied_embeddings);
  EXPECT_EQ(file.model.name, "m");
}

TEST(Gguf, AcceptsAHeaderWithoutItsWeightsButNotHalfOfThem) {
  EXPECT_EQ(gguf_refusal(small().header()), "accepted");
  EXPECT_EQ(gguf_refusal(small().file()), "accepted");
  const std::string whole = small().file();
  EXPECT_THAT(gguf_refusal(whole.substr(0, whole.size() / 2)),
              HasSubstr("m.gguf: truncated: the weights end at byte"));
}

TEST(Gguf, RefusesOtherFiles) {
  EXPECT_THAT(gguf_refusal(""), HasSubstr("truncated: the magic"));
  EXPECT_THAT(gguf_refusal("GGJT1234"), HasSubstr("not a GGUF file: it begins with \"GGJT\""));
  EXPECT_THAT(gguf_refusal(small().header(1)),
              HasSubstr("GGUF version 1; versions 2 and 3 are read"));
  EXPECT_THAT(gguf_refusal(small().header(0x03000000)), HasSubstr("big-endian"));
  EXPECT_EQ(gguf_refusal(small().header(2)), "accepted");
}

TEST(Gguf, RefusesLengthsBeyondTheFile) {
  const auto start = [](std::uint64_t tensors, std::uint64_t values) {
    return "GGUF" + GgufBytes::little(3, 4) + GgufBytes::little(tensors, 8) +
           GgufBytes::little(values, 8);
  };
  EXPECT_THAT(gguf_refusal(start(~std::uint64_t{0}, 0)),
              HasSubstr("the number of tensors is 18446744073709551615"));
  EXPECT_THAT(gguf_refusal(start(0, ~std::uint64_t{0})),
              HasSubstr("the number of metadata values is"));
  EXPECT_THAT(gguf_refusal(start(0, 1) + GgufBytes::little(~std::uint64_t{0}, 8)),
              HasSubstr("above 4096"));
  EXPECT_THAT(gguf_refusal(start(0, 1) + GgufBytes::little(4000, 8)),
              HasSubstr("truncated: a metadata key needs 4000 bytes, 0 are left"));
  const std::string key = start(0, 1) + GgufBytes::counted("k");
  EXPECT_THAT(gguf_refusal(key + GgufBytes::little(99, 4)),
              HasSubstr("the value type 99 is unknown"));
  const std::string array = key + GgufBytes::little(9, 4);
  EXPECT_THAT(gguf_refusal(array + GgufBytes::little(9, 4)), HasSubstr("arrays of arrays"));
  EXPECT_THAT(
      gguf_refusal(array + GgufBytes::little(4, 4) + GgufBytes::little(std::uint64_t{1} << 62U, 8)),
      HasSubstr("an array's length is"));
  EXPECT_THAT(gguf_refusal(array + GgufBytes::little(8, 4) + GgufBytes::little(1'000'000, 8)),
              HasSubstr("truncated"));
  EXPECT_THAT(gguf_refusal(key + GgufBytes::little(8, 4) + GgufBytes::little(~std::uint64_t{0}, 8)),
              HasSubstr("truncated"));
}

TEST(Gguf, RefusesTensorsThatCannotBe) {
  const auto with = [](const std::vector<std::uint64_t>& shape, std::uint32_t type) {
    return gguf_refusal(small().tensor("t", shape, type, 0).header());
  };
  EXPECT_THAT(with({100}, kQ4_K), HasSubstr("rows of 100 are no whole blocks of 256 (Q4_K)"));
  EXPECT_THAT(with({256}, 4), HasSubstr("tensor \"t\" is of type 4, which is unknown"));
  EXPECT_THAT(with({std::uint64_t{1} << 39U, std::uint64_t{1} << 39U}, kF32),
              HasSubstr("larger than any file"));
  EXPECT_THAT(with({std::uint64_t{1} << 63U}, kF32), HasSubstr("a tensor's extent is"));
  EXPECT_THAT(with(std::vector<std::uint64_t>(9, 1), kF32), HasSubstr("has 9 dimensions"));
  EXPECT_THAT(gguf_refusal(small().tensor("blk.0.attn_q.weight", {1}, kF32, 4).header()),
              HasSubstr("two tensors are named"));
  EXPECT_THAT(gguf_refusal(small().u32("general.file_type", 1).header()),
              HasSubstr("stands twice"));
}

TEST(Gguf, RefusesModelsItDoesNotCover) {
  GgufBytes other;
  other.text("general.architecture", "mamba");
  EXPECT_THAT(gguf_refusal(other.header()),
              HasSubstr("m.gguf: general.architecture: the architecture \"mamba\" is not covered; "
                        "covered are llama"));
  EXPECT_THAT(gguf_refusal(GgufBytes().header()),
              HasSubstr("general.architecture: the key is missing"));
  GgufBytes uneven;
  uneven.text("general.architecture", "llama")
      .u32("llama.block_count", 2)
      .u32("llama.embedding_length", 64);
  uneven.u32("llama.attention.head_count", 4).numbers("llama.attention.head_count_kv", {4, 2});
  EXPECT_THAT(gguf_refusal(uneven.header()),
              HasSubstr("layers that differ (4 and 2) are not covered"));
  EXPECT_THAT(gguf_refusal(llama().header()), HasSubstr("llama.vocab_size: the key is missing"));
}

TEST(Gguf, ReadsAllPartsOfASplitFile) {
  const TemporaryDirectory directory;
  const auto first = directory.write("m-00001-of-00002.gguf", small().file());
  EXPECT_THAT(refusal([&] { (void)read_model_file(first); }),
              HasSubstr("part 2 (m-00002-of-00002.gguf) is not beside it"));
  GgufBytes rest;
  rest.tensor("output.weight", {256, 64}, kQ8_0, 64 * 8 * 34);
  (void)directory.write("m-00002-of-00002.gguf", rest.file());
  const ModelFile file = read_model_file(first);
  EXPECT_EQ(file.by_type.at("Q8_0"), (TensorTotal{2, sim::Bytes(69632 + 17408)}));
  EXPECT_FALSE(file.model.tied_embeddings);
}

TEST(Gguf, SurvivesTruncationAtEveryByte) {
  const std::string good = small().header();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW((void)read_gguf(good.substr(0, size)), UnreadableInput) << size;
  }
  const std::string whole = small().file();
  const std::size_t data = whole.size() - (9216 + 1024 + 69632);
  for (std::size_t size = data + 1; size < whole.size(); size += 997) {
    EXPECT_THROW((void)read_gguf(whole.substr(0, size)), UnreadableInput) << size;
  }
}

// Any byte may be anything: a model, a ConfigError or UnreadableInput on one line, nothing else.
TEST(Gguf, SurvivesMutation) {
  std::mt19937 random(5);
  const std::string good = small().header();
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 3 == 0 ? 0xff : random() % 256);
    }
    const std::string said = gguf_refusal(bytes);
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    if (said == "accepted") ++accepted;
  }
  EXPECT_GT(accepted, 100);
}

std::string safetensors(std::string_view header, std::size_t data) {
  std::string out = GgufBytes::counted(header);
  out.append(data, '\0');
  return out;
}

std::string safetensors_refusal(const std::string& bytes) {
  std::istringstream in(bytes);
  return refusal([&] { (void)read_safetensors(in, bytes.size(), "m.safetensors"); });
}

constexpr std::string_view kHeader =
    R"({"__metadata__": {"format": "pt"}, "a": {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64]},)"
    R"( "b": {"dtype": "F32", "shape": [], "data_offsets": [64, 68]}, "c": {"dtype": "BF16", "shape": [0],)"
    R"( "data_offsets": [68, 68]}})";

TEST(Safetensors, SumsTheWeightsByType) {
  const std::string bytes = safetensors(kHeader, 68);
  std::istringstream in(bytes);
  const auto totals = read_safetensors(in, bytes.size(), "m.safetensors");
  EXPECT_EQ(totals.at("BF16"), (TensorTotal{2, sim::Bytes(64)}));
  EXPECT_EQ(totals.at("F32"), (TensorTotal{1, sim::Bytes(4)}));
}

TEST(Safetensors, RefusesWhatDoesNotAgree) {
  const auto tensor = [](std::string_view body) {
    return safetensors_refusal(safetensors(std::string("{\"a\": {").append(body).append("}}"), 0));
  };
  EXPECT_THAT(tensor(R"("dtype": "BF16", "shape": [4], "data_offsets": [0, 9])"),
              HasSubstr("do not hold its 64 bits"));
  EXPECT_THAT(tensor(R"("dtype": "BF16", "shape": [4], "data_offsets": [8, 0])"),
              HasSubstr("do not hold"));
  EXPECT_THAT(tensor(R"("dtype": "BF17", "shape": [4], "data_offsets": [0, 8])"),
              HasSubstr("unknown type \"BF17\""));
  EXPECT_THAT(
      tensor(
          R"("dtype": "BF16", "shape": [4294967296, 4294967296, 4294967296], "data_offsets": [0, 8])"),
      HasSubstr("larger than any file"));
  EXPECT_THAT(tensor(R"("dtype": "BF16", "shape": [-4], "data_offsets": [0, 8])"),
              HasSubstr("a negative number"));
  EXPECT_THAT(tensor(R"("dtype": "BF16", "data_offsets": [0, 8])"),
              HasSubstr("lacks dtype, shape"));
  EXPECT_THAT(tensor(R"("dtype": {"a": 1}, "shape": [4], "data_offsets": [0, 8])"),
              HasSubstr("an object where none belongs"));
  EXPECT_THAT(tensor(R"("dtype": "BF16", "shape": [[4]], "data_offsets": [0, 8])"),
              HasSubstr("a list where none belongs"));
  EXPECT_THAT(safetensors_refusal(safetensors(R"({"a": {}, "a": {}})", 0)),
              HasSubstr("lacks dtype"));
  EXPECT_THAT(safetensors_refusal(safetensors("{nonsense", 0)), HasSubstr("not valid JSON"));
  EXPECT_THAT(safetensors_refusal(GgufBytes::little(~std::uint64_t{0}, 8)),
              HasSubstr("not a safetensors file"));
  EXPECT_THAT(safetensors_refusal(GgufBytes::little(1000, 8)),
              HasSubstr("truncated: the header needs 1000 bytes, 0 are left"));
  EXPECT_THAT(safetensors_refusal(safetensors(kHeader, 67)),
              HasSubstr("truncated: the weights end at byte"));
  EXPECT_EQ(safetensors_refusal(safetensors(kHeader, 0)), "accepted");
  EXPECT_NE(safetensors_refusal(safetensors(std::string(100'000, '['), 0)), "accepted");
  EXPECT_NE(safetensors_refusal(safetensors(std::string(100'000, '{'), 0)), "accepted");
}

TEST(Safetensors, SurvivesTruncationAtEveryByteAndMutation) {
  const std::string good = safetensors(kHeader, 68);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const bool header_alone = size == 8 + kHeader.size();
    EXPECT_EQ(safetensors_refusal(good.substr(0, size)) == "accepted", header_alone) << size;
  }
  std::mt19937 random(9);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = good;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    }
    (void)safetensors_refusal(bytes);
  }
}

constexpr std::string_view kConfig =
    R"({"model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2,)"
    R"( "num_hidden_layers": 1, "vocab_size": 4, "max_position_embeddings": 64})";

TEST(ReadModelFile, TakesTheArchitectureOfSafetensorsFromTheConfigBeside) {
  const TemporaryDirectory directory;
  const auto path = directory.write("model.safetensors", safetensors(kHeader, 68));
  EXPECT_THAT(refusal([&] { (void)read_model_file(path); }),
              HasSubstr("put the model's config.json beside it"));
  (void)directory.write("config.json", kConfig);
  const ModelFile file = read_model_file(path);
  EXPECT_EQ(file.model.hidden, 8);
  EXPECT_EQ(file.weights.count(), 68);
  EXPECT_EQ(file.weights_format, "BF16");
}

TEST(ReadModelFile, NamesAModelAfterItsFolder) {
  const TemporaryDirectory directory;
  const ModelFile file = read_model_file(directory.write("config.json", kConfig));
  EXPECT_EQ(file.model.name, directory.path().filename().string());
}

TEST(ReadModelFile, IsWhatTheCatalogueReadsForAPath) {
  const TemporaryDirectory directory;
  const Catalog catalog = Catalog::load();
  EXPECT_EQ(catalog.model(directory.write("mine.json", kConfig).string()).name, "mine");
  YamlWriter text;
  write_model(text, catalog.model("deepseek-v3"));
  const auto yaml = directory.write("mine.yaml", text.text());
  EXPECT_EQ(workloads::parameter_count(catalog.model(yaml.string())), 671'026'419'200);
  EXPECT_THROW((void)catalog.model("no/such.gguf"), UnreadableInput);
  EXPECT_THROW((void)read_model_file(directory.write("notes.txt", "hello")), UnreadableInput);
  EXPECT_THROW((void)read_model_file(directory.path()), UnreadableInput);
}

}  // namespace
}  // namespace rigsim::configs
