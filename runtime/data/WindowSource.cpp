//===- WindowSource.cpp - Windows of a text or of raw tokens --------------===//
//
// Elements stand one after another; row r of the split is the window that
// begins at element r * stride of its part, where the stride is the length of
// the longest column.
//
//===----------------------------------------------------------------------===//

#include "runtime/data/ByteSource.h"
#include "runtime/data/RowSource.h"

#include "runtime/core/File.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mlrt {

namespace fs = std::filesystem;

namespace {

/// Integers in order, and what they are called.
class Elements {
public:
  virtual ~Elements() = default;
  virtual uint64_t size() const = 0;
  virtual int64_t at(uint64_t index) const = 0;
  virtual const char *name() const = 0; ///< of one: byte, character, token
};

Status bad(const fs::path &path, const std::string &what) {
  return {StatusCode::kBadInput, "'" + path.string() + "' " + what};
}

Result<std::string> readAll(const fs::path &path) {
  Result<ByteSource> source = ByteSource::open(path);
  if (!source.ok())
    return source.status();
  std::string text;
  constexpr size_t kStep = 1 << 20;
  for (size_t got = kStep; got == kStep;) {
    size_t begin = text.size();
    text.resize(begin + kStep);
    Result<size_t> more = source->read(text.data() + begin, kStep);
    if (!more.ok())
      return more.status();
    got = *more;
    text.resize(begin + got);
  }
  return text;
}

class Bytes final : public Elements {
public:
  explicit Bytes(std::string text) : text(std::move(text)) {}
  uint64_t size() const override { return text.size(); }
  int64_t at(uint64_t index) const override {
    return static_cast<uint8_t>(text[index]);
  }
  const char *name() const override { return "byte"; }

private:
  std::string text;
};

/// The code point at `text[at]`, and behind it; -1 where it is not UTF-8.
int64_t decode(const std::string &text, size_t &at) {
  auto byte = [&](size_t i) -> uint32_t {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
  };
  uint32_t first = byte(at);
  size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  if ((first >= 0x80 && first < 0xC2) || first > 0xF4)
    return -1;
  uint32_t code = more == 0 ? first : first & (0x3F >> more);
  for (size_t i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80)
      return -1;
    code = code << 6 | (byte(at + i) & 0x3F);
  }
  // Longer than need be, a half of a pair, or behind the last.
  constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (code < kLeast[more] || (code >= 0xD800 && code < 0xE000) ||
      code > 0x10FFFF)
    return -1;
  at += more + 1;
  return code;
}

/// Code points, numbered in their order over the whole file.
class Characters final : public Elements {
public:
  static Result<std::unique_ptr<Elements>>
  open(const std::string &text, const fs::path &path, const SplitSpec &spec) {
    auto made = std::make_unique<Characters>();
    std::vector<uint32_t> numbers(0x110000, 0);
    for (size_t at = 0; at < text.size();) {
      size_t begin = at;
      int64_t code = decode(text, at);
      if (code < 0)
        return bad(path, "is not UTF-8 at byte " + std::to_string(begin) +
                             "; convert it, or read it with `bytes = true`");
      made->codes.push_back(static_cast<uint32_t>(code));
      numbers[static_cast<size_t>(code)] = 1;
    }
    uint32_t count = 0;
    for (uint32_t &number : numbers)
      number = number ? count++ : 0;
    for (uint32_t &code : made->codes)
      code = numbers[code];
    for (const ColumnSpec &column : spec.columns)
      if (column.limit > 0 && count > column.limit)
        return bad(path, "has " + std::to_string(count) +
                             " different characters, but the model's use of "
                             "input '" +
                             column.input + "' allows " +
                             std::to_string(column.limit) +
                             "; widen the model");
    return Result<std::unique_ptr<Elements>>(std::move(made));
  }
  uint64_t size() const override { return codes.size(); }
  int64_t at(uint64_t index) const override { return codes[index]; }
  const char *name() const override { return "character"; }

private:
  std::vector<uint32_t> codes;
};

