//===- Dataset.h - A split, decoded once into a mapped cache --------------===//
#ifndef MLC_RUNTIME_DATA_DATASET_H
#define MLC_RUNTIME_DATA_DATASET_H

#include "runtime/core/File.h"
#include "runtime/data/SplitSpec.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace mlrt {

/// Random access to the rows of a split.
///
/// The cache file holds chunks of rows, in a chunk one array a column, so that
/// it is written in one pass with the memory of one chunk. Its name is a hash
/// of the data files' paths, sizes and times and of the columns; it is written
/// aside and renamed, and a damaged one is made again. Processes that start
/// together decode once.
class Dataset {
public:
  /// Opens `spec`, whose files are relative to `directory`. An empty
  /// `cacheDirectory` keeps the rows in a temporary file of this process.
  /// \returns kBadInput for missing or wrong data; kRunFailed for a full disk.
  static Result<Dataset> open(const SplitSpec &spec,
                              const std::filesystem::path &directory,
                              const std::filesystem::path &cacheDirectory);

  const SplitSpec &spec() const { return split; }
  uint64_t rows() const { return rowCount; }
  size_t columns() const { return rowBytes.size(); }
  size_t bytesPerRow(size_t column) const { return rowBytes[column]; }

  /// Which column feeds `input`.
  std::optional<size_t> columnOf(std::string_view input) const;

  /// The elements of `row` (< rows()) of `column`.
  const std::byte *row(size_t column, uint64_t row) const {
    return file.data() + kHeaderBytes + row / chunkRows * chunkBytes +
           columnOffset[column] + row % chunkRows * rowBytes[column];
  }

private:
  static constexpr size_t kHeaderBytes = 4096;
  struct Header;

  explicit Dataset(const SplitSpec &spec);
  Result<uint64_t> key(const std::filesystem::path &directory) const;
  bool load(const std::filesystem::path &path, uint64_t key);
  Status decode(AsideFile &out, const std::filesystem::path &directory,
                uint64_t key);

  SplitSpec split;
  uint64_t rowCount = 0;
  uint64_t chunkRows = 1;
  size_t chunkBytes = 0;
  std::vector<size_t> rowBytes, columnOffset;
  MappedFile file;
};

/// $XDG_CACHE_HOME/mlrun, else ~/.cache/mlrun, else empty.
std::filesystem::path defaultCacheDirectory();

} // namespace mlrt

#endif // MLC_RUNTIME_DATA_DATASET_H
