//===- DiagnosticRender.cpp - Errors as people read them ------------------===//
//
// error[E0203]: message
//  --> file:line:column
//   |
// 7 |   output hiden
//   |          ^^^^^ label
//   |
// note: message
//  --> ...
// help: message
//
// What stands in a file may be anything: control characters and bytes that are
// not UTF-8 become U+FFFD, tabs four spaces, and long lines are cut around the
// carets.
//
//===----------------------------------------------------------------------===//
#include "frontend/Diagnostics.h"

#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Unicode.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

namespace mlc::frontend {

namespace {

constexpr size_t kTabWidth = 4;
constexpr size_t kWidestLine = 160;
constexpr char kReplacement[] = "\xEF\xBF\xBD";

/// A piece of a line as shown: its text, its width in columns.
struct Cell {
  std::string text;
  size_t width;
  size_t offset; ///< byte offset in the line
};

std::vector<Cell> layOut(std::string_view line) {
  std::vector<Cell> cells;
  for (size_t i = 0; i < line.size();) {
    auto lead = static_cast<unsigned char>(line[i]);
    size_t length =
        std::min<size_t>(llvm::getNumBytesForUTF8(lead), line.size() - i);
    const auto *first = reinterpret_cast<const llvm::UTF8 *>(line.data() + i);
    if (lead == '\t') {
      cells.push_back({std::string(kTabWidth, ' '), kTabWidth, i});
      length = 1;
    } else if (lead < 0x20 || lead == 0x7F ||
               !llvm::isLegalUTF8Sequence(first, first + length)) {
      cells.push_back({kReplacement, 1, i});
      length = 1;
    } else {
      std::string text(line.substr(i, length));
      int width = llvm::sys::unicode::columnWidthUTF8(text);
      if (width < 0) // not printable, such as a change of direction
        cells.push_back({kReplacement, 1, i});
      else
        cells.push_back({std::move(text), static_cast<size_t>(width), i});
    }
    i += length;
  }
  return cells;
}

class Renderer {
public:
  Renderer(const SourceManager &sources, llvm::raw_ostream &out, bool colored)
      : sources(sources), out(out), colored(colored) {}

  void headline(llvm::raw_ostream::Colors color, std::string_view kind,
                std::string_view message) {
    paint(color);
    out << kind;
    paintBold();
    out << ": " << message;
    plain();
    out << '\n';
  }

  void snippet(Span span, std::string_view label, bool primary) {
    if (!span.valid())
      return;
    const SourceFile &file = sources.file(span.file);
    uint32_t line = file.lineOf(span.begin);
    std::string number = std::to_string(line);
    std::string gutter(number.size(), ' ');
    frame(gutter + "--> ");
    out << sources.describe(span) << '\n';
    frame(gutter + " |\n");
    frame(number + " | ");
    std::string carets = showLine(file, line, span, primary);
    frame(gutter + " | ");
    paint(primary ? llvm::raw_ostream::RED : llvm::raw_ostream::BLUE);
    out << carets;
    if (!label.empty())
      out << ' ' << label;
    plain();
    out << '\n';
    frame(gutter + " |\n");
  }

  void paint(llvm::raw_ostream::Colors color) {
    if (colored)
      out.changeColor(color, /*Bold=*/true);
  }
  void paintBold() {
    if (colored)
      out.changeColor(llvm::raw_ostream::SAVEDCOLOR, /*Bold=*/true);
  }
  void plain() {
    if (colored)
      out.resetColor();
  }

private:
  void frame(const std::string &text) {
    paint(llvm::raw_ostream::BLUE);
    out << text;
    plain();
  }

  /// Prints the line and returns the carets that go under it. A span that goes
  /// past the line's end is marked up to there.
  std::string showLine(const SourceFile &file, uint32_t line, Span span,
                       bool primary) {
    std::vector<Cell> cells = layOut(file.lineText(line));
    size_t begin = span.begin - file.lineStart(line);
    size_t end = std::max<size_t>(span.end - file.lineStart(line), begin + 1);
    size_t before = 0, marked = 0, total = 0;
    for (const Cell &cell : cells) {
      total += cell.width;
      if (cell.offset < begin)
        before += cell.width;
      else if (cell.offset < end)
        marked += cell.width;
    }
    // Cut a long line so that the carets stay in view.
    size_t skip = 0;
    if (total > kWidestLine && before > kWidestLine / 2)
      skip = before - kWidestLine / 2;
    size_t position = 0, shown = 0, cut = 0;
    if (skip) {
      out << "...";
      shown = 3;
    }
    for (const Cell &cell : cells) {
      position += cell.width;
      if (position <= skip) {
        cut = position;
        continue;
      }
      if (shown + cell.width > kWidestLine) {
        out << "...";
        break;
      }
      out << cell.text;
      shown += cell.width;
    }
    out << '\n';
    size_t indent = before - cut + (skip ? 3 : 0);
    size_t room = indent < kWidestLine ? kWidestLine - indent : 1;
    marked = std::clamp<size_t>(marked, 1, room);
    return std::string(indent, ' ') + std::string(marked, primary ? '^' : '-');
  }

  const SourceManager &sources;
  llvm::raw_ostream &out;
  bool colored;
};

} // namespace

void render(const Diagnostic &diagnostic, const SourceManager &sources,
            llvm::raw_ostream &out, bool colored) {
  Renderer renderer(sources, out, colored);
  std::string kind = "error[" + std::string(codeName(diagnostic.code)) + "]";
  renderer.headline(llvm::raw_ostream::RED, kind, diagnostic.message);
  renderer.snippet(diagnostic.span, diagnostic.label, /*primary=*/true);
  for (const Diagnostic::Note &note : diagnostic.notes) {
    renderer.headline(llvm::raw_ostream::CYAN, "note", note.message);
    renderer.snippet(note.span, {}, /*primary=*/false);
  }
  for (const std::string &help : diagnostic.helps)
    renderer.headline(llvm::raw_ostream::GREEN, "help", help);
}

} // namespace mlc::frontend
