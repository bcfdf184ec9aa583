#include "analysis/serving_trace.h"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/hdf5_file.h"
#include "analysis/hdf5_table.h"
#include "analysis/trace_table.h"

namespace rigsim::analysis {
namespace {

using workloads::RequestOutcome;

constexpr std::int32_t kSchemaVersion = 1;
constexpr const char* kComplete = "complete";
constexpr std::array<std::string_view, 3> kOutcomes{"finished", "too_long", "unserved"};
constexpr double kTicksPerPicosecond = 1 << workloads::kTickBits;

void write_header(const Hdf5File& file, const TraceHeader& header) {
  const hid_t root = file.id();
  set_origin(file, {header.title, header.version, header.commit}, "rigsim-serving", kSchemaVersion);
  set_attribute(file, root, "seed", header.seed);
  set_attribute(file, root, "command_line", header.command_line);
  set_attribute(file, root, "scenario_yaml", header.scenario);
  set_attribute(file, root, kComplete, 0);
}

struct RequestColumns {
  explicit RequestColumns(Hdf5Table& table, Lookups& lookups)
      : request(table.add_column<std::uint32_t>({"request", "1", "its number in the traffic"})),
        prompt(table.add_column<std::int64_t>({"prompt_tokens", "1", "tokens of the prompt"})),
        output(table.add_column<std::int64_t>({"output_tokens", "1", "tokens of the answer"})),
        cached(table.add_column<std::int64_t>(
            {"cached_tokens", "1", "of the prompt, cached when it was first scheduled"})),
        host(table.add_column<std::int64_t>(
            {"host_tokens", "1", "of the prompt, behind these in host memory"})),
        preemptions(table.add_column<std::uint32_t>({"preemptions", "1", "times it lost its KV"})),
        replica(table.add_column<std::uint16_t>({"replica", "1", "where it was served"})),
        arrival(time(table, "arrival", "when it arrived")),
        scheduled(time(table, "scheduled", "start of the first step that works on it")),
        prefilled(time(table, "prefilled", "when its prompt was done, where another decodes")),
        kv_sent(time(table, "kv_sent", "when its KV cache left the replica of the prompt, if any")),
        kv_there(time(table, "kv_there", "when that was where it decodes")),
        first_token(time(table, "first_token", "end of the step that gave its first token")),
        finished(time(table, "finished", "end of the step that gave its last token")),
        outcome(table.add_text_column({"outcome", "1", "what became of it"},
                                      lookups.table("outcome"))) {}

  static ColumnId<std::int64_t> time(Hdf5Table& table, const char* name, const char* description) {
    return table.add_column<std::int64_t>({name, "ps", description}, std::int64_t{-1});
  }

  ColumnId<std::uint32_t> request;
  ColumnId<std::int64_t> prompt, output, cached, host;
  ColumnId<std::uint32_t> preemptions;
  ColumnId<std::uint16_t> replica;
  ColumnId<std::int64_t> arrival, scheduled, prefilled, kv_sent, kv_there, first_token, finished;
  ColumnId<std::uint32_t> outcome;
};

struct StepColumns {
  StepColumns(Hdf5Table& table, std::size_t stages, bool speculates)
      : replica(table.add_column<std::uint32_t>({"replica", "1", "whose steps"})),
        start(table.add_column<std::int64_t>(
            {"start", "ps", "of the first of them; in a pipeline when it was scheduled"})),
        steps(count(table, "steps", "steps in a row")),
        first(table.add_column<double>({"first", "ps", "duration of the first"})),
        growth(table.add_column<double>({"growth", "ps", "by which each takes longer"})),
        busy(table.add_column<double>(
            {"busy", "ps", "of their time, when no step that ended before was on its way"})),
        link(table.add_column<double>(
            {"link", "ps",
             "of their time, held up by links within the replica; of several steps on their way "
             "inside the mean stage"})),
        waited(table.add_column<double>(
            {"waited", "ps", "of their time, in lock step: for the slowest replica"})),
        decodes(count(table, "decodes", "sequences that get a token")),
        kv_tokens(count(table, "kv_tokens", "that these attend to, in the first step")),
        chunks(count(table, "chunks", "prompts or parts of them")),
        prompt_tokens(count(table, "prompt_tokens", "of the chunks")),
        running(count(table, "running", "sequences, when the first step ends")),
        waiting(count(table, "waiting", "sequences, then")),
        held(count(table, "kv_blocks_held", "then")),
        preemptions(count(table, "preemptions", "since the row before")),
        swapped_out(count(table, "swapped_out", "KV blocks to host memory, before the step")),
        swapped_in(count(table, "swapped_in", "KV blocks from there, before the step")),
        host_stored(count(table, "host_stored", "KV blocks cached in host memory, since then")),
        host_loaded(count(table, "host_loaded", "KV blocks from that cache, since then")) {
    for (std::size_t s = 0; stages > 1 && s < stages; ++s)
      stage_busy.push_back(table.add_column<double>(
          {"stage_" + std::to_string(s) + "_busy", "ps", "when this stage computes them"}));
    if (!speculates) return;
    drafts = count(table, "draft_tokens", "drafted tokens computed beside one of each decoding");
    accepted = count(table, "accepted_tokens", "of these");
  }

