//===- Dataset.cpp - A split, decoded once into a mapped cache ------------===//

#include "runtime/data/Dataset.h"

#include "runtime/core/Hash.h"
#include "runtime/core/Log.h"
#include "runtime/data/RowSource.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mlrt {

namespace fs = std::filesystem;

static constexpr size_t kChunkBytes = 1 << 20;
/// Larger caches are checked by length alone: reading all of one would take
/// longer than what damage could cost.
static constexpr size_t kVerifyBytes = size_t{1} << 30;

struct Dataset::Header {
  char magic[8] = {'M', 'L', 'C', 'D', 'A', 'T', 'A', '1'};
  uint64_t key = 0;
  uint64_t rows = 0;
  uint64_t dataBytes = 0;
  uint64_t dataHash = 0;
  uint64_t headerHash = 0; ///< of the bytes before it

  uint64_t hash() const { return hash64(this, offsetof(Header, headerHash)); }
};

static size_t alignUp(size_t value) { return (value + 63) / 64 * 64; }

Dataset::Dataset(const SplitSpec &spec) : split(spec) {
  size_t total = 0;
  for (const ColumnSpec &column : split.columns) {
    rowBytes.push_back(column.rowBytes());
    total += rowBytes.back();
  }
  chunkRows =
      std::clamp<uint64_t>(kChunkBytes / std::max<size_t>(total, 1), 1, 4096);
  for (size_t bytes : rowBytes) {
    columnOffset.push_back(chunkBytes);
    chunkBytes = alignUp(chunkBytes + bytes * chunkRows);
  }
}

std::optional<size_t> Dataset::columnOf(std::string_view input) const {
  for (size_t c = 0; c < split.columns.size(); ++c)
    if (split.columns[c].input == input)
      return c;
  return std::nullopt;
}

Result<uint64_t> Dataset::key(const fs::path &directory) const {
  Hasher hasher;
  auto addText = [&](std::string_view text) {
    hasher.updateValue(text.size());
    hasher.update(text);
  };
  auto addFile = [&](const std::string &name) -> Status {
    fs::path path = directory / name;
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0)
      return fileError("open data file", path, errno);
    std::error_code ignored;
    addText(fs::weakly_canonical(path, ignored).string());
    hasher.updateValue(info.st_dev);
    hasher.updateValue(info.st_ino);
    hasher.updateValue(info.st_size);
    hasher.updateValue(info.st_mtim.tv_sec);
    hasher.updateValue(info.st_mtim.tv_nsec);
    return {};
  };
  addText("mlrun data 1");
  hasher.updateValue(split.reader);
  if (split.reader != ReaderKind::idx)
    MLRT_RETURN_IF_ERROR(addFile(split.file));
  hasher.updateValue(split.header);
  hasher.updateValue(split.firstRow);
  hasher.updateValue(split.lastRow);
  hasher.updateValue(split.bytes);
  hasher.updateValue(split.partFirst);
  hasher.updateValue(split.partLast);
  hasher.updateValue(split.tokenType);
  hasher.updateValue(split.columns.size());
  for (const ColumnSpec &column : split.columns) {
    hasher.updateValue(column.dtype);
    hasher.updateValue(column.shape.size());
    for (int64_t extent : column.shape)
      hasher.updateValue(extent);
    hasher.updateValue(column.limit);
    hasher.updateValue(column.first);
    hasher.updateValue(column.last);
    if (split.reader == ReaderKind::idx)
      MLRT_RETURN_IF_ERROR(addFile(column.file));
  }
  return hasher.digest();
}

bool Dataset::load(const fs::path &path, uint64_t key) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped.ok())
    return false;
  Header header;
  if (mapped->size() >= kHeaderBytes)
    std::memcpy(&header, mapped->data(), sizeof header);
  size_t dataBytes = mapped->size() - kHeaderBytes;
  bool valid =
      mapped->size() > kHeaderBytes &&
      std::memcmp(header.magic, Header().magic, sizeof header.magic) == 0 &&
      header.headerHash == header.hash() && header.key == key &&
      header.rows > 0 && header.dataBytes == dataBytes &&
      dataBytes % chunkBytes == 0 &&
      (header.rows - 1) / chunkRows + 1 == dataBytes / chunkBytes;
  if (valid && dataBytes <= kVerifyBytes)
    valid = hash64(mapped->data() + kHeaderBytes, dataBytes) == header.dataHash;
  if (!valid) {
    logInfo("the data cache '" + path.string() +
            "' is damaged; it is made again");
    return false;
  }
  rowCount = header.rows;
  file = std::move(*mapped);
  return true;
}

