//===- SplitSpec.h - Where the rows of a split come from ------------------===//
#ifndef MLC_RUNTIME_DATA_SPLITSPEC_H
#define MLC_RUNTIME_DATA_SPLITSPEC_H

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mlrt {

/// One input of the model and the part of the files that feeds it.
struct ColumnSpec {
  std::string input;
  DType dtype = DType::f32;
  std::vector<int64_t> shape; ///< of one row
  int64_t limit = 0;          ///< > 0: an integer must be in [0, limit)
  int64_t first = 0;          ///< csv: columns [first, last), from 0;
                              ///< text, bin: elements of a window
  int64_t last = 0;
  std::string file; ///< idx: the file of this column

  size_t elements() const;
  size_t rowBytes() const { return elements() * sizeOf(dtype); }
};

enum class ReaderKind : uint8_t { csv, idx, text, bin };

/// What a file of raw tokens holds, little-endian.
enum class TokenType : uint8_t { u8, u16, i32, u32, i64 };
constexpr size_t sizeOf(TokenType type) {
  constexpr size_t kSizes[] = {1, 2, 4, 4, 8};
  return kSizes[static_cast<size_t>(type)];
}

/// A split as the plan describes it; see Split in plan.fbs.
struct SplitSpec {
  std::string name;
  ReaderKind reader = ReaderKind::csv;
  std::string file;
  bool header = false;
  int64_t firstRow = 0;
  int64_t lastRow = -1; ///< -1: to the end
  bool shuffle = true;
  bool bytes = false;                   ///< text: bytes, not characters
  double partFirst = 0, partLast = 1;   ///< text, bin: of the file
  TokenType tokenType = TokenType::u16; ///< bin
  std::vector<ColumnSpec> columns;
};

/// kBadInput where `spec` contradicts itself: no columns, a range that does not
/// have as many columns as the input has elements, an empty range.
Status checkSplitSpec(const SplitSpec &spec);

/// Stores `value` as element `index` of a row of `column`.
/// \returns why it cannot be stored, or nothing.
std::string storeInteger(const ColumnSpec &column, int64_t value, size_t index,
                         std::byte *row);
std::string storeReal(const ColumnSpec &column, double value, size_t index,
                      std::byte *row);

} // namespace mlrt

#endif // MLC_RUNTIME_DATA_SPLITSPEC_H
