//===- Generator.h - A graph while it grows ---------------------*- C++ -*-===//

#ifndef MLC_TEST_RANDOM_GENERATOR_H
#define MLC_TEST_RANDOM_GENERATOR_H

#include "test/random/Bounds.h"
#include "test/random/Build.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlc::randomgraph {

class Generator {
public:
  Generator(mlir::MLIRContext &context, uint64_t seed);

  Graph run();

private:
  // Choices of the whole graph (Generate.cpp).
  void chooseSizes();
  void grow(int64_t ops);
  void cutTo(size_t count);
  void observe();
  void chooseOptimizer();
  void chooseLearningRate();

  // Nodes (Generate.cpp).
  /// Adds an op if it is valid and well conditioned.
  std::optional<int> tryAdd(Node node);
  int addLeaf(Node node);
  bool isAcceptable(const Bounded &value) const;

  // Operands (GenerateOperands.cpp).
  std::optional<Node> drawNode(const OpRow &row);
  bool drawOperands(const OpRow &row, Node &node);
  bool drawSame(const OpRow &row, Node &node, size_t count);
  bool drawSelect(const OpRow &row, Node &node);
  bool drawSpread(const OpRow &row, Node &node);
  bool drawConcat(const OpRow &row, Node &node);
  bool drawDot(const OpRow &row, Node &node);
  bool drawWindow(const OpRow &row, Node &node);
  bool drawLoss(const OpRow &row, Node &node, bool gradient);
  bool drawGather(const OpRow &row, Node &node);
  bool drawScatter(const OpRow &row, Node &node);
  /// Integers in [0, limit) of any type; -1 without.
  int drawIndices(const Shape &shape, int64_t limit);
  bool drawLoop(const OpRow &row, Node &node);
  int stackOf(Element element, const Shape &shape, int64_t count);
  bool drawAttention(const OpRow &row, Node &node, bool gradient);
  /// A value for which `fits` holds, the later ones more often; -1 without.
  int drawValue(llvm::function_ref<bool(int)> fits);
  /// A value of exactly this type: one that is there, a broadcast or a leaf.
  int valueOfType(Element element, const Shape &shape, Domain domain);
  int newLeaf(Element element, const Shape &shape, Range range,
              int64_t limit = 0);
  bool isIn(int value, Domain domain) const;
  bool has(unsigned elements, Element element) const {
    return elements >> static_cast<unsigned>(element) & 1;
  }
  Element drawElement(unsigned elements);
  int64_t drawExtent() { return draw.pick(extents); }
  Shape drawShape(bool rows, size_t rank);
  int64_t countElements(const Shape &shape) const;
  const Shape &shapeOf(int value) const { return built[value].shape; }

  mlir::MLIRContext &context;
  Draw draw;
  Graph graph;
  llvm::SmallVector<int64_t> extents;
  Element mainFloat = Element::f32;
  int64_t maxElements = 4096;

  mlir::OwningOpRef<mlir::ModuleOp> scratch;
  mlir::Block *block = nullptr;
  mlir::OpBuilder builder;
  std::vector<Built> built;    ///< per node
  std::vector<Bounded> values; ///< per node
  std::vector<int> uses;       ///< per node
};

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_GENERATOR_H
