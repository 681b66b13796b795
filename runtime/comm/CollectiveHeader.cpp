//===- CollectiveHeader.cpp - What a rank is doing ------------------------===//

#include "runtime/comm/CollectiveHeader.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mlrt {

template <size_t N>
static void copyText(std::array<char, N> &target, std::string_view text) {
  size_t length = std::min(text.size(), N - 1);
  std::copy_n(text.begin(), length, target.begin());
  std::memset(target.data() + length, 0, N - length);
}

/// The text up to the first zero; bytes from a peer need not have one.
template <size_t N> static std::string textOf(const std::array<char, N> &text) {
  return std::string(text.data(), strnlen(text.data(), N));
}

void CollectiveHeader::setText(std::string_view newName,
                               std::string_view newLocation) {
  copyText(name, newName);
  copyText(location, newLocation);
}

bool CollectiveHeader::matches(const CollectiveHeader &other) const {
  return magic == other.magic && group == other.group &&
         sequence == other.sequence && kind == other.kind &&
         count == other.count && dtype == other.dtype &&
         reduction == other.reduction && root == other.root &&
         tag == other.tag && step == other.step;
}

static std::string_view nameOf(CollectiveKind kind) {
  switch (kind) {
  case CollectiveKind::allReduce:
    return "all-reduce";
  case CollectiveKind::broadcast:
    return "broadcast";
  case CollectiveKind::allGather:
    return "all-gather";
  case CollectiveKind::barrier:
    return "barrier";
  case CollectiveKind::none:
  case CollectiveKind::activity:
    break;
  }
  return "collective";
}

static std::string_view nameOf(ReductionKind kind) {
  switch (kind) {
  case ReductionKind::sum:
    return "sum";
  case ReductionKind::max:
    return "max";
  case ReductionKind::min:
    return "min";
  }
  return "reduction";
}

std::string describe(const CollectiveHeader &header) {
  std::string text;
  if (header.kind == CollectiveKind::activity) {
    text = textOf(header.name) + ", step " + std::to_string(header.step);
    return text;
  }
  text = nameOf(header.kind);
  text += " #" + std::to_string(header.tag);
  if (header.name[0] != '\0')
    text += " '" + textOf(header.name) + "'";
  std::string count = std::to_string(header.count);
  if (header.kind == CollectiveKind::allReduce)
    text += " (" + std::string(nameOf(header.reduction)) + " of " + count +
            " " +
            std::string(static_cast<size_t>(header.dtype) < kDTypeCount
                            ? nameOf(header.dtype)
                            : "?") +
            ")";
  else if (header.kind == CollectiveKind::broadcast)
    text +=
        " (" + count + " bytes from rank " + std::to_string(header.root) + ")";
  else if (header.kind == CollectiveKind::allGather)
    text += " (" + count + " bytes)";
  text += " of step " + std::to_string(header.step);
  if (header.location[0] != '\0')
    text += ", from " + textOf(header.location);
  return text;
}

Status mismatch(const CollectiveHeader &mine, const CollectiveHeader &theirs) {
  std::string first = "rank " + std::to_string(mine.sender);
  std::string second = "rank " + std::to_string(theirs.sender);
  if (theirs.magic != mine.magic)
    return Status(StatusCode::kPeerFailed,
                  first +
                      " got a message that no rank of this version sends, "
                      "in " +
                      describe(mine) + "; run the same mlrun on every machine");
  std::string a = describe(mine), b = describe(theirs);
  if (a == b) { // differs in what the text does not say
    a += " (its collective number " + std::to_string(mine.sequence) + ")";
    b += " (its collective number " + std::to_string(theirs.sequence) + ")";
  }
  // The lower rank first, so that both sides say the same.
  if (theirs.sender < mine.sender) {
    std::swap(first, second);
    std::swap(a, b);
  }
  return Status(StatusCode::kPeerFailed,
                "ranks disagree about a collective: " + first + " is in " + a +
                    ", but " + second + " is in " + b +
                    "; run the same plan with the same options on every rank");
}

void Progress::set(const CollectiveHeader &header, bool isInside) {
  std::array<uint64_t, kWords> bits;
  std::memcpy(bits.data(), &header, sizeof(header));
  uint64_t now = version.load(std::memory_order_relaxed);
  version.store(now + 1, std::memory_order_relaxed);
  for (size_t i = 0; i < kWords; ++i)
    words[i].store(bits[i], std::memory_order_release);
  inside.store(isInside, std::memory_order_release);
  version.store(now + 2, std::memory_order_release);
  beat();
}

Doing Progress::get() const {
  std::array<uint64_t, kWords> bits;
  Doing doing;
  // A rank that died while it wrote leaves the version odd: give up then and
  // take what there is.
  for (int attempt = 0; attempt < 1000; ++attempt) {
    uint64_t before = version.load(std::memory_order_acquire);
    doing.inside = inside.load(std::memory_order_acquire) != 0;
    for (size_t i = 0; i < kWords; ++i)
      bits[i] = words[i].load(std::memory_order_acquire);
    if (before % 2 == 0 && version.load(std::memory_order_relaxed) == before)
      break;
  }
  std::memcpy(&doing.header, bits.data(), sizeof(doing.header));
  return doing;
}

std::string Progress::text() const {
  Doing doing = get();
  return describe(doing.header, doing.inside);
}

std::string describe(const CollectiveHeader &header, bool isInside) {
  if (header.kind == CollectiveKind::none)
    return "before its first collective";
  if (header.kind == CollectiveKind::activity)
    return "while it " + describe(header);
  return (isInside ? "in " : "after ") + describe(header);
}

std::string whereabouts(size_t rank, std::span<const Doing> ranks) {
  const Doing &mine = ranks[rank];
  std::string text = describe(mine.header, mine.inside);
  for (size_t other = 0; other < ranks.size(); ++other) {
    const Doing &theirs = ranks[other];
    bool isNewer = theirs.header.step > mine.header.step ||
                   (theirs.header.group == mine.header.group &&
                    theirs.header.sequence > mine.header.sequence);
    if (other != rank && theirs.inside && isNewer)
      return text + "; rank " + std::to_string(other) + " waited for it in " +
             describe(theirs.header);
  }
  return text;
}

} // namespace mlrt
