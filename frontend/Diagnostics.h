//===- Diagnostics.h - Errors with a code, a place and a remedy -----------===//
//
// Errors read like rustc's:
//
//   error[E0203]: no value named `hiden`
//    --> model.mlg:7:12
//     |
//   7 |   output hiden
//     |          ^^^^^
//     |
//   note: ...
//    --> ...
//   help: did you mean `hidden`?
//
// One mistake gives one error: by default an engine prints the first error and
// drops the ones that follow. Messages are lower case, without a full stop.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_DIAGNOSTICS_H
#define MLC_FRONTEND_DIAGNOSTICS_H

#include "frontend/Source.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlc::frontend {

/// Every diagnostic of the front end; see DiagnosticCodes.def.
enum class Code {
#define MLC_DIAGNOSTIC(CODE, NAME, TITLE, EXPLANATION) NAME,
#include "frontend/DiagnosticCodes.def"
#undef MLC_DIAGNOSTIC
};

/// "E0203".
std::string_view codeName(Code code);
/// The short title of `code`, as in the list of codes.
std::string_view codeTitle(Code code);
/// The code called `name` ("E0203" or "e0203").
std::optional<Code> findCode(std::string_view name);
/// The long form for `mlc --explain-code`: title, what it means, an example.
/// An unknown name gives nothing.
std::optional<std::string> explainCode(std::string_view name);
/// All codes in order.
std::vector<Code> allCodes();

/// An error, the other places it concerns, and what to do about it.
struct Diagnostic {
  struct Note {
    Span span; ///< points nowhere: a note without a snippet
    std::string message;
  };

  Code code;
  Span span;
  std::string message;
  std::string label;              ///< text behind the carets; may be empty
  std::vector<Note> notes;        ///< other places
  std::vector<std::string> helps; ///< what to change
};

enum class ColorMode { kAuto, kAlways, kNever };

class DiagnosticEngine;

/// Collects the parts of one error and hands it to the engine when it goes out
/// of scope:
///
///   return diagnostics.error(Code::UnknownName, span, "no value named `x`")
///       .help("did you mean `y`?"), nullptr;
class DiagnosticBuilder {
public:
  DiagnosticBuilder(DiagnosticEngine &engine, Diagnostic diagnostic)
      : owner(&engine), held(std::move(diagnostic)) {}
  DiagnosticBuilder(DiagnosticBuilder &&other) noexcept
      : owner(other.owner), held(std::move(other.held)) {
    other.owner = nullptr;
  }
  DiagnosticBuilder(const DiagnosticBuilder &) = delete;
  DiagnosticBuilder &operator=(const DiagnosticBuilder &) = delete;
  DiagnosticBuilder &operator=(DiagnosticBuilder &&) = delete;
  ~DiagnosticBuilder();

  /// Text behind the carets.
  DiagnosticBuilder &label(std::string text) {
    held.label = std::move(text);
    return *this;
  }
  /// Another place that matters, with its own snippet.
  DiagnosticBuilder &note(Span span, std::string message) {
    held.notes.push_back({span, std::move(message)});
    return *this;
  }
  DiagnosticBuilder &note(std::string message) {
    return note(Span(), std::move(message));
  }
  DiagnosticBuilder &help(std::string message) {
    held.helps.push_back(std::move(message));
    return *this;
  }
  /// help "did you mean `NAME`?", if there is a name to suggest.
  DiagnosticBuilder &suggest(const std::optional<std::string> &name) {
    return name ? help("did you mean `" + *name + "`?") : *this;
  }

private:
  DiagnosticEngine *owner;
  Diagnostic held;
};

/// Renders errors to a stream and remembers that there were some.
class DiagnosticEngine {
public:
  /// \param limit  errors to print before the rest is dropped.
  DiagnosticEngine(const SourceManager &sources, llvm::raw_ostream &stream,
                   ColorMode color = ColorMode::kAuto, unsigned limit = 1);

  /// Starts an error at `span`.
  DiagnosticBuilder error(Code code, Span span, std::string message) {
    return DiagnosticBuilder(*this,
                             {code, span, std::move(message), {}, {}, {}});
  }
  /// Prints `diagnostic`, unless the limit is reached; after its own notes, the
  /// places that were entered and not left, the last one first.
  void report(Diagnostic diagnostic);
  /// Errors from here on are inside of what stands at `span`.
  void enter(Span span, std::string message) {
    around.push_back({span, std::move(message)});
  }
  void leave() { around.pop_back(); }

  bool hasErrors() const { return !reported.empty(); }
  /// The errors that were printed.
  const std::vector<Diagnostic> &errors() const { return reported; }
  const SourceManager &sources() const { return manager; }

private:
  const SourceManager &manager;
  llvm::raw_ostream &out;
  bool colored;
  unsigned maximum;
  std::vector<Diagnostic> reported;
  std::vector<Diagnostic::Note> around;
};

/// The text of `diagnostic` as the engine prints it.
void render(const Diagnostic &diagnostic, const SourceManager &sources,
            llvm::raw_ostream &out, bool colored);

/// The candidate that `name` is most likely a misspelling of: the smallest
/// edit distance (transpositions count 1) up to a third of the name's length;
/// the first of equals. Nothing when none is close.
std::optional<std::string>
suggestName(std::string_view name, const std::vector<std::string> &candidates);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_DIAGNOSTICS_H
