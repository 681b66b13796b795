//===- Source.cpp - Source files, spans and locations ---------------------===//
#include "frontend/Source.h"

#include <algorithm>
#include <cassert>

namespace mlc::frontend {

Span join(Span first, Span last) {
  if (!first.valid())
    return last;
  if (!last.valid())
    return first;
  assert(first.file == last.file && "spans of two files have no join");
  return {first.file, std::min(first.begin, last.begin),
          std::max(first.end, last.end)};
}

SourceFile::SourceFile(std::string name, std::string text)
    : fileName(std::move(name)), contents(std::move(text)) {
  starts.push_back(0);
  for (size_t i = 0; i < contents.size(); ++i)
    if (contents[i] == '\n')
      starts.push_back(static_cast<uint32_t>(i + 1));
}

uint32_t SourceFile::lineOf(uint32_t offset) const {
  auto after = std::upper_bound(starts.begin(), starts.end(), offset);
  return static_cast<uint32_t>(after - starts.begin());
}

std::string_view SourceFile::lineText(uint32_t line) const {
  uint32_t begin = starts[line - 1];
  auto end = line < starts.size() ? starts[line] - 1
                                  : static_cast<uint32_t>(contents.size());
  std::string_view text = std::string_view(contents).substr(begin, end - begin);
  if (text.ends_with('\r'))
    text.remove_suffix(1);
  return text;
}

FileId SourceManager::add(std::string name, std::string text) {
  files.emplace_back(std::move(name), std::move(text));
  return static_cast<FileId>(files.size() - 1);
}

std::string_view SourceManager::text(Span span) const {
  if (!span.valid())
    return {};
  std::string_view all = files[span.file].text();
  return all.substr(span.begin, span.end - span.begin);
}

Location SourceManager::locate(Span span) const {
  if (!span.valid())
    return {};
  const SourceFile &source = files[span.file];
  uint32_t line = source.lineOf(span.begin);
  uint32_t column = 1;
  for (uint32_t i = source.lineStart(line); i < span.begin; ++i)
    if ((static_cast<unsigned char>(source.text()[i]) & 0xC0) != 0x80)
      ++column;
  return {source.name(), line, column};
}

std::string SourceManager::describe(Span span) const {
  if (!span.valid())
    return {};
  Location place = locate(span);
  return std::string(place.file) + ":" + std::to_string(place.line) + ":" +
         std::to_string(place.column);
}

} // namespace mlc::frontend
