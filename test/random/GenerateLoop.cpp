//===- GenerateLoop.cpp - Operands of a loop ------------------------------===//

#include "test/random/Generator.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace mlc::randomgraph {

/// A sequence of `count` values; one of rows is transposed, since `B` leads.
int Generator::stackOf(Element element, const Shape &shape, int64_t count) {
  Shape stacked(shape);
  stacked.insert(stacked.begin(), count);
  bool rows = !shape.empty() && shape[0] == -1;
  if (!rows || draw.chance(0.3))
    return valueOfType(element, stacked, Domain::Any);
  Shape leading(stacked);
  std::swap(leading[0], leading[1]);
  Node node;
  node.op = "graph.transpose";
  node.operands.push_back(valueOfType(element, leading, Domain::Any));
  if (node.operands[0] < 0)
    return -1;
  for (int attempt = 0; attempt < 100; ++attempt) {
    node.draw = draw.next();
    size_t before = graph.nodes.size();
    auto added = tryAdd(node);
    if (added && shapeOf(*added) == stacked)
      return *added;
    cutTo(before);
  }
  return -1;
}

bool Generator::drawLoop(const OpRow &row, Node &node) {
  int first = drawValue([&](int i) {
    return has(row.elements, built[i].element()) && shapeOf(i).size() < 4;
  });
  if (first < 0)
    return false;
  Element element = built[first].element();
  Shape shape(shapeOf(first));
  constexpr int64_t kCounts[] = {1, 2, 3, 4, 7};
  int64_t count = draw.pick(ArrayRef(kCounts));
  if (countElements(shape) * count > maxElements)
    return false;
  int64_t carries = 1 + draw.below(2), sequences = draw.below(3),
          same = draw.below(2);
  bool hasWeight = !shape.empty() && shape.back() > 0 && shape.back() <= 33 &&
                   draw.chance(0.5);
  node.operands.push_back(first);
  for (int64_t i = 1; i < carries; ++i)
    node.operands.push_back(valueOfType(element, shape, Domain::Any));
  for (int64_t i = 0; i < sequences; ++i)
    node.operands.push_back(stackOf(element, shape, count));
  for (int64_t i = 0; i < same; ++i)
    node.operands.push_back(valueOfType(element, shape, Domain::Any));
  if (hasWeight)
    node.operands.push_back(
        valueOfType(element, {shape.back(), shape.back()}, Domain::Any));
  node.ints = {count, carries, sequences, same, hasWeight ? 1 : 0};
  return llvm::none_of(node.operands, [](int operand) { return operand < 0; });
}

} // namespace mlc::randomgraph
