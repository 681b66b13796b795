//===- Index.h - Where in a tensor a vector of elements lies --------------===//
//
// A kernel evaluates `lanes` elements at a time. An Index says which: one
// coordinate for every run of dimensions, affine in the lane where possible.
// Runs keep reshapes free: [64, 28, 28] and [64, 784] differ only in how
// coordinates are grouped.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_INDEX_H
#define MLC_CODEGEN_CPU_INDEX_H

#include "codegen/cpu/KernelBuilder.h"

#include <map>

namespace mlc::cpu {

/// `base + offset + lane * stride`, or `perLane + offset`.
struct Coord {
  Value base;          ///< i64, null for 0
  int64_t offset = 0;  ///
  int64_t stride = 0;  ///< from one lane to the next
  Value perLane;       ///< integer vector; then base is null and stride 0
  int64_t divisor = 1; ///< of `base`, known

  bool operator==(const Coord &) const = default;
  static Coord constant(int64_t value) {
    Coord c;
    c.offset = value;
    return c;
  }
  static Coord scalar(Value base, int64_t divisor = 1) {
    Coord c;
    c.base = base;
    c.divisor = divisor;
    return c;
  }
  static Coord lane(Value base, int64_t divisor = 1) {
    Coord c = scalar(base, divisor);
    c.stride = 1;
    return c;
  }
  bool uniform() const { return !perLane && stride == 0; }
};

/// One row-major coordinate for the dimensions [first, first + count).
struct Run {
  int64_t first = 0, count = 1;
  Coord at;
  bool operator==(const Run &) const = default;
};

/// Runs in order that cover every dimension.
using Index = llvm::SmallVector<Run, 4>;

/// Arithmetic on coordinates. Equal computations in one scope give one value,
/// so that equal indices compare equal.
class IndexMath {
public:
  IndexMath(KernelBuilder &builder, unsigned vectorLanes, bool wideIndex)
      : lanes(vectorLanes), k(builder), wide(wideIndex) {}

  /// Lanes of the vectors evaluated now.
  unsigned lanes;
  /// How often a per-lane index had to be computed; a measure of cost.
  unsigned perLaneCount = 0;

  /// Do indices per lane have 64 bits.
  bool isWide() const { return wide; }

  Coord add(const Coord &x, const Coord &y);
  Coord scale(const Coord &x, int64_t factor);
  /// x / divisor and x % divisor, for 0 <= x.
  std::pair<Coord, Coord> divide(const Coord &x, int64_t divisor);
  Coord clamp(const Coord &x, int64_t low, int64_t high);
  /// i64 without lanes; only for uniform coordinates.
  Value uniform(const Coord &x);
  /// The index of every lane: integer vector, or i64 for one lane.
  Value vector(const Coord &x);
  /// Lane 0 of a coordinate that is not per lane.
  Value start(const Coord &x);

  /// The coordinate of all dimensions together.
  Coord linearize(const Index &index, llvm::ArrayRef<int64_t> shape);
  /// The same index with runs that end at `cuts` (dimension numbers) too.
  Index split(const Index &index, llvm::ArrayRef<int64_t> shape,
              llvm::ArrayRef<int64_t> cuts);
  /// Every dimension a run of its own.
  Index splitAll(const Index &index, llvm::ArrayRef<int64_t> shape);

  // Scopes: values made in a loop's body must not be reused behind it.
  using Memo = std::map<std::tuple<int, void *, void *, int64_t>, Value>;
  Memo memo;

private:
  KernelBuilder &k;
  bool wide; ///< per-lane indices need 64 bits

  Type laneType() { return wide ? k.i64() : k.i32(); }
  Value remember(int kind, Value x, Value y, int64_t c,
                 llvm::function_ref<Value()> make);
  Value laneVector(Value scalar, int64_t stride);
};

int64_t countElements(llvm::ArrayRef<int64_t> shape);

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_INDEX_H
