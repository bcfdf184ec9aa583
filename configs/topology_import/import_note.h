#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace rigsim::configs {

/// How sure something about an imported rig is.
enum class NoteKind {
  kWarning,  ///< the files disagree with themselves or with what such machines are
  kAssumed,  ///< not in the files; what was taken instead
  kUnknown,  ///< not in the files, and left out
};

/// One thing that somebody who uses an imported rig should know.
struct ImportNote {
  NoteKind kind = NoteKind::kAssumed;
  std::string text;
};

/// In the order in which they came up; a text stands once, and a hundred are enough for anybody.
class ImportNotes {
 public:
  void warn(std::string text) { add(NoteKind::kWarning, std::move(text)); }
  void assume(std::string text) { add(NoteKind::kAssumed, std::move(text)); }
  void miss(std::string text) { add(NoteKind::kUnknown, std::move(text)); }
  void add_all(const ImportNotes& others) {
    for (const ImportNote& note : others.all()) add(note.kind, note.text);
  }

  [[nodiscard]] const std::vector<ImportNote>& all() const { return notes_; }

 private:
  void add(NoteKind kind, std::string text) {
    if (notes_.size() == kMost) return;
    for (const ImportNote& note : notes_)
      if (note.text == text) return;
    notes_.push_back({kind, std::move(text)});
  }

  static constexpr std::size_t kMost = 100;

  std::vector<ImportNote> notes_;
};

}  // namespace rigsim::configs
