//===- Source.h - Source files, spans and locations -----------------------===//
//
// A Span is a range of bytes in one file; a SourceManager owns the files and
// turns spans into lines and columns. Every node of the tree carries a span.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_SOURCE_H
#define MLC_FRONTEND_SOURCE_H

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace mlc::frontend {

/// Index of a file in its SourceManager.
using FileId = uint32_t;
inline constexpr FileId kNoFile = ~0u;

/// The bytes [begin, end) of `file`. A span without a file points nowhere: a
/// diagnostic at it has no snippet.
struct Span {
  FileId file = kNoFile;
  uint32_t begin = 0;
  uint32_t end = 0;

  bool valid() const { return file != kNoFile; }
  bool operator==(const Span &) const = default;
};

/// From the start of `first` to the end of `last`, which lies in the same file.
Span join(Span first, Span last);

/// A place for people. Lines and columns count from 1; columns count
/// characters (Unicode code points), not bytes.
struct Location {
  std::string_view file;
  uint32_t line = 0;
  uint32_t column = 0;
};

/// One file's name, as it appears in diagnostics, and its text.
class SourceFile {
public:
  SourceFile(std::string name, std::string text);

  const std::string &name() const { return fileName; }
  const std::string &text() const { return contents; }
  /// The line, counted from 1, that holds the byte at `offset`.
  uint32_t lineOf(uint32_t offset) const;
  /// Offset of the first byte of `line`.
  uint32_t lineStart(uint32_t line) const { return starts[line - 1]; }
  /// The line's text without its end.
  std::string_view lineText(uint32_t line) const;

private:
  std::string fileName, contents;
  std::vector<uint32_t> starts;
};

/// Owns the files of one compilation. References to files stay valid.
class SourceManager {
public:
  /// Adds a file; its text may be anything up to 16 MiB.
  FileId add(std::string name, std::string text);
  const SourceFile &file(FileId id) const { return files[id]; }
  FileId size() const { return static_cast<FileId>(files.size()); }

  std::string_view text(Span span) const;
  /// Where `span` begins; line 0 if it points nowhere.
  Location locate(Span span) const;
  /// "file:line:column" of where `span` begins; empty if it points nowhere.
  std::string describe(Span span) const;

private:
  std::deque<SourceFile> files;
};

} // namespace mlc::frontend

#endif // MLC_FRONTEND_SOURCE_H
