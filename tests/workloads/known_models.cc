#include "tests/workloads/known_models.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace rigsim::workloads {

std::span<const KnownModel> known_models() {
  // clang-format off
  static const std::vector<KnownModel> models = {
    {{.name = "llama-2-7b", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 32, .head_dim = 128,
      .ffn_intermediate = 11008, .vocab = 32000, .max_context = 4096, .published_parameters = 6738417664},
      6738415616, 6738415616, 524288},
    {{.name = "llama-2-13b", .layers = 40, .hidden = 5120, .heads = 40, .kv_heads = 40, .head_dim = 128,
      .ffn_intermediate = 13824, .vocab = 32000, .max_context = 4096, .published_parameters = 13015866880},
      13015864320, 13015864320, 819200},
    {{.name = "llama-2-70b", .layers = 80, .hidden = 8192, .heads = 64, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 28672, .vocab = 32000, .max_context = 4096, .published_parameters = 68976648192},
      68976648192, 68976648192, 327680},
    {{.name = "llama-3-8b", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 14336, .vocab = 128256, .max_context = 8192, .published_parameters = 8030261248},
      8030261248, 8030261248, 131072},
    {{.name = "llama-3-70b", .layers = 80, .hidden = 8192, .heads = 64, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 28672, .vocab = 128256, .max_context = 8192, .published_parameters = 70553706496},
      70553706496, 70553706496, 327680},
    {{.name = "llama-3.1-8b", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 14336, .vocab = 128256, .max_context = 131072, .published_parameters = 8030261248},
      8030261248, 8030261248, 131072},
    {{.name = "llama-3.1-70b", .layers = 80, .hidden = 8192, .heads = 64, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 28672, .vocab = 128256, .max_context = 131072, .published_parameters = 70553706496},
      70553706496, 70553706496, 327680},
    {{.name = "llama-3.1-405b", .layers = 126, .hidden = 16384, .heads = 128, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 53248, .vocab = 128256, .max_context = 131072, .published_parameters = 405853388800},
      405853388800, 405853388800, 516096},
    {{.name = "llama-3.2-1b", .layers = 16, .hidden = 2048, .heads = 32, .kv_heads = 8, .head_dim = 64,
      .ffn_intermediate = 8192, .vocab = 128256, .tied_embeddings = true, .max_context = 131072,
      .published_parameters = 1235814400}, 1235814400, 1235814400, 32768},
    {{.name = "llama-3.2-3b", .layers = 28, .hidden = 3072, .heads = 24, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 8192, .vocab = 128256, .tied_embeddings = true, .max_context = 131072,
      .published_parameters = 3212749824}, 3212749824, 3212749824, 114688},
    {{.name = "mistral-7b-v0.1", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 14336, .vocab = 32000, .sliding_window = 4096, .window_pattern =
      WindowPattern::kAllLayers, .max_context = 32768, .published_parameters = 7241732096}, 7241732096, 7241732096,
      131072},
    {{.name = "mistral-7b-v0.3", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 14336, .vocab = 32768, .max_context = 32768, .published_parameters = 7248023552},
      7248023552, 7248023552, 131072},
    {{.name = "mixtral-8x7b", .family = ModelFamily::kMoe, .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8,
      .head_dim = 128, .ffn_intermediate = 14336, .vocab = 32000, .experts = Experts{.count = 8, .active = 2,
      .intermediate = 14336}, .max_context = 32768, .published_parameters = 46702792704}, 46702792704, 12879925248,
      131072},
    {{.name = "mixtral-8x22b", .family = ModelFamily::kMoe, .layers = 56, .hidden = 6144, .heads = 48, .kv_heads =
      8, .head_dim = 128, .ffn_intermediate = 16384, .vocab = 32768, .experts = Experts{.count = 8, .active = 2,
      .intermediate = 16384}, .max_context = 65536, .published_parameters = 140630071296}, 140630071296,
      39161468928, 229376},
    {{.name = "codellama-34b", .layers = 48, .hidden = 8192, .heads = 64, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 22016, .vocab = 32000, .max_context = 16384, .published_parameters = 33743970304},
      33743970304, 33743970304, 196608},
    {{.name = "qwen2.5-7b", .layers = 28, .hidden = 3584, .heads = 28, .kv_heads = 4, .head_dim = 128,
      .ffn_intermediate = 18944, .vocab = 152064, .qkv_bias = true, .max_context = 131072, .published_parameters =
      7615616512}, 7615616512, 7615616512, 57344},
    {{.name = "qwen2.5-14b", .layers = 48, .hidden = 5120, .heads = 40, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 13824, .vocab = 152064, .qkv_bias = true, .max_context = 131072, .published_parameters =
      14770033664}, 14770033664, 14770033664, 196608},
    {{.name = "qwen2.5-32b", .layers = 64, .hidden = 5120, .heads = 40, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 27648, .vocab = 152064, .qkv_bias = true, .max_context = 131072, .published_parameters =
      32763876352}, 32763876352, 32763876352, 262144},
    {{.name = "qwen2.5-72b", .layers = 80, .hidden = 8192, .heads = 64, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 29568, .vocab = 152064, .qkv_bias = true, .max_context = 131072, .published_parameters =
      72706203648}, 72706203648, 72706203648, 327680},
    {{.name = "qwen3-8b", .layers = 36, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 12288, .vocab = 151936, .qk_norm = true, .max_context = 40960, .published_parameters =
      8190735360}, 8190735360, 8190735360, 147456},
    {{.name = "qwen3-32b", .layers = 64, .hidden = 5120, .heads = 64, .kv_heads = 8, .head_dim = 128,
      .ffn_intermediate = 25600, .vocab = 151936, .qk_norm = true, .max_context = 40960, .published_parameters =
      32762123264}, 32762123264, 32762123264, 262144},
    {{.name = "qwen3-30b-a3b", .family = ModelFamily::kMoe, .layers = 48, .hidden = 2048, .heads = 32, .kv_heads =
      4, .head_dim = 128, .ffn_intermediate = 6144, .vocab = 151936, .qk_norm = true, .experts = Experts{.count =
      128, .active = 8, .intermediate = 768}, .max_context = 40960, .published_parameters = 30532122624},
      30532122624, 3353032704, 98304},
    {{.name = "qwen3-235b-a22b", .family = ModelFamily::kMoe, .layers = 94, .hidden = 4096, .heads = 64, .kv_heads =
      4, .head_dim = 128, .ffn_intermediate = 12288, .vocab = 151936, .qk_norm = true, .experts = Experts{.count =
      128, .active = 8, .intermediate = 1536}, .max_context = 40960, .published_parameters = 235093634560},
      235093634560, 22190763520, 192512},
    {{.name = "gemma-2-9b", .layers = 42, .hidden = 3584, .heads = 16, .kv_heads = 8, .head_dim = 256,
      .ffn_intermediate = 14336, .vocab = 256000, .tied_embeddings = true, .post_norms = true, .sliding_window =
      4096, .window_pattern = WindowPattern::kEvenLayers, .max_context = 8192, .published_parameters = 9241705984},
      9241705984, 9241705984, 344064},
    {{.name = "gemma-2-27b", .layers = 46, .hidden = 4608, .heads = 32, .kv_heads = 16, .head_dim = 128,
      .ffn_intermediate = 36864, .vocab = 256000, .tied_embeddings = true, .post_norms = true, .sliding_window =
      4096, .window_pattern = WindowPattern::kEvenLayers, .max_context = 8192, .published_parameters = 27227128320},
      27227128320, 27227128320, 376832},
    {{.name = "phi-3-mini", .layers = 32, .hidden = 3072, .heads = 32, .kv_heads = 32, .head_dim = 96,
      .ffn_intermediate = 8192, .vocab = 32064, .sliding_window = 2047, .window_pattern = WindowPattern::kAllLayers,
      .max_context = 4096, .published_parameters = 3821079552}, 3821079552, 3821079552, 393216},
    {{.name = "phi-4", .layers = 40, .hidden = 5120, .heads = 40, .kv_heads = 10, .head_dim = 128, .ffn_intermediate
      = 17920, .vocab = 100352, .max_context = 16384, .published_parameters = 14659507200}, 14659507200,
      14659507200, 204800},
    {{.name = "deepseek-v2-lite", .family = ModelFamily::kDeepseek, .layers = 27, .hidden = 2048, .heads = 16,
      .kv_heads = 16, .head_dim = 192, .ffn_intermediate = 10944, .vocab = 102400, .attention = AttentionKind::kMla,
      .experts = Experts{.count = 64, .active = 6, .intermediate = 1408, .shared = 2, .first_dense_layers = 1}, .mla
      = Mla{.q_lora_rank = 0, .kv_lora_rank = 512, .qk_nope_head_dim = 128, .qk_rope_head_dim = 64, .v_head_dim =
      128}, .max_context = 163840, .published_parameters = 15706484224}, 15706484224, 2661150208, 31104},
    {{.name = "deepseek-v3", .family = ModelFamily::kDeepseek, .layers = 61, .hidden = 7168, .heads = 128, .kv_heads
      = 128, .head_dim = 192, .ffn_intermediate = 18432, .vocab = 129280, .attention = AttentionKind::kMla, .experts
      = Experts{.count = 256, .active = 8, .intermediate = 2048, .shared = 1, .first_dense_layers = 3}, .mla =
      Mla{.q_lora_rank = 1536, .kv_lora_rank = 512, .qk_nope_head_dim = 128, .qk_rope_head_dim = 64, .v_head_dim =
      128}, .max_context = 163840, .published_parameters = 671026419200}, 671026419200, 37552297472, 70272},
    {{.name = "gpt-oss-20b", .family = ModelFamily::kGptOss, .layers = 24, .hidden = 2880, .heads = 64, .kv_heads =
      8, .head_dim = 64, .ffn_intermediate = 2880, .vocab = 201088, .experts = Experts{.count = 32, .active = 4,
      .intermediate = 2880}, .sliding_window = 128, .window_pattern = WindowPattern::kEvenLayers, .max_context =
      131072, .published_parameters = 20914757184}, 20914757184, 4187440704, 49152},
    {{.name = "gpt-oss-120b", .family = ModelFamily::kGptOss, .layers = 36, .hidden = 2880, .heads = 64, .kv_heads =
      8, .head_dim = 64, .ffn_intermediate = 2880, .vocab = 201088, .experts = Experts{.count = 128, .active = 4,
      .intermediate = 2880}, .sliding_window = 128, .window_pattern = WindowPattern::kEvenLayers, .max_context =
      131072, .published_parameters = 116829156672}, 116829156672, 5711982912, 73728},
    {{.name = "falcon-40b", .family = ModelFamily::kFalcon, .layers = 60, .hidden = 8192, .heads = 128, .kv_heads =
      8, .head_dim = 64, .ffn_intermediate = 32768, .vocab = 65024, .tied_embeddings = true, .max_context = 2048,
      .published_parameters = 41835970560}, 41303293952, 41303293952, 122880},
    {{.name = "opt-6.7b", .family = ModelFamily::kOpt, .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 32,
      .head_dim = 128, .ffn_intermediate = 16384, .vocab = 50272, .tied_embeddings = true, .max_context = 2048},
      6658473984, 6658473984, 524288},
    {{.name = "opt-13b", .family = ModelFamily::kOpt, .layers = 40, .hidden = 5120, .heads = 40, .kv_heads = 40,
      .head_dim = 128, .ffn_intermediate = 20480, .vocab = 50272, .tied_embeddings = true, .max_context = 2048},
      12853473280, 12853473280, 819200},
    {{.name = "opt-30b", .family = ModelFamily::kOpt, .layers = 48, .hidden = 7168, .heads = 56, .kv_heads = 56,
      .head_dim = 128, .ffn_intermediate = 28672, .vocab = 50272, .tied_embeddings = true, .max_context = 2048},
      29974540288, 29974540288, 1376256},
    {{.name = "opt-66b", .family = ModelFamily::kOpt, .layers = 64, .hidden = 9216, .heads = 72, .kv_heads = 72,
      .head_dim = 128, .ffn_intermediate = 36864, .vocab = 50272, .tied_embeddings = true, .max_context = 2048},
      65719701504, 65719701504, 2359296},
    {{.name = "gpt2", .family = ModelFamily::kGpt2, .layers = 12, .hidden = 768, .heads = 12, .kv_heads = 12,
      .head_dim = 64, .ffn_intermediate = 3072, .vocab = 50257, .tied_embeddings = true, .max_context = 1024,
      .published_parameters = 124439808}, 124439808, 124439808, 36864},
    {{.name = "gpt2-xl", .family = ModelFamily::kGpt2, .layers = 48, .hidden = 1600, .heads = 25, .kv_heads = 25,
      .head_dim = 64, .ffn_intermediate = 6400, .vocab = 50257, .tied_embeddings = true, .max_context = 1024,
      .published_parameters = 1557611200}, 1557611200, 1557611200, 307200},
    {{.name = "gpt3-175b", .family = ModelFamily::kGpt2, .layers = 96, .hidden = 12288, .heads = 96, .kv_heads = 96,
      .head_dim = 128, .ffn_intermediate = 49152, .vocab = 50257, .tied_embeddings = true, .max_context = 2048},
      174604259328, 174604259328, 4718592},
    {{.name = "llama-1-7b", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 32, .head_dim = 128,
      .ffn_intermediate = 11008, .vocab = 32000, .max_context = 2048, .published_parameters = 6738415616},
      6738415616, 6738415616, 524288},
    {{.name = "llama-1-13b", .layers = 40, .hidden = 5120, .heads = 40, .kv_heads = 40, .head_dim = 128,
      .ffn_intermediate = 13824, .vocab = 32000, .max_context = 2048, .published_parameters = 13015864320},
      13015864320, 13015864320, 819200},
    {{.name = "llama-1-30b", .layers = 60, .hidden = 6656, .heads = 52, .kv_heads = 52, .head_dim = 128,
      .ffn_intermediate = 17920, .vocab = 32000, .max_context = 2048, .published_parameters = 32528943616},
      32528943616, 32528943616, 1597440},
    {{.name = "llama-1-65b", .layers = 80, .hidden = 8192, .heads = 64, .kv_heads = 64, .head_dim = 128,
      .ffn_intermediate = 22016, .vocab = 32000, .max_context = 2048, .published_parameters = 65285660672},
      65285660672, 65285660672, 2621440},
  };
  // clang-format on
  return models;
}

const Model& known_model(std::string_view name) {
  const auto models = known_models();
  const auto found = std::ranges::find_if(
      models, [&](const KnownModel& known) { return known.model.name == name; });
  if (found == models.end()) throw std::out_of_range("no known model " + std::string(name));
  return found->model;
}

}  // namespace rigsim::workloads
