//===- Types.h - Tensor types of the language
//-------------------------------===//
//
// Element types, dimensions with the symbolic batch, promotion and NumPy's
// broadcasting. Everything but the batch is a number once a layer has been
// instantiated, so that a dimension is a number or `B`.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_FRONTEND_TYPES_H
#define MLC_FRONTEND_TYPES_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlc::frontend {

enum class DType { F16, BF16, F32, F64, I32, I64, U8, Bool };

/// `f32`, `u8`, `bool`.
std::string_view spell(DType dtype);
/// Reads an element type; `float` is `compute`.
std::optional<DType> parseDType(std::string_view name, DType compute);
bool isFloat(DType dtype);
/// f16 or bf16.
bool isNarrow(DType dtype);
/// The type that sums of `dtype` are carried in: f32 for a narrow one.
DType wideType(DType dtype);
bool isInteger(DType dtype); ///< i32, i64, u8; not bool.

/// A dimension: a number, or the batch.
struct Dim {
  int64_t size = 0;
  bool isBatch = false;

  static Dim batch() { return Dim{0, true}; }
  static Dim of(int64_t size) { return Dim{size, false}; }
  bool isOne() const { return !isBatch && size == 1; }
  friend bool operator==(const Dim &, const Dim &) = default;
};

using Shape = std::vector<Dim>;

struct TensorType {
  DType dtype = DType::F32;
  Shape shape;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  /// Index of the batch dimension, or -1.
  int64_t batchDim() const;
  friend bool operator==(const TensorType &, const TensorType &) = default;
};

std::string spell(const Dim &dim);
std::string spell(const Shape &shape);     ///< `[B, 64]`
std::string spell(const TensorType &type); ///< `f32[B, 64]`

/// NumPy's broadcasting: shapes aligned at the right, 1 stretches. The batch
/// meets itself and 1 only, even if a number happens to be its size.
/// \returns nothing where they don't fit.
std::optional<Shape> broadcastShapes(const Shape &a, const Shape &b);

/// Type of arithmetic on two tensors: the wider of two integers, the float of
/// an integer and a float. \returns nothing for two different floats, which
/// meet only through a cast, and for `bool`, which has no arithmetic.
std::optional<DType> promote(DType a, DType b);

/// Product of the dimensions in [first, last), none of which is the batch.
/// \returns nothing where it does not fit 63 bits.
std::optional<int64_t> elementCount(const Shape &shape, size_t first,
                                    size_t last);

/// Smallest and largest number an integer type or bool holds.
std::pair<int64_t, int64_t> integerRange(DType dtype);
/// `value` as an integer type has it: towards zero, then the nearest end of the
/// range, 0 for NaN. For bool: is it not 0.
int64_t saturate(double value, DType dtype);

/// Can a shape be read as another one row by row: the batch stays a dimension
/// of its own, with as many elements before it and after it.
bool keepsBatchApart(const Shape &from, const Shape &to);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_TYPES_H
