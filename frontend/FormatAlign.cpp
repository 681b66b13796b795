//===- FormatAlign.cpp - Columns that the author has begun ----------------===//
//
// Lines that follow each other, at one indentation and without an empty line
// between, may have a column in common:
//
//   loss   cross_entropy(z, y)    what follows `output`, `loss` and `metric`
//   input label:  i32[B]          the types of inputs and of parameters
//   batch     = 32                the `=` of one kind of statement
//   conv2d(6,  kernel = 5)        the arguments of the first call
//   |> linear(10)    as head      the name of the first call
//   let a = b // why              comments
//
// The author begins a column by putting two spaces or more before it, in any of
// the lines for the first three, and for the others where two neighbours do
// stand in one column. All lines that have it then get it, as narrow as they
// allow; else every gap is one space. A column that would make a line too long
// is given up.
//
//===----------------------------------------------------------------------===//
#include "frontend/FormatImpl.h"

#include <algorithm>

namespace mlc::frontend {

namespace {

using Kind = TokenKind;

/// Places in the order in which they stand on a line.
enum Place : int { kResult, kType, kAssign, kArguments };
constexpr int kMostArguments = 16;
constexpr int kInstance = kArguments + kMostArguments;
constexpr int kComment = kInstance + 1;
constexpr int kPlaces = kComment + 1;

/// The item that may be padded at each place of one line; `end` for none. Lines
/// of different `keys` have no column in common.
struct Places {
  size_t item[kPlaces];
  std::string_view key[kPlaces];
};

class Aligner {
public:
  Aligner(const std::vector<FormatItem> &items, std::vector<FormatLine> &lines)
      : items(items), lines(lines) {}

  void run() {
    for (FormatLine &line : lines) {
      line.padding.assign(line.end - line.begin, 0);
      places.push_back(placesOf(line));
    }
    for (int place = 0; place < kPlaces; ++place)
      alignPlace(place);
  }

private:
  Places placesOf(const FormatLine &line) const {
    Places found;
    std::fill(std::begin(found.item), std::end(found.item), line.end);
    if (items[line.begin].comment)
      return found;
    if (items[line.end - 1].comment)
      found.item[kComment] = line.end - 1;
    for (size_t i = line.begin + 1; i < line.end; ++i)
      if (items[i].separated)
        return found;
    const FormatItem &first = items[line.begin];
    size_t call = line.begin + 1;
    if (first.statement && !first.declaration)
      call = headOf(line, found);
    else if (first.kind != Kind::kPipe)
      return found;
    callOf(line, call, found);
    return found;
  }

  /// The places of a statement up to its value; returns where that begins.
  size_t headOf(const FormatLine &line, Places &found) const {
    const FormatItem &first = items[line.begin];
    std::string_view key = first.keyword;
    bool typed = key == "input" || key == "param" || key == "state";
    auto set = [&](int place, size_t i, std::string_view name) {
      if (i < line.end && !items[i].comment) {
        found.item[place] = i;
        found.key[place] = name;
      }
    };
    if (key == "output" || key == "loss" || key == "metric")
      set(kResult, line.begin + 1, "result");
    for (size_t i = line.begin + 1; i < line.end; ++i) {
      if (items[i].depth != first.depth)
        continue;
      if (typed && items[i].kind == Kind::kColon)
        set(kType, i + 1, key);
      if (items[i].kind == Kind::kAssign) {
        set(kAssign, i, key);
        return i + 1;
      }
    }
    return line.end;
  }

  /// The arguments and the name of the call that begins at item `i`.
  void callOf(const FormatLine &line, size_t i, Places &found) const {
    if (i >= line.end || items[i].kind != Kind::kIdentifier)
      return;
    size_t next = i + 1;
    if (next < line.end && items[next].kind == Kind::kLeftParen &&
        items[next].glued) {
      size_t last = items[next].match;
      if (last >= line.end)
        return;
      int count = 0;
      for (size_t j = next + 2; j < last && count < kMostArguments; ++j)
        if (items[j - 1].kind == Kind::kComma && items[j].enclosing == next)
          found.item[kArguments + count++] = j;
      next = last + 1;
    }
    if (next < line.end && items[next].text == "as")
      found.item[kInstance] = next;
  }

  bool has(size_t line, int place) const {
    return places[line].item[place] != lines[line].end;
  }

  /// The next line that could have a column with `line`; lines.size() if none.
  size_t successor(size_t line, int place) const {
    size_t next = line + 1;
    while (next < lines.size() && items[lines[next].begin].comment &&
           !items[lines[next].begin].blankLine)
      ++next;
    bool joins = next < lines.size() && has(next, place) &&
                 !items[lines[next].begin].blankLine &&
                 lines[next].indent == lines[line].indent &&
                 places[next].key[place] == places[line].key[place];
    if (joins && place > kAssign)
      joins = items[places[next].item[place]].column ==
              items[places[line].item[place]].column;
    return joins ? next : lines.size();
  }

  void alignPlace(int place) {
    std::vector<bool> done(lines.size());
    for (size_t i = 0; i < lines.size(); ++i) {
      if (done[i] || !has(i, place))
        continue;
      std::vector<size_t> run;
      for (size_t j = i; j < lines.size(); j = successor(j, place)) {
        run.push_back(j);
        done[j] = true;
      }
      alignRun(run, place);
    }
  }

  /// Where the item at `place` begins, and the line's width.
  size_t columnOf(size_t line, int place) const {
    FormatLine before = lines[line];
    size_t item = places[line].item[place];
    before.end = item;
    return widthOf(items, before) + (items[item].space ? 1 : 0);
  }

  void alignRun(const std::vector<size_t> &run, int place) {
    bool begun = std::any_of(run.begin(), run.end(), [&](size_t line) {
      return items[places[line].item[place]].gap;
    });
    if (!begun || run.size() < 2)
      return;
    size_t column = 0;
    for (size_t line : run)
      column = std::max(column, columnOf(line, place));
    for (size_t line : run) {
      size_t more = column - columnOf(line, place);
      if (more && place != kComment &&
          widthOf(items, lines[line]) + more > kWidest)
        return;
    }
    for (size_t line : run) {
      size_t more = column - columnOf(line, place);
      lines[line].padding[places[line].item[place] - lines[line].begin] += more;
    }
  }

  const std::vector<FormatItem> &items;
  std::vector<FormatLine> &lines;
  std::vector<Places> places;
};

} // namespace

void alignColumns(const std::vector<FormatItem> &items,
                  std::vector<FormatLine> &lines) {
  Aligner(items, lines).run();
}

} // namespace mlc::frontend
