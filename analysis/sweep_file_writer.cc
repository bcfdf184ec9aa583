#include "analysis/sweep_file_writer.h"

#include <fmt/format.h>

#include <limits>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "analysis/hdf5_file.h"
#include "analysis/hdf5_table.h"
#include "analysis/output_error.h"
#include "analysis/trace_table.h"
#include "configs/quantity_parser.h"

namespace rigsim::analysis {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kComplete = "complete";
constexpr hsize_t kChunkRows = 4'096;
/// A chunk is written again at each flush, and the space it had is lost.
constexpr hsize_t kJournalChunkRows = 64;

/// A column of numbers or of texts.
struct CellColumn {
  ColumnId<double> number{};
  ColumnId<std::uint32_t> text{};
  Hdf5Lookup* lookup = nullptr;  ///< of texts
};

/// One file with the table of points.
class PointTable {
 public:
  PointTable(const std::filesystem::path& path, const configs::SweepPlan& plan,
             const SweepHeader& header, hsize_t chunk_rows)
      : plan_(plan),
        file_(path),
        table_(file_, {.name = "points",
                       .description = "one row per point of the sweep",
                       .chunk_rows = chunk_rows}) {
    set_origin(file_, {"rigsim sweep", header.version, header.commit}, kSweepSchema,
               kSweepSchemaVersion);
    const hid_t root = file_.id();
    set_attribute(file_, root, "run", configs::to_string(plan.run));
    set_attribute(file_, root, "sweep_yaml", header.sweep);
    set_attribute(file_, root, kComplete, 0);
    id_ = table_.add_column<std::uint64_t>(
        {"id", "1", "64 bits of a hash of the resolved scenario; in hex as rigsim shows it"});
    status_ = column({"status", "1", "done, does_not_fit, refused or failed", true}, "status");
    reason_ = column({"reason", "1", "why the point has no figures", true}, "reason");
    for (const configs::SweepAxis& axis : plan.axes)
      axes_.push_back(column({axis.key, "1", "axis of the sweep", !axis.numbers}, axis.key));
    for (const SweepMetric& metric : sweep_metrics(plan.run))
      metrics_.push_back(column(metric, "evidence"));
    flush();
  }

  void append(const SweepPoint& point) {
    table_.push(id_, point.id);
    push(status_, std::string(to_string(point.result.status)));
    push(reason_, point.result.reason);
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      const configs::SweepAxis& axis = plan_.axes[i];
      const std::string& text = axis.text(plan_.value_of(point.combination, axis));
      push(axes_[i], axis.numbers ? SweepCell(configs::parse_number(text)) : SweepCell(text));
    }
    for (std::size_t i = 0; i < metrics_.size(); ++i) push(metrics_[i], point.result.metrics[i]);
    table_.end_row();
  }

  void flush() {
    write();
    file_.flush();
  }

  void publish() {
    write();
    set_attribute(file_, file_.id(), kComplete, 1);
    file_.publish();
  }

  /// As far as it can be written.
  void keep_part() {
    file_.leave_part();
    write();
    file_.keep_part();
  }

  [[nodiscard]] std::filesystem::path part() const { return file_.part_path(); }

 private:
  CellColumn column(const SweepMetric& metric, const std::string& lookup) {
    const ColumnSpec spec{metric.name, metric.units, metric.description};
    if (!metric.text) return {table_.add_column<double>(spec, kNone), {}, nullptr};
    Hdf5Lookup& texts = lookups_.table(lookup);
    return {{}, table_.add_text_column(spec, texts), &texts};
  }

  void push(const CellColumn& column, const SweepCell& cell) {
    if (column.lookup == nullptr) {
      table_.push(column.number, std::get<double>(cell));
    } else {
      table_.push(column.text, column.lookup->code(std::get<std::string>(cell)));
    }
  }

  void write() {
    lookups_.write();
    table_.write();
  }

  const configs::SweepPlan& plan_;
  Hdf5File file_;
  Lookups lookups_{file_};
  Hdf5Table table_;
  ColumnId<std::uint64_t> id_;
  CellColumn status_;
  CellColumn reason_;
  std::vector<CellColumn> axes_;
  std::vector<CellColumn> metrics_;
};

std::filesystem::path part_number(const std::filesystem::path& path, int number) {
  return number == 1 ? path : std::filesystem::path(fmt::format("{}.{}", path.string(), number));
}

std::filesystem::path with_ending(const std::filesystem::path& path, const char* ending) {
  return path.string() + ending;
}

std::filesystem::path resolved(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_symlink(path, error) ? std::filesystem::weakly_canonical(path) : path;
}

/// PATH.part, PATH.2.part, ... as far as there are such files.
std::vector<std::filesystem::path> kept_parts(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> parts;
  for (int number = 1;; ++number) {
    const auto part = with_ending(part_number(path, number), ".part");
    if (!std::filesystem::exists(part)) return parts;
    parts.push_back(part);
  }
}

}  // namespace

struct SweepFileWriter::State {
  using Clock = std::chrono::steady_clock;

  State(const std::filesystem::path& given, const configs::SweepPlan& plan,
        const SweepHeader& header, std::chrono::milliseconds flush_interval)
      : path(resolved(given)),
        ordered(with_ending(path, ".ordered"), plan, header,
                kChunkRows),  // also keeps a second run out
        interval(flush_interval) {
    earlier = kept_parts(path);
    journal.emplace(part_number(path, static_cast<int>(earlier.size()) + 1), plan, header,
                    kJournalChunkRows);
    last_flush = Clock::now();
  }

  std::filesystem::path path;
  std::vector<std::filesystem::path> earlier;
  std::mutex mutex;  // HDF5 is for one thread at a time
  PointTable ordered;
  std::optional<PointTable> journal;
  std::chrono::milliseconds interval;
  Clock::time_point last_flush;
  bool finished = false;
};

SweepFileWriter::SweepFileWriter(const std::filesystem::path& path, const configs::SweepPlan& plan,
                                 const SweepHeader& header,
                                 std::chrono::milliseconds flush_interval)
    : state_(std::make_unique<State>(path, plan, header, flush_interval)) {}

SweepFileWriter::~SweepFileWriter() {
  if (state_->finished) return;
  try {
    state_->journal->keep_part();
  } catch (const OutputError&) {  // said when it was written
  }
}

void SweepFileWriter::ended(const SweepPoint& point) {
  const std::lock_guard lock(state_->mutex);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // of this thread: faults come as OutputError
  state_->journal->append(point);
  if (State::Clock::now() - state_->last_flush < state_->interval) return;
  state_->journal->flush();
  state_->last_flush = State::Clock::now();
}

void SweepFileWriter::in_order(const SweepPoint& point) {
  const std::lock_guard lock(state_->mutex);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  state_->ordered.append(point);
}

void SweepFileWriter::finish() {
  state_->ordered.publish();
  std::error_code error;
  std::filesystem::rename(with_ending(state_->path, ".ordered"), state_->path, error);
  if (error) throw OutputError(state_->path, error.message());
  state_->finished = true;
  state_->journal.reset();  // removes its part
  for (const auto& part : state_->earlier) std::filesystem::remove(part, error);
}

const std::vector<std::filesystem::path>& SweepFileWriter::earlier_parts() const {
  return state_->earlier;
}

std::filesystem::path SweepFileWriter::part() const { return state_->journal->part(); }

}  // namespace rigsim::analysis
