//===- StoreState.cpp - What the store holds, apart from sockets ----------===//

#include "runtime/launch/StoreState.h"

#include <algorithm>
#include <cstdio>

namespace mlrt {

using namespace store;

/// The others beat ten times a second: after this they have told where they
/// miss a rank that has died.
static constexpr uint64_t kNewsNs = 250'000'000;

static std::string answerWith(Outcome outcome, std::string_view text) {
  std::string bytes(1, static_cast<char>(outcome));
  return bytes.append(text);
}

static std::string refused(std::string_view why) {
  return answerWith(Outcome::refused, why);
}

std::optional<std::string>
StoreState::answer(std::string_view request, int client,
                   const std::string &place, uint64_t askedNs, uint64_t nowNs) {
  Reader reader(request);
  switch (static_cast<Operation>(reader.number<uint8_t>())) {
  case Operation::set:
    return set(reader, false);
  case Operation::setFirst:
    return set(reader, true);
  case Operation::get:
    return get(reader, askedNs, nowNs);
  case Operation::add:
    return add(reader);
  case Operation::beat:
    return beat(reader, client, place, nowNs);
  case Operation::report:
    return report(reader);
  case Operation::bye:
    return bye(reader);
  }
  return refused("there is no such request");
}

std::string StoreState::set(Reader &reader, bool first) {
  std::string_view key = reader.text();
  std::string_view value = reader.text();
  if (!reader.finished() || key.empty() || key.size() > kMaxKeyBytes ||
      value.size() > kMaxValueBytes)
    return refused("a key or value has an impossible size");
  auto found = values.find(key);
  if (found != values.end() && first)
    return answerWith(Outcome::ok, found->second);
  size_t before = found == values.end() ? 0 : key.size() + found->second.size();
  size_t bytes = storedBytes - before + key.size() + value.size();
  if (bytes > kMaxStoredBytes)
    return refused("it is full");
  storedBytes = bytes;
  values.insert_or_assign(std::string(key), std::string(value));
  return answerWith(Outcome::ok, first ? value : std::string_view());
}

std::optional<std::string> StoreState::get(Reader &reader, uint64_t askedNs,
                                           uint64_t nowNs) {
  std::string_view key = reader.text();
  auto seconds = reader.number<double>();
  if (!reader.finished() || key.size() > kMaxKeyBytes)
    return refused("a key has an impossible size");
  auto found = values.find(key);
  if (found != values.end())
    return answerWith(Outcome::ok, found->second);
  double waited = static_cast<double>(nowNs - askedNs) * 1e-9;
  if (!(waited < seconds)) // a NaN does not wait
    return answerWith(Outcome::timeout,
                      "nobody has set '" + std::string(key) + "'");
  return std::nullopt;
}

std::string StoreState::add(Reader &reader) {
  std::string_view key = reader.text();
  auto delta = reader.number<int64_t>();
  if (!reader.finished() || key.empty() || key.size() > kMaxKeyBytes)
    return refused("a key has an impossible size");
  uint64_t sum = static_cast<uint64_t>(delta);
  auto found = values.find(key);
  if (found != values.end()) {
    Reader old(found->second);
    sum += static_cast<uint64_t>(old.number<int64_t>());
    if (!old.finished())
      return refused("the value is not a number");
  } else if (storedBytes + key.size() + 8 > kMaxStoredBytes) {
    return refused("it is full");
  } else {
    storedBytes += key.size() + 8;
  }
  std::string bytes(reinterpret_cast<const char *>(&sum), sizeof(sum));
  values.insert_or_assign(std::string(key), bytes);
  return answerWith(Outcome::ok, bytes);
}

StoreState::Life *StoreState::lifeOf(int32_t rank) {
  if (rank < 0 || static_cast<size_t>(rank) >= lives.size())
    return nullptr;
  return &lives[static_cast<size_t>(rank)];
}

std::string StoreState::failureAnswer() const {
  std::string bytes(1, static_cast<char>(failure.code()));
  return answerWith(Outcome::ok, bytes + failure.message());
}

std::string StoreState::beat(Reader &reader, int client,
                             const std::string &place, uint64_t nowNs) {
  Life *life = lifeOf(reader.number<int32_t>());
  auto inside = reader.number<uint8_t>();
  auto header = reader.number<CollectiveHeader>();
  if (!reader.finished() || life == nullptr)
    return refused("a beat of no rank");
  if (life->seen && life->client != client)
    return refused("two processes say that they are rank " +
                   std::to_string(life - lives.data()) +
                   ": give every process its own RANK");
  life->seen = true;
  life->client = client;
  life->place = place;
  life->lastBeatNs = nowNs;
  life->doing = {header, inside != 0};
  return failureAnswer();
}

std::string StoreState::report(Reader &reader) {
  auto rank = reader.number<int32_t>();
  Life *life = lifeOf(rank);
  auto code = static_cast<StatusCode>(reader.number<uint8_t>());
  std::string_view text = reader.text();
  if (!reader.finished() || life == nullptr || code == StatusCode::kOk ||
      code > StatusCode::kInternal)
    return refused("a report of no rank");
  life->ended = true;
  failed(Status(code, std::string(text)), causeOf(code));
  return failureAnswer();
}

std::string StoreState::bye(Reader &reader) {
  Life *life = lifeOf(reader.number<int32_t>());
  if (!reader.finished() || life == nullptr)
    return refused("a goodbye of no rank");
  life->ended = true;
  return answerWith(Outcome::ok, "");
}

void StoreState::failed(const Status &status, Cause cause) {
  if (cause <= failureCause)
    return;
  failure = status;
  failureCause = cause;
}

std::string StoreState::whereabouts(size_t rank) const {
  std::vector<Doing> doing;
  for (const Life &life : lives)
    doing.push_back(life.doing);
  return mlrt::whereabouts(rank, doing);
}

void StoreState::closed(int client, uint64_t nowNs) {
  for (Life &life : lives) {
    if (!life.seen || life.ended || life.client != client)
      continue;
    life.ended = true;
    life.diedNs = nowNs;
  }
}

/// `how`: "ended ... ", with a space or comma at its end.
void StoreState::died(size_t rank, StatusCode code, const std::string &how) {
  lives[rank].ended = true;
  failed(Status(code, "rank " + std::to_string(rank) + " (on " +
                          lives[rank].place + ") " + how + whereabouts(rank)),
         Cause::death);
}

void StoreState::checkLives(uint64_t nowNs) {
  for (size_t rank = 0; rank < lives.size(); ++rank) {
    Life &life = lives[rank];
    if (life.diedNs != 0 && nowNs - life.diedNs >= kNewsNs) {
      life.diedNs = 0;
      died(rank, StatusCode::kPeerFailed, "ended without a word ");
    }
    if (!life.seen || life.ended || nowNs - life.lastBeatNs < limitNs)
      continue;
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%.1f",
                  static_cast<double>(nowNs - life.lastBeatNs) * 1e-9);
    died(rank, StatusCode::kTimeout,
         std::string("has shown no sign of life for ") + seconds +
             " s, as if it were stopped or cut off, ");
  }
}

void StoreState::forgive(uint64_t nowNs) {
  for (Life &life : lives)
    life.lastBeatNs = nowNs;
}

int StoreState::living() const {
  return static_cast<int>(
      std::count_if(lives.begin(), lives.end(),
                    [](const Life &life) { return life.seen && !life.ended; }));
}

} // namespace mlrt