class Tokens final : public Elements {
public:
  Tokens(MappedFile file, TokenType type)
      : file(std::move(file)), type(type), bytes(sizeOf(type)) {}
  uint64_t size() const override { return file.size() / bytes; }
  int64_t at(uint64_t index) const override {
    const std::byte *from = file.data() + index * bytes;
    uint64_t value = 0; // little-endian
    for (size_t i = bytes; i-- > 0;)
      value = value << 8 | std::to_integer<uint64_t>(from[i]);
    return type == TokenType::i32 ? static_cast<int32_t>(value)
                                  : static_cast<int64_t>(value);
  }
  const char *name() const override { return "token"; }

private:
  MappedFile file;
  TokenType type;
  size_t bytes;
};

class WindowSource final : public RowSource {
public:
  WindowSource(const SplitSpec &spec, fs::path path,
               std::unique_ptr<Elements> elements)
      : spec(spec), path(std::move(path)), elements(std::move(elements)) {
    auto count = static_cast<double>(this->elements->size());
    begin = static_cast<uint64_t>(std::floor(spec.partFirst * count));
    end = static_cast<uint64_t>(std::floor(spec.partLast * count));
    for (const ColumnSpec &column : spec.columns) {
      stride = std::max<uint64_t>(stride, column.last - column.first);
      reach = std::max<uint64_t>(reach, column.last);
    }
  }

  Status check() const {
    if (end - begin >= reach)
      return {};
    std::string name = elements->name();
    return bad(path, "has " + std::to_string(end - begin) + " " + name +
                         "s in the part of split '" + spec.name +
                         "', but a row needs " + std::to_string(reach) +
                         "; give a longer file or widen `part`");
  }

  Result<bool> next(std::span<std::byte *const> rows) override {
    uint64_t start = begin + row * stride;
    if (start + reach > end)
      return false;
    for (size_t c = 0; c < spec.columns.size(); ++c) {
      const ColumnSpec &column = spec.columns[c];
      for (int64_t i = column.first; i < column.last; ++i) {
        uint64_t at = start + static_cast<uint64_t>(i);
        std::string why =
            storeInteger(column, elements->at(at),
                         static_cast<size_t>(i - column.first), rows[c]);
        if (!why.empty())
          return bad(path, std::string(elements->name()) + " " +
                               std::to_string(at) + " (row " +
                               std::to_string(row) + "): " + why);
      }
    }
    ++row;
    return true;
  }

private:
  const SplitSpec &spec;
  fs::path path;
  std::unique_ptr<Elements> elements;
  uint64_t begin = 0, end = 0, stride = 1, reach = 1, row = 0;
};

Result<std::unique_ptr<RowSource>> open(const SplitSpec &spec, fs::path path,
                                        std::unique_ptr<Elements> elements) {
  auto source = std::make_unique<WindowSource>(spec, std::move(path),
                                               std::move(elements));
  MLRT_RETURN_IF_ERROR(source->check());
  return Result<std::unique_ptr<RowSource>>(std::move(source));
}

} // namespace

Result<std::unique_ptr<RowSource>> openText(const SplitSpec &spec,
                                            const fs::path &directory) {
  fs::path path = directory / spec.file;
  Result<std::string> text = readAll(path);
  if (!text.ok())
    return text.status();
  if (spec.bytes)
    return open(spec, path, std::make_unique<Bytes>(std::move(*text)));
  auto characters = Characters::open(*text, path, spec);
  if (!characters.ok())
    return characters.status();
  return open(spec, path, std::move(*characters));
}

Result<std::unique_ptr<RowSource>> openTokens(const SplitSpec &spec,
                                              const fs::path &directory) {
  fs::path path = directory / spec.file;
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return Status(StatusCode::kBadInput, file.status().message());
  size_t bytes = sizeOf(spec.tokenType);
  if (file->size() % bytes != 0)
    return bad(path, "has " + std::to_string(file->size()) +
                         " bytes, which are no tokens of " +
                         std::to_string(bytes) +
                         " bytes; correct `dtype` in the model");
  return open(spec, path,
              std::make_unique<Tokens>(std::move(*file), spec.tokenType));
}

} // namespace mlrt
