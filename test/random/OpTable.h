//===- OpTable.h - One row per op of the graph dialect ----------*- C++ -*-===//
//
// What the generator knows of an op: which operands it takes, of which element
// types, where it is well conditioned, how to build it, and how often its
// result is rounded. docs/extending.md says how a new op gets its row.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_TEST_RANDOM_OPTABLE_H
#define MLC_TEST_RANDOM_OPTABLE_H

#include "ir/graph/Window.h"
#include "test/random/Graph.h"

#include "mlir/IR/Operation.h"

namespace mlc::randomgraph {

/// How operands are chosen.
enum class Operands : uint8_t {
  None,          ///< a value from nothing, of the node's type
  One,           ///< any one value
  Same,          ///< `arity` values of one type
  Select,        ///< a bool, and two values of one type
  Spread,        ///< one value that fits the node's shape
  Concat,        ///< values that differ along one dimension
  Dot,           ///< `ints` says what each dimension does
  Loss,          ///< rows of logits, labels
  LossGrad,      ///< the same, and a cotangent per row
  Gather,        ///< a value, indices along one of its dimensions
  Scatter,       ///< a value, an index for each of some of its dimensions
  Loop,          ///< `ints` says how many there are of each kind
  Attention,     ///< query, key, value, and sometimes a mask
  AttentionGrad, ///< the same around logsumexp, cotangent and delta
  Window,        ///< images, and what a window over them asks for
};

/// Where an operand is well conditioned.
enum class Domain : uint8_t {
  Any,
  Positive, ///< above 1/16
  NonZero,  ///< further than 1/16 from 0
  Small,    ///< in [-4, 4]
};

/// A value under construction, and its shape in terms of the batch.
struct Built {
  mlir::Value value;
  Shape shape;

  Element element() const;
  /// The dimension with the batch; -1 where there is none.
  int64_t batchDim() const;
};

struct OpRow {
  llvm::StringLiteral name;
  Operands operands;
  unsigned arity;
  unsigned elements; ///< of the values: bits by Element
  Domain domains[2]; ///< of the first and the second operand
  double weight;     ///< how often it is drawn
  /// Units in the last place by which a float result may be off, beyond its
  /// operands' errors: 0 where it is exact, half where it is rounded once.
  double ulps;
  /// Builds the op at the builder's place, and gives its shape; a null value
  /// where the operands do not allow it.
  Built (*build)(mlir::OpBuilder &builder, llvm::ArrayRef<Built> operands,
                 const Node &node, int64_t rows);
};

/// Every row.
llvm::ArrayRef<OpRow> opTable();
const OpRow *findRow(llvm::StringRef name);

/// Ops of the dialect without a row, and why.
struct Exception {
  llvm::StringLiteral name;
  llvm::StringLiteral reason;
};
llvm::ArrayRef<Exception> exceptions();

/// `shape` with the batch's rows put in.
Shape concreteShape(const Shape &shape, int64_t rows);

/// The dimensions of `to` that those of `from` may be broadcast to, every way.
std::vector<llvm::SmallVector<int64_t>> spreadMaps(const Shape &from,
                                                   const Shape &to);

/// `[B, channels, ...]` with one or two spatial dimensions.
bool isImages(const Shape &shape);
/// What a node of a convolution or pool has over images of shape `x`, as its
/// `draw` says: the shapes of the second operand and of the result.
struct WindowShapes {
  graph::Window window;
  int64_t groups = 1;
  bool transposed = false;
  Shape other, result;
};
WindowShapes windowShapes(const Node &node, const Shape &x);

// The rows of each file.
std::vector<OpRow> elementwiseRows();
std::vector<OpRow> tensorRows();
std::vector<OpRow> attentionRows();
std::vector<OpRow> indexRows();
std::vector<OpRow> loopRows();
std::vector<OpRow> windowRows();
std::vector<OpRow> randomRows();

namespace elements {
constexpr unsigned bit(Element element) {
  return 1u << static_cast<unsigned>(element);
}
constexpr unsigned kFloats = bit(Element::f16) | bit(Element::bf16) |
                             bit(Element::f32) | bit(Element::f64);
constexpr unsigned kSignedInts = bit(Element::i32) | bit(Element::i64);
constexpr unsigned kInts = kSignedInts | bit(Element::u8);
constexpr unsigned kBool = bit(Element::i1);
constexpr unsigned kNumbers = kFloats | kInts;
constexpr unsigned kAll = kNumbers | kBool;
} // namespace elements

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_OPTABLE_H
