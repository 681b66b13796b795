//===- RowSource.h - The rows of a split, in file order -------------------===//
#ifndef MLC_RUNTIME_DATA_ROWSOURCE_H
#define MLC_RUNTIME_DATA_ROWSOURCE_H

#include "runtime/data/SplitSpec.h"

#include <filesystem>
#include <memory>
#include <span>

namespace mlrt {

/// Streams rows; every error is kBadInput and names file, row, column and
/// remedy.
class RowSource {
public:
  virtual ~RowSource() = default;
  /// Writes the next row: columns[c].rowBytes() bytes to rows[c]; false after
  /// the last.
  virtual Result<bool> next(std::span<std::byte *const> rows) = 0;
};

/// Files are relative to `directory`. `spec` must pass checkSplitSpec and
/// outlive the source.
Result<std::unique_ptr<RowSource>>
openCsv(const SplitSpec &spec, const std::filesystem::path &directory);
Result<std::unique_ptr<RowSource>>
openIdx(const SplitSpec &spec, const std::filesystem::path &directory);
/// Windows as long as the longest column, one after another.
Result<std::unique_ptr<RowSource>>
openText(const SplitSpec &spec, const std::filesystem::path &directory);
Result<std::unique_ptr<RowSource>>
openTokens(const SplitSpec &spec, const std::filesystem::path &directory);

} // namespace mlrt

#endif // MLC_RUNTIME_DATA_ROWSOURCE_H
