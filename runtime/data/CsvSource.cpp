//===- CsvSource.cpp - Rows of comma-separated numbers --------------------===//
//
// Numbers may be quoted and surrounded by blanks; other columns may hold any
// text without line breaks. Blank lines do not count. Rows count from 0 after
// the header, lines from 1.
//
//===----------------------------------------------------------------------===//

#include "runtime/data/ByteSource.h"
#include "runtime/data/RowSource.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace mlrt {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Splits at commas outside double quotes.
void splitFields(std::string_view line, std::vector<std::string_view> &fields) {
  fields.clear();
  bool quoted = false;
  size_t start = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"')
      quoted = !quoted;
    if (line[i] != ',' || quoted)
      continue;
    fields.push_back(line.substr(start, i - start));
    start = i + 1;
  }
  fields.push_back(line.substr(start));
}

class CsvSource final : public RowSource {
public:
  CsvSource(const SplitSpec &spec, ByteSource source)
      : spec(spec), source(std::move(source)) {}

  Result<bool> next(std::span<std::byte *const> rows) override {
    while (spec.lastRow < 0 || row < spec.lastRow) {
      Result<bool> more = source.readLine(line);
      if (!more.ok())
        return more.status();
      if (!*more)
        return atEnd();
      ++lineNumber;
      std::string_view text = line;
      if (lineNumber == 1 && text.starts_with("\xEF\xBB\xBF"))
        text.remove_prefix(3);
      if (trim(text).empty())
        continue;
      if (needHeader) {
        needHeader = false;
        continue;
      }
      int64_t current = row++;
      if (current < spec.firstRow)
        continue;
      MLRT_RETURN_IF_ERROR(parse(text, rows));
      return true;
    }
    return false;
  }

private:
  Status bad(const std::string &what) const {
    return {StatusCode::kBadInput, "'" + source.path().string() + "' line " +
                                       std::to_string(lineNumber) + " (row " +
                                       std::to_string(row - 1) + ")" + what};
  }

  Result<bool> atEnd() const {
    if (row <= spec.firstRow || (spec.lastRow >= 0 && row < spec.lastRow))
      return Status(
          StatusCode::kBadInput,
          "'" + source.path().string() + "' has " + std::to_string(row) +
              " rows, but split '" + spec.name + "' wants rows " +
              std::to_string(spec.firstRow) + ".." +
              (spec.lastRow >= 0 ? std::to_string(spec.lastRow) : "") +
              "; correct `rows` in the model, or fetch the whole file");
    return false;
  }

  Status parse(std::string_view text, std::span<std::byte *const> rows) {
    splitFields(text, fields);
    if (width == 0) {
      for (const ColumnSpec &column : spec.columns)
        if (static_cast<size_t>(column.last) > fields.size())
          return bad(": has " + std::to_string(fields.size()) +
                     " columns, but input '" + column.input +
                     "' wants columns " + std::to_string(column.first) + ".." +
                     std::to_string(column.last) +
                     "; correct `columns` in the model");
      width = fields.size();
    }
    if (fields.size() != width)
      return bad(": has " + std::to_string(fields.size()) +
                 " columns, but the rows before have " + std::to_string(width) +
                 "; correct this line");
    for (size_t c = 0; c < spec.columns.size(); ++c) {
      const ColumnSpec &column = spec.columns[c];
      for (int64_t i = column.first; i < column.last; ++i) {
        std::string_view field = fields[static_cast<size_t>(i)];
        std::string why = store(column, field,
                                static_cast<size_t>(i - column.first), rows[c]);
        if (!why.empty())
          return bad(", column " + std::to_string(i) + ": " + why);
      }
    }
    return {};
  }

  std::string store(const ColumnSpec &column, std::string_view field,
                    size_t index, std::byte *out) const {
    std::string_view text = trim(field);
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
      text = trim(text.substr(1, text.size() - 2));
    if (text.empty())
      return "the field is empty; fill in or drop such rows first";
    std::string_view number = text;
    if (number.size() > 1 && number[0] == '+' && number[1] != '-')
      number.remove_prefix(1);
    const char *last = number.data() + number.size();
    int64_t whole = 0;
    auto [end, error] = std::from_chars(number.data(), last, whole);
    if (end == last && error == std::errc())
      return storeInteger(column, whole, index, out);
    double real = 0;
    auto [realEnd, realError] = std::from_chars(number.data(), last, real);
    if (realEnd == last && realError == std::errc())
      return storeReal(column, real, index, out);
    if (realEnd == last)
      return "'" + std::string(text.substr(0, 40)) +
             "' is beyond the range of numbers; correct the data";
    std::string why = "'" + std::string(text.substr(0, 40)) +
                      "' is not a number; correct the data";
    if (row - 1 == 0 && !spec.header)
      why += ", or write `header = true` in the model if this line names the "
             "columns";
    return why;
  }

  const SplitSpec &spec;
  ByteSource source;
  std::string line;
  std::vector<std::string_view> fields;
  bool needHeader = spec.header;
  size_t width = 0;
  int64_t row = 0, lineNumber = 0;
};

} // namespace

Result<std::unique_ptr<RowSource>>
openCsv(const SplitSpec &spec, const std::filesystem::path &directory) {
  Result<ByteSource> source = ByteSource::open(directory / spec.file);
  if (!source.ok())
    return source.status();
  return std::unique_ptr<RowSource>(
      std::make_unique<CsvSource>(spec, std::move(*source)));
}

} // namespace mlrt