  static ColumnId<std::int64_t> count(Hdf5Table& table, const char* name, const char* description) {
    return table.add_column<std::int64_t>({name, "1", description});
  }

  ColumnId<std::uint32_t> replica;
  ColumnId<std::int64_t> start, steps;
  ColumnId<double> first, growth, busy, link, waited;
  ColumnId<std::int64_t> decodes, kv_tokens, chunks, prompt_tokens, running, waiting, held;
  ColumnId<std::int64_t> preemptions, swapped_out, swapped_in, host_stored, host_loaded;
  std::vector<ColumnId<double>> stage_busy;
  std::optional<ColumnId<std::int64_t>> drafts, accepted;
};

struct SeriesColumns {
  explicit SeriesColumns(Hdf5Table& table)
      : start(number(table, "start", "s", "of the window")),
        length(number(table, "length", "s", "of the window")),
        busy(number(table, "busy_fraction", "1", "of the replicas' time, steps running")),
        batch(number(table, "batch", "1", "sequences in a step, mean while steps run")),
        kv(number(table, "kv_used_fraction", "1", "of a replica's blocks, the same mean")),
        waiting(number(table, "waiting", "1", "sequences of a replica, the same mean")),
        bubble(number(table, "bubble_fraction", "1",
                      "of the time of a pipeline's stages while steps run, not computing")),
        link(number(table, "link_fraction", "1",
                    "of the time that steps run, held up by links within replicas; of several "
                    "steps on their way inside the mean stage")),
        output(number(table, "output_tokens_per_s", "1/s", "answered by decoding")),
        prompt(number(table, "prompt_tokens_per_s", "1/s", "computed")),
        preemptions(table.add_column<std::int64_t>({"preemptions", "1", "in the window"})) {}

  static ColumnId<double> number(Hdf5Table& table, const char* name, const char* units,
                                 const char* description) {
    return table.add_column<double>({name, units, description});
  }

  ColumnId<double> start, length, busy, batch, kv, waiting, bubble, link, output, prompt;
  ColumnId<std::int64_t> preemptions;
};

}  // namespace

struct ServingTrace::Tables {
  using Clock = std::chrono::steady_clock;

  Tables(const std::filesystem::path& path, const TraceHeader& header, std::size_t stages,
         bool speculates)
      : file(path), step_columns(steps, stages, speculates) {
    write_header(file, header);
    flush();
  }

  void flush() {
    lookups.write();
    requests.write();
    steps.write();
    series.write();
    file.flush();
    last_flush = Clock::now();
  }