static Result<std::unique_ptr<RowSource>> openRows(const SplitSpec &split,
                                                   const fs::path &directory) {
  switch (split.reader) {
  case ReaderKind::csv:
    return openCsv(split, directory);
  case ReaderKind::idx:
    return openIdx(split, directory);
  case ReaderKind::text:
    return openText(split, directory);
  case ReaderKind::bin:
    return openTokens(split, directory);
  }
  return Status(StatusCode::kInternal, "a reader that does not exist");
}

Status Dataset::decode(AsideFile &out, const fs::path &directory,
                       uint64_t key) {
  auto source = openRows(split, directory);
  if (!source.ok())
    return source.status();
  std::vector<std::byte> chunk(chunkBytes);
  std::vector<std::byte *> targets(columns());
  std::vector<std::byte> headerBytes(kHeaderBytes);
  MLRT_RETURN_IF_ERROR(out.write(headerBytes.data(), kHeaderBytes));
  Hasher hasher;
  Header header;
  header.key = key;
  while (true) {
    uint64_t inChunk = header.rows % chunkRows;
    for (size_t c = 0; c < targets.size(); ++c)
      targets[c] = chunk.data() + columnOffset[c] + inChunk * rowBytes[c];
    Result<bool> more = (*source)->next(targets);
    if (!more.ok())
      return more.status();
    header.rows += *more ? 1 : 0;
    bool full = *more && inChunk + 1 == chunkRows;
    if (full || (!*more && inChunk != 0)) {
      hasher.update(chunk.data(), chunkBytes);
      MLRT_RETURN_IF_ERROR(out.write(chunk.data(), chunkBytes));
      header.dataBytes += chunkBytes;
      std::fill(chunk.begin(), chunk.end(), std::byte{0});
    }
    if (!*more)
      break;
  }
  header.dataHash = hasher.digest();
  header.headerHash = header.hash();
  rowCount = header.rows;
  return out.writeAt(&header, sizeof header, 0);
}

Result<Dataset> Dataset::open(const SplitSpec &spec, const fs::path &directory,
                              const fs::path &cacheDirectory) {
  MLRT_RETURN_IF_ERROR(checkSplitSpec(spec));
  Dataset data(spec);
  Result<uint64_t> key = data.key(directory);
  if (!key.ok())
    return key.status();
  bool keep = !cacheDirectory.empty();
  std::error_code error, missing;
  fs::path folder = keep ? cacheDirectory : fs::temp_directory_path(error);
  if (folder.empty())
    folder = "/tmp";
  if (keep)
    fs::create_directories(folder, error);
  // The default folder may be out of reach, as HOME is of a service.
  if (keep && cacheDirectory == defaultCacheDirectory() &&
      (error || ::access(folder.c_str(), W_OK) != 0) &&
      !fs::exists(folder / (toHex(*key) + ".rows"), missing)) {
    logWarning("cannot write to the cache folder " + folder.string() +
               ": decoding the data for this run alone; give --cache DIR");
    return open(spec, directory, {});
  }
  if (error)
    return fileError("make the cache folder", folder, error.value());
  fs::path path = folder / (toHex(*key) + ".rows");
  std::optional<FileLock> lock; // one process decodes, the others wait
  if (keep) {
    lock.emplace(folder / (toHex(*key) + ".lock"), FileLock::Mode::wait);
    if (fs::exists(path, error) && data.load(path, *key))
      return data;
  }
  Result<AsideFile> out = AsideFile::create(path);
  if (!out.ok())
    return out.status();
  MLRT_RETURN_IF_ERROR(data.decode(*out, directory, *key));
  Result<MappedFile> mapped = out->map();
  if (!mapped.ok())
    return mapped.status();
  data.file = std::move(*mapped);
  if (keep)
    MLRT_RETURN_IF_ERROR(out->commit());
  return data;
}

fs::path defaultCacheDirectory() {
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return fs::path(cache) / "mlrun";
  if (const char *home = std::getenv("HOME"); home && *home)
    return fs::path(home) / ".cache" / "mlrun";
  return {};
}

} // namespace mlrt
