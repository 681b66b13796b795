//===- Diagnostics.cpp - The table of codes and the engine ----------------===//
#include "frontend/Diagnostics.h"

#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cstdlib>

namespace mlc::frontend {

namespace {

struct CodeEntry {
  std::string_view name, title, explanation;
};

constexpr CodeEntry kCodes[] = {
#define MLC_DIAGNOSTIC(CODE, NAME, TITLE, EXPLANATION)                         \
  {#CODE, TITLE, EXPLANATION},
#include "frontend/DiagnosticCodes.def"
#undef MLC_DIAGNOSTIC
};

bool wantsColor(ColorMode mode, const llvm::raw_ostream &out) {
  if (mode != ColorMode::kAuto)
    return mode == ColorMode::kAlways;
  const char *noColor = std::getenv("NO_COLOR");
  return !(noColor && *noColor) && out.is_displayed() && out.has_colors();
}

/// Edits that turn `a` into `b`: insert, delete, replace, swap two neighbours
/// (the restricted Damerau-Levenshtein distance).
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> beforeLast(b.size() + 1), last(b.size() + 1),
      row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = last[j - 1] + (a[i - 1] != b[j - 1]);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], beforeLast[j - 2] + 1);
    }
    std::swap(beforeLast, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char &c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

} // namespace

std::string_view codeName(Code code) {
  return kCodes[static_cast<size_t>(code)].name;
}

std::string_view codeTitle(Code code) {
  return kCodes[static_cast<size_t>(code)].title;
}

std::vector<Code> allCodes() {
  std::vector<Code> codes;
  for (size_t i = 0; i < std::size(kCodes); ++i)
    codes.push_back(static_cast<Code>(i));
  return codes;
}

std::optional<Code> findCode(std::string_view name) {
  std::string wanted = lowered(name);
  for (Code code : allCodes())
    if (lowered(codeName(code)) == wanted)
      return code;
  return std::nullopt;
}

std::optional<std::string> explainCode(std::string_view name) {
  std::optional<Code> code = findCode(name);
  if (!code)
    return std::nullopt;
  std::string_view body = kCodes[static_cast<size_t>(*code)].explanation;
  while (body.starts_with('\n'))
    body.remove_prefix(1);
  std::string text(codeName(*code));
  return text.append(": ").append(codeTitle(*code)).append("\n\n").append(body);
}

DiagnosticBuilder::~DiagnosticBuilder() {
  if (owner)
    owner->report(std::move(held));
}

DiagnosticEngine::DiagnosticEngine(const SourceManager &sources,
                                   llvm::raw_ostream &stream, ColorMode color,
                                   unsigned limit)
    : manager(sources), out(stream), colored(wantsColor(color, stream)),
      maximum(limit) {}

void DiagnosticEngine::report(Diagnostic diagnostic) {
  if (reported.size() >= maximum)
    return;
  diagnostic.notes.insert(diagnostic.notes.end(), around.rbegin(),
                          around.rend());
  render(diagnostic, manager, out, colored);
  reported.push_back(std::move(diagnostic));
}

std::optional<std::string>
suggestName(std::string_view name, const std::vector<std::string> &candidates) {
  constexpr size_t kLongest = 64; // the cost is quadratic
  if (name.size() > kLongest)
    return std::nullopt;
  size_t best = std::max<size_t>(1, name.size() / 3) + 1;
  const std::string *found = nullptr;
  for (const std::string &candidate : candidates) {
    if (candidate.size() > kLongest || candidate == name)
      continue;
    // A difference in case alone is the likeliest slip of all.
    // One that begins like the other, as `batchsize` like `batch`, is next.
    bool prefix = std::min(candidate.size(), name.size()) >= 4 &&
                  (name.starts_with(candidate) || candidate.starts_with(name));
    size_t distance = lowered(candidate) == lowered(name) ? 0
                      : prefix ? 1
                               : editDistance(name, candidate);
    // One letter for another is no misspelling.
    if (distance >= std::max(candidate.size(), name.size()))
      continue;
    if (distance < best) {
      best = distance;
      found = &candidate;
    }
  }
  if (found)
    return *found;
  // What was meant may be the beginning: `batchsize` for `batch`.
  constexpr size_t kShortestPrefix = 4;
  for (const std::string &candidate : candidates)
    if (candidate.size() >= kShortestPrefix && name.size() > candidate.size() &&
        lowered(name).starts_with(lowered(candidate)) &&
        (!found || candidate.size() > found->size()))
      found = &candidate;
  return found ? std::optional(*found) : std::nullopt;
}

} // namespace mlc::frontend
