//===- Literal.h - A tensor's values in the compiler ------------*- C++ -*-===//
//
// What the reference evaluation computes with: plain, dense, row-major.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_LITERAL_H
#define MLC_IR_GRAPH_LITERAL_H

#include "ir/graph/GraphDialect.h"
#include "ir/graph/GraphInterfaces.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include <cstdint>
#include <vector>

namespace mlc::graph {

/// A tensor: floats of any width are held as double, integers and i1 as int64.
class Literal {
public:
  Literal() = default;
  /// All elements 0. The layout of `type` is dropped.
  explicit Literal(mlir::RankedTensorType type);
  /// The values of an attribute, of any element type of graph.
  static Literal fromAttr(mlir::DenseElementsAttr value);
  /// A scalar of the given element type.
  static Literal scalar(mlir::Type element, double value);

  mlir::RankedTensorType getType() const { return type; }
  mlir::Type getElementType() const { return type.getElementType(); }
  llvm::ArrayRef<int64_t> getShape() const { return type.getShape(); }
  int64_t getRank() const { return type.getRank(); }
  int64_t size() const { return type.getNumElements(); }
  bool isFloat() const { return mlir::isa<mlir::FloatType>(getElementType()); }

  /// The elements; only the one that fits `isFloat` is filled.
  std::vector<double> floats;
  std::vector<int64_t> ints;

  /// Element `index` in row-major order, as a double.
  double at(int64_t index) const {
    return isFloat() ? floats[index] : static_cast<double>(ints[index]);
  }
  /// Copies element `from` of `source`, of the same element type.
  void copyElement(int64_t to, const Literal &source, int64_t from);

  /// Elements [begin, end) along `dim`.
  Literal slice(int64_t dim, int64_t begin, int64_t end) const;
  /// Parts one after another along `dim`; there is at least one.
  static Literal concat(llvm::ArrayRef<Literal> parts, int64_t dim);

  /// Slice `index` along dimension 0, which is gone.
  Literal sliceAt(int64_t index) const;
  /// Stores `value`, of the slices' type, as slice `index` along dimension 0.
  void setSlice(int64_t index, const Literal &value);

  /// The same type and bits; NaN equals NaN.
  bool identical(const Literal &other) const;

private:
  mlir::RankedTensorType type;
};

/// `value` rounded to the float type `element`, to nearest even; unchanged in
/// f64 mode.
double roundFloat(mlir::Type element, double value, EvalOptions options);

/// `value` wrapped to the width of the integer type `element`.
int64_t wrapInteger(mlir::Type element, int64_t value);

/// Combines elements of one element type: sum, maximum (NaN wins) or minimum.
double combineFloat(ReductionKind kind, mlir::Type element, double a, double b,
                    EvalOptions options);
int64_t combineInteger(ReductionKind kind, mlir::Type element, int64_t a,
                       int64_t b);

/// Combines two literals of one type element by element, as `combineFloat`.
Literal combine(ReductionKind kind, const Literal &a, const Literal &b,
                EvalOptions options);

/// Row-major strides, in elements.
llvm::SmallVector<int64_t> stridesOf(llvm::ArrayRef<int64_t> shape);

/// Calls `visit` with every index of `shape`, in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit);

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_LITERAL_H
