//===- Graph.h - A random graph as a list of nodes --------------*- C++ -*-===//
//
// What the generator makes, the shrinker changes and the builder turns into a
// module: small, without pointers into an MLIR context. Attributes follow from
// the types of the operands and a number (`draw`), so that a changed graph is
// still valid or is refused when it is built.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_TEST_RANDOM_GRAPH_H
#define MLC_TEST_RANDOM_GRAPH_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <string>
#include <vector>

namespace mlc::randomgraph {

/// Numbers from a seed, the same on every machine (SplitMix64).
class Draw {
public:
  explicit Draw(uint64_t seed) : state(seed) {}
  uint64_t next();
  /// In [0, count); count is at least 1.
  int64_t below(int64_t count) {
    return static_cast<int64_t>(next() % static_cast<uint64_t>(count));
  }
  bool chance(double probability) { return uniform() < probability; }
  /// In [0, 1).
  double uniform();
  template <typename List> auto pick(const List &list) {
    return list[static_cast<size_t>(below(static_cast<int64_t>(list.size())))];
  }

private:
  uint64_t state;
};

enum class Element : uint8_t { f16, bf16, f32, f64, i32, i64, u8, i1 };
inline constexpr int kElementCount = 8;

mlir::Type elementType(mlir::MLIRContext *context, Element element);
Element elementOf(mlir::Type type);

/// What the values of a leaf are.
enum class Range : uint8_t {
  Any,      ///< floats in (-2, 2), integers around 0, bools
  Positive, ///< floats in (1/2, 5/2), integers from 1
  Labels,   ///< integers in [0, limit)
};

/// Extents of a shape. One that is negative, -n, is n times the batch, and the
/// only one of its shape.
using Shape = llvm::SmallVector<int64_t, 4>;

struct Node {
  enum class Kind : uint8_t { Op, Parameter, State, Input };
  Kind kind = Kind::Op;
  std::string op; ///< of an op: its name in the table
  llvm::SmallVector<int, 3> operands;
  uint64_t draw = 0; ///< attributes of an op, data of a leaf
  /// Of leaves, and of ops whose type does not follow from the operands.
  Element element = Element::f32;
  Shape shape;
  Range range = Range::Any;
  int64_t limit = 0;               ///< of labels
  llvm::SmallVector<int64_t> ints; ///< attributes that `draw` cannot give
};

/// A place where a value of the graph is looked at.
struct Observation {
  enum class Kind : uint8_t {
    Output, ///< rows, in @infer
    Metric, ///< a whole value, or the reduction of rows over the batch
    Loss,   ///< a term of the loss
    Update, ///< the new value of the state `state`
  };
  Kind kind = Kind::Output;
  int node = 0;
  uint64_t draw = 0;
  int state = -1;
};

struct Graph {
  std::vector<Node> nodes; ///< operands before their users
  std::vector<Observation> observations;
  int64_t microbatch = 1, microbatches = 1;
  int64_t padding = 0; ///< rows at the end of the batch that do not count
  std::string optimizer = "sgd"; ///< momentum, nesterov, or a kind
  bool elastic = false;          ///< the mesh's size is left to the run
  bool wideLoss = false;         ///< the loss and the mask are f64
  double learningRate = 1;
  double clipNorm = 0;

  int64_t rows() const { return microbatch * microbatches; }
  int64_t countOps() const;
};

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_GRAPH_H