  /// Looks at the clock now and then only: it costs more than a row.
  void row_ended() {
    constexpr std::uint64_t kRowsBetweenLooks = 1024;
    constexpr std::chrono::milliseconds kInterval{5'000};
    if (++rows % kRowsBetweenLooks == 0 && Clock::now() - last_flush >= kInterval) flush();
  }

  Hdf5File file;
  Lookups lookups{file};
  Hdf5Table requests{file, {.name = "requests", .description = "one row per request, as they end"}};
  Hdf5Table steps{file, {.name = "steps", .description = "one row per run of steps"}};
  Hdf5Table series{file, {.name = "series", .description = "the run over time"}};
  RequestColumns request_columns{requests, lookups};
  StepColumns step_columns;
  SeriesColumns series_columns{series};
  Clock::time_point last_flush{};
  std::uint64_t rows = 0;
};

ServingTrace::ServingTrace(const std::filesystem::path& path, const TraceHeader& header,
                           const workloads::Traffic& traffic, const workloads::ServerConfig& config,
                           std::size_t stages, workloads::ServingWork* work)
    : tables_(std::make_unique<Tables>(path, header, stages, config.limits.speculation.on())),
      traffic_(traffic),
      work_(work),
      replicas_(config.replicas),
      stages_(static_cast<double>(stages)),
      kv_blocks_(static_cast<double>(config.limits.kv_blocks)) {}

ServingTrace::~ServingTrace() = default;

void ServingTrace::steps_executed(const workloads::StepRecord& s) {
  const StepColumns& c = tables_->step_columns;
  Hdf5Table& table = tables_->steps;
  table.push(c.replica, s.replica);
  table.push(c.start, stored(workloads::to_time(s.start)));
  table.push(c.steps, s.steps);
  const auto ps = [](workloads::Ticks ticks) {
    return static_cast<double>(ticks) / kTicksPerPicosecond;
  };
  table.push(c.first, ps(s.first));
  table.push(c.growth, ps(s.slope));
  table.push(c.busy, ps(s.busy()));
  const workloads::Ticks link = work_ != nullptr ? work_->of(s).link : 0;
  table.push(c.link, ps(link));
  table.push(c.waited, ps(s.waited));
  table.push(c.decodes, s.decodes);
  table.push(c.kv_tokens, s.kv_tokens);
  table.push(c.chunks, s.chunks);
  table.push(c.prompt_tokens, s.prompt_tokens);
  table.push(c.running, s.running);
  table.push(c.waiting, s.waiting);
  table.push(c.held, s.kv_blocks_held);
  table.push(c.preemptions, s.preemptions);
  table.push(c.swapped_out, s.swapped_out);
  table.push(c.swapped_in, s.swapped_in);
  table.push(c.host_stored, s.host_stored);
  table.push(c.host_loaded, s.host_loaded);
  for (std::size_t i = 0; i < c.stage_busy.size(); ++i)
    table.push(c.stage_busy[i], ps(s.stages[i]));
  if (c.drafts) table.push(*c.drafts, s.drafts);
  if (c.accepted) table.push(*c.accepted, s.accepted);
  table.end_row();
  tables_->row_ended();
  series_.add(s, link);
}

void ServingTrace::request_ended(std::uint32_t request, const workloads::RequestRecord& r) {
  const RequestColumns& c = tables_->request_columns;
  Hdf5Table& table = tables_->requests;
  const bool finished = r.outcome == RequestOutcome::kFinished;
  const auto time = [&](sim::Time t) { return finished ? stored(t) : std::int64_t{-1}; };
  table.push(c.request, request);
  table.push(c.prompt, traffic_.requests[request].prompt_tokens);
  table.push(c.output, traffic_.requests[request].output_tokens);
  table.push(c.cached, r.cached_tokens);
  table.push(c.host, r.host_tokens);
  table.push(c.preemptions, r.preemptions);
  table.push(c.replica, r.replica);
  table.push(c.arrival, stored(r.arrival));
  table.push(c.scheduled, time(r.scheduled));
  const bool moved = r.kv_there > sim::Time{};
  table.push(c.prefilled, moved ? time(r.prefilled) : std::int64_t{-1});
  table.push(c.kv_sent, moved ? time(r.kv_sent) : std::int64_t{-1});
  table.push(c.kv_there, moved ? time(r.kv_there) : std::int64_t{-1});
  table.push(c.first_token, time(r.first_token));
  table.push(c.finished, time(r.finished));
  table.push(c.outcome, tables_->lookups.table("outcome").code(
                            kOutcomes[static_cast<std::size_t>(r.outcome)]));
  table.end_row();
  tables_->row_ended();
}

void ServingTrace::write_series() {
  const SeriesColumns& c = tables_->series_columns;
  Hdf5Table& table = tables_->series;
  const double length = series_.window_s();
  double start = 0;
  for (const SeriesWindow& w : series_.windows()) {
    const auto mean = [&](double sum) { return w.busy_s > 0 ? sum / w.busy_s : 0.0; };
    table.push(c.start, start);
    table.push(c.length, length);
    table.push(c.busy, w.busy_s / (length * replicas_));
    table.push(c.batch, mean(w.sequence_s));
    table.push(c.kv, mean(w.block_s) / kv_blocks_);
    table.push(c.waiting, mean(w.waiting_s));
    table.push(c.bubble, stages_ > 1 && w.busy_s > 0 ? 1 - mean(w.stage_s) / stages_ : 0.0);
    table.push(c.link, mean(w.link_s));
    table.push(c.output, w.decode_tokens / length);
    table.push(c.prompt, w.prompt_tokens / length);
    table.push(c.preemptions, w.preemptions);
    table.end_row();
    start += length;
  }
}

void ServingTrace::finish() {
  write_series();
  tables_->flush();
  set_attribute(tables_->file, tables_->file.id(), kComplete, 1);
  tables_->file.publish();
  tables_.reset();
}

std::filesystem::path ServingTrace::finish_incomplete() {
  write_series();
  tables_->flush();
  Hdf5File& file = tables_->file;
  const bool replaces = std::filesystem::exists(file.path());
  const std::filesystem::path kept = replaces ? file.part_path() : file.path();
  replaces ? file.keep_part() : file.publish();
  tables_.reset();
  return kept;
}

}  // namespace rigsim::analysis
