#include "configs/engine_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "configs/catalog.h"
#include "configs/embedded_files.h"
#include "configs/engine_fit.h"
#include "configs/field_table.h"
#include "configs/kernel_table_file.h"
#include "configs/nearest_name.h"
#include "configs/serving_profile.h"

namespace rigsim::configs {
namespace {

using workloads::Backend;
using workloads::BackendProfile;
using workloads::EngineMemory;
using workloads::EngineProfile;
using workloads::KernelStyle;
using workloads::SplitMode;

constexpr std::string_view kFolder = "catalog/engines/";
constexpr std::string_view kFitEnding = ".fit.yaml";
constexpr std::string_view kFactsEnding = ".yaml";

constexpr std::array<Field<EngineProfile>, 9> kEngineFields = {
    {{"batch_tokens", &EngineProfile::batch_tokens},
     {"micro_batch_tokens", &EngineProfile::micro_batch_tokens},
     {"kv_padding", &EngineProfile::kv_padding},
     {"flash_attention", &EngineProfile::flash_attention},
     {"tensor_parallel", &EngineProfile::tensor_parallel},
     {"custom_all_reduce", &EngineProfile::custom_all_reduce},
     {"gathers_for_experts", &EngineProfile::gathers_for_experts},
     {"vendors", &EngineProfile::vendors},
     {"gguf_blocks", &EngineProfile::gguf_blocks}}};

constexpr std::array<Field<EngineMemory>, 16> kMemoryFields = {
    {{"runtime_gpu", &EngineMemory::runtime_gpu},
     {"runtime_unified", &EngineMemory::runtime_unified},
     {"activation_bytes", &EngineMemory::activation_bytes},
     {"live_ffn_tensors", &EngineMemory::live_ffn_tensors},
     {"attention_scores", &EngineMemory::attention_scores},
     {"mask_bytes", &EngineMemory::mask_bytes},
     {"logits_bytes", &EngineMemory::logits_bytes},
     {"logits_rows", &EngineMemory::logits_rows},
     {"unpacked_weight_bytes", &EngineMemory::unpacked_weight_bytes},
     {"pipeline_copies", &EngineMemory::pipeline_copies},
     {"embedding_on_host", &EngineMemory::embedding_on_host},
     {"offloads_layers", &EngineMemory::offloads_layers},
     {"windows", &EngineMemory::windows},
     {"kv_block_tokens", &EngineMemory::kv_block_tokens},
     {"memory_fraction", &EngineMemory::memory_fraction, Range::kShare},
     {"kv_share_of_free", &EngineMemory::kv_share_of_free, Range::kShare}}};

constexpr std::array<Field<BackendProfile>, 19> kBackendFields = {
    {{"elementwise_efficiency", &BackendProfile::elementwise_efficiency, Range::kPositive},
     {"ecc_bandwidth", &BackendProfile::ecc_bandwidth, Range::kShare},
     {"l2_discount", &BackendProfile::l2_discount, Range::kShare},
     {"scores_bytes", &BackendProfile::scores_bytes},
     {"attention_latency", &BackendProfile::attention_latency_us, Range::kMicroseconds},
     {"row_handover", &BackendProfile::row_handover_us, Range::kMicroseconds},
     {"host_step", &BackendProfile::host_step_us, Range::kMicroseconds},
     {"submit", &BackendProfile::submit_us, Range::kMicroseconds},
     {"launch_queue_depth", &BackendProfile::launch_queue_depth},
     {"gemm_extra_launches", &BackendProfile::gemm_extra_launches},
     {"single_launch_gemm_families", &BackendProfile::single_launch_gemm_families},
     {"fp8_formats", &BackendProfile::fp8_formats},
     {"fp16_accumulate", &BackendProfile::fp16_accumulate},
     {"dequantize_for_gemm", &BackendProfile::dequantize_for_gemm},
     {"grouped_experts", &BackendProfile::grouped_experts},
     {"staged_copy_blocks", &BackendProfile::staged_copy_blocks},
     {"convert_activations", &BackendProfile::convert_activations},
     {"tile_quantisation", &BackendProfile::tile_quantisation},
     {"roofline_exponent", &BackendProfile::roofline_exponent}}};

constexpr std::array<std::pair<std::string_view, Backend>, 3> kBackends = {
    {{"cuda", Backend::kCuda}, {"metal", Backend::kMetal}, {"cpu", Backend::kCpu}}};

template <class S, std::size_t N>
void read_some(ObjectReader& map, const std::array<Field<S>, N>& fields, S& into) {
  read_fields(map, std::span<const Field<S>>(fields), into);
}

BackendProfile read_backend(const ValueReader& value, Backend backend, EngineFile& engine) {
  BackendProfile out;
  out.backend = backend;
  ObjectReader map = value.object();
  engine.builds[backend] = map.required<std::string>("builds");
  read_some(map, kBackendFields, out);
  map.finish();
  return out;
}

void read_backends(const ValueReader& value, EngineFile& engine) {
  ObjectReader map = value.object();
  for (const auto& [name, backend] : kBackends) {
    const auto found = map.optional_value(name);
    if (found) engine.profile.backends.push_back(read_backend(*found, backend, engine));
  }
  map.finish();
  if (engine.profile.backends.empty()) value.fail("at least one of cuda, metal, cpu is needed");
}

/// `splits: [row, layer]`; layer alone where nothing is said.
void read_splits(ObjectReader& map, EngineProfile& profile) {
  const auto value = map.optional_value("splits");
  if (!value) return;
  profile.splits.clear();
  for (const ValueReader& item : value->items()) {
    profile.splits.push_back(item.choice<SplitMode>(
        {{"layer", SplitMode::kLayer}, {"row", SplitMode::kRow}, {"tensor", SplitMode::kTensor}}));
  }
  if (profile.splits.empty()) value->fail("at least one of layer, row, tensor is needed");
}

/// One source for what profile and memory plan both need.
void share(ObjectReader& map, EngineProfile& profile) {
  if (profile.batch_tokens < 1 || profile.micro_batch_tokens < 1 || profile.kv_padding < 1) {
    map.whole().fail("batch_tokens, micro_batch_tokens and kv_padding must be at least 1");
  }
  profile.memory.micro_batch_tokens = profile.micro_batch_tokens;
}

EngineFile read_facts(const YamlDocument& facts) {
  EngineFile engine;
  ObjectReader map = ValueReader(facts).object();
  engine.about = read_about(map, {});
  EngineProfile& profile = engine.profile;
  profile.name = engine.about.name;
  engine.kernels_of = map.optional<std::string>("kernels_of").value_or(profile.name);
  profile.version = map.required<std::string>("version");
  profile.style = map.value("style").choice<KernelStyle>(
      {{"ggml", KernelStyle::kGgml}, {"fused", KernelStyle::kFused}});
  read_some(map, kEngineFields, profile);
  read_splits(map, profile);
  engine.measured_attention = map.optional<bool>("measured_attention").value_or(true);
  if (const auto memory = map.optional_value("memory")) {
    ObjectReader inner = memory->object();
    read_some(inner, kMemoryFields, profile.memory);
    inner.finish();
  }
  share(map, profile);
  if (const auto memory = map.optional_value("memory")) {
    memory->checked([&] { validate(profile.memory); });
  }
  if (const auto serving = map.optional_value("serving"))
    engine.serving = read_serving(*serving, profile);
  read_backends(map.value("backends"), engine);
  map.finish();
  return engine;
}

void read_fit(const YamlDocument& fit, EngineFile& engine) {
  ObjectReader map = ValueReader(fit).object();
  const ValueReader name = map.value("engine");
  if (name.as<std::string>() != engine.kernels_of) {
    name.fail(fmt::format("the fit is of {}, its facts of {}", in_quotes(name.as<std::string>()),
                          in_quotes(engine.kernels_of)));
  }
  ObjectReader backends = map.value("backends").object();
  for (BackendProfile& backend : engine.profile.backends) {
    read_backend_fit(backends.value(to_string(backend.backend)), backend, engine);
  }
  backends.finish();
  map.finish();
}

const EmbeddedFile* embedded(std::string_view path) {
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

YamlDocument embedded_yaml(const std::string& path) {
  const EmbeddedFile* file = embedded(path);
  if (file == nullptr) throw std::logic_error("no built-in file " + path);
  return parse_yaml(file->text, path);
}

/// The shipped tables time the fused kernels of GPUs.
void attach_tables(EngineFile& engine) {
  for (BackendProfile& backend : engine.profile.backends) {
    if (backend.backend == Backend::kCuda)
      backend.tables = kernel_tables(engine.measured_attention);
  }
}

std::string built_in_path(const std::string& name, std::string_view ending) {
  return std::string(kFolder) + name + std::string(ending);
}

EngineFile built_in(const std::string& name) {
  EngineFile engine = read_facts(embedded_yaml(built_in_path(name, kFactsEnding)));
  read_fit(embedded_yaml(built_in_path(engine.kernels_of, kFitEnding)), engine);
  if (engine.profile.style == KernelStyle::kFused) attach_tables(engine);
  return engine;
}

EngineFile user_engine(const std::filesystem::path& facts) {
  EngineFile engine = read_facts(read_yaml(facts));
  const std::string shipped = built_in_path(engine.kernels_of, kFitEnding);
  const bool others = engine.kernels_of != engine.profile.name && embedded(shipped) != nullptr;
  const std::filesystem::path own =
      facts.parent_path() / (facts.stem().string() + std::string(kFitEnding));
  read_fit(others ? embedded_yaml(shipped) : read_yaml(own), engine);
  if (others && engine.profile.style == KernelStyle::kFused) attach_tables(engine);
  return engine;
}

bool answers_to(const EngineFile& engine, std::string_view name) {
  const auto same = [&](const std::string& other) { return normalised(other) == normalised(name); };
  return same(engine.profile.name) ||
         std::any_of(engine.about.aliases.begin(), engine.about.aliases.end(), same);
}

}  // namespace

EngineFile read_engine(const YamlDocument& facts, const YamlDocument& fit) {
  EngineFile engine = read_facts(facts);
  read_fit(fit, engine);
  return engine;
}

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.path.starts_with(kFolder) || file.path.ends_with(kFitEnding)) continue;
    names.emplace_back(
        file.path.substr(kFolder.size(), file.path.size() - kFolder.size() - kFactsEnding.size()));
  }
  return names;
}

EngineFile engine_named(std::string_view name) {
  if (is_file_name(name)) return user_engine(std::filesystem::path(name));
  const std::vector<std::string> names = engine_names();
  for (const std::string& candidate : names) {
    if (normalised(candidate) == normalised(name)) return built_in(candidate);
  }
  for (const std::string& candidate : names) {
    EngineFile engine = built_in(candidate);
    if (answers_to(engine, name)) return engine;
  }
  const std::string hint = did_you_mean(name, names, 3);
  throw std::invalid_argument(
      fmt::format("unknown engine {}{} \"rigsim catalog engines\" lists all", in_quotes(name),
                  hint.empty() ? ";" : hint));
}

}  // namespace rigsim::configs
