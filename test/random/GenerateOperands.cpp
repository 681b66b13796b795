//===- GenerateOperands.cpp - Operands for an op --------------------------===//

#include "test/random/Generator.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace mlc::randomgraph {

using namespace elements;

int64_t Generator::countElements(const Shape &shape) const {
  int64_t count = 1;
  for (int64_t extent : concreteShape(shape, graph.rows()))
    count *= extent;
  return count;
}

Shape Generator::drawShape(bool rows, size_t rank) {
  Shape shape;
  if (rows)
    shape.push_back(-1);
  while (shape.size() < rank)
    shape.push_back(drawExtent());
  while (countElements(shape) > maxElements && shape.back() > 1)
    shape[shape.size() > 1 && shape.back() == 1 ? 1 : shape.size() - 1] = 1;
  return shape;
}

Element Generator::drawElement(unsigned elements) {
  if (has(elements, mainFloat) && draw.chance(0.6))
    return mainFloat;
  Element element;
  do
    element = static_cast<Element>(draw.below(kElementCount));
  while (!has(elements, element));
  return element;
}

int Generator::drawValue(llvm::function_ref<bool(int)> fits) {
  SmallVector<int> list;
  for (int i = 0, e = static_cast<int>(graph.nodes.size()); i != e; ++i)
    if (fits(i))
      list.push_back(i);
  if (list.empty())
    return -1;
  int64_t count = static_cast<int64_t>(list.size());
  int first = list[draw.below(count)], second = list[draw.below(count)];
  if (uses[first] == 0 && uses[second] != 0)
    return first;
  return std::max(first, second);
}

bool Generator::isIn(int value, Domain domain) const {
  const graph::Literal &literal = values[value].value;
  if (!literal.isFloat() || domain == Domain::Any)
    return true;
  return llvm::all_of(literal.floats, [&](double x) {
    switch (domain) {
    case Domain::Positive:
      return x > 0.0625;
    case Domain::NonZero:
      return std::fabs(x) > 0.0625;
    case Domain::Small:
      return std::fabs(x) <= 4;
    case Domain::Any:
      return true;
    }
    llvm_unreachable("covered above");
  });
}

int Generator::newLeaf(Element element, const Shape &shape, Range range,
                       int64_t limit) {
  Node node;
  node.element = element;
  node.shape = shape;
  node.range = range;
  node.limit = limit;
  bool batched = llvm::any_of(shape, [](int64_t e) { return e < 0; });
  if (batched) {
    if (shape[0] != -1)
      return -1;
    node.kind = Node::Kind::Input;
    return addLeaf(node);
  }
  bool isFloat = has(kFloats, element);
  if (range != Range::Labels && draw.chance(0.3)) {
    node.op = "graph.constant";
    node.draw = draw.next();
    if (draw.chance(0.5))
      node.ints.push_back(1);
    return tryAdd(node).value_or(-1);
  }
  node.kind =
      isFloat && draw.chance(0.8) ? Node::Kind::Parameter : Node::Kind::State;
  return addLeaf(node);
}

int Generator::valueOfType(Element element, const Shape &shape, Domain domain) {
  if (draw.chance(0.6)) {
    int found = drawValue([&](int i) {
      return built[i].element() == element && shapeOf(i) == shape &&
             isIn(i, domain);
    });
    if (found >= 0)
      return found;
  }
  if (draw.chance(0.6)) {
    int source = drawValue([&](int i) {
      return built[i].element() == element && shapeOf(i) != shape &&
             isIn(i, domain) && !spreadMaps(shapeOf(i), shape).empty();
    });
    if (source >= 0) {
      Node node;
      node.op = "graph.broadcast";
      node.operands.push_back(source);
      node.shape = shape;
      node.draw = draw.next();
      if (auto added = tryAdd(node))
        return *added;
    }
  }
  Range range = domain == Domain::Any || domain == Domain::Small
                    ? Range::Any
                    : Range::Positive;
  if (draw.chance(0.2)) { // the broadcast of a scalar
    Node node;
    node.op = "graph.broadcast";
    int scalar = newLeaf(element, {}, range);
    if (scalar < 0)
      return -1;
    node.operands.push_back(scalar);
    node.shape = shape;
    node.draw = draw.next();
    if (auto added = tryAdd(node))
      return *added;
  }
  return newLeaf(element, shape, range);
}

bool Generator::drawSame(const OpRow &row, Node &node, size_t count) {
  int first = drawValue([&](int i) {
    return has(row.elements, built[i].element()) && isIn(i, row.domains[0]);
  });
  if (first < 0)
    return false;
  node.operands.push_back(first);
  while (node.operands.size() < count) {
    int next = valueOfType(built[first].element(), Shape(shapeOf(first)),
                           row.domains[1]);
    if (next < 0 || !isIn(next, row.domains[1]))
      return false;
    node.operands.push_back(next);
  }
  if (isIn(node.operands[0], row.domains[1]) &&
      isIn(node.operands.back(), row.domains[0]) && draw.chance(0.5))
    std::swap(node.operands.front(), node.operands.back());
  return true;
}

bool Generator::drawSelect(const OpRow &row, Node &node) {
  int condition =
      drawValue([&](int i) { return built[i].element() == Element::i1; });
  if (condition < 0)
    return false;
  Shape shape(shapeOf(condition));
  int value =
      drawValue([&](int i) { return shapeOf(i) == shape && i != condition; });
  Element element =
      value >= 0 ? built[value].element() : drawElement(row.elements);
  if (value < 0)
    value = valueOfType(element, shape, Domain::Any);
  int other = valueOfType(element, shape, Domain::Any);
  if (value < 0 || other < 0)
    return false;
  node.operands = {condition, value, other};
  if (draw.chance(0.5))
    std::swap(node.operands[1], node.operands[2]);
  return true;
}

/// A target shape: of another value, or the operand's with more dimensions.
bool Generator::drawSpread(const OpRow &row, Node &node) {
  int source = drawValue([&](int i) {
    return has(row.elements, built[i].element()) && shapeOf(i).size() < 4;
  });
  if (source < 0)
    return false;
  node.operands.push_back(source);
  int like = drawValue([&](int i) {
    return shapeOf(i) != shapeOf(source) &&
           !spreadMaps(shapeOf(source), shapeOf(i)).empty();
  });
  if (like >= 0 && draw.chance(0.6)) {
    node.shape = shapeOf(like);
    return true;
  }
  node.shape = shapeOf(source);
  for (int64_t &extent : node.shape)
    if (extent == 1 && draw.chance(0.5))
      extent = drawExtent();
  do {
    bool whole = built[source].batchDim() < 0;
    auto place = node.shape.begin() +
                 draw.below(static_cast<int64_t>(node.shape.size()) + 1);
    bool rows = whole && draw.chance(0.2) &&
                llvm::all_of(node.shape, [](int64_t e) { return e > 0; });
    node.shape.insert(rows ? node.shape.begin() : place,
                      rows ? -1 : drawExtent());
  } while (node.shape.size() < 4 && draw.chance(0.3));
  return true;
}

bool Generator::drawConcat(const OpRow &row, Node &node) {
  int first = drawValue([&](int i) {
    return has(row.elements, built[i].element()) &&
           llvm::any_of(shapeOf(i), [](int64_t e) { return e > 0; });
  });
  if (first < 0)
    return false;
  int64_t dim;
  do
    dim = draw.below(static_cast<int64_t>(shapeOf(first).size()));
  while (shapeOf(first)[dim] < 0);
  node.ints.push_back(dim);
  node.operands.push_back(first);
  for (int64_t more = draw.below(3); more >= 0; --more) {
    Shape shape(shapeOf(first));
    int next = drawValue([&](int i) {
      if (built[i].element() != built[first].element() ||
          shapeOf(i).size() != shape.size() || shapeOf(i)[dim] < 0)
        return false;
      Shape other(shapeOf(i));
      other[dim] = shape[dim];
      return other == shape;
    });
    if (next < 0 || draw.chance(0.4)) {
      shape[dim] = drawExtent();
      next = valueOfType(built[first].element(), shape, Domain::Any);
    }
    if (next < 0)
      return false;
    node.operands.push_back(next);
  }
  if (draw.chance(0.5))
    std::reverse(node.operands.begin(), node.operands.end());
  return true;
}

bool Generator::drawDot(const OpRow &row, Node &node) {
  int one = drawValue([&](int i) {
    return has(row.elements, built[i].element()) && !shapeOf(i).empty();
  });
  if (one < 0)
    return false;
  Shape own(shapeOf(one));
  struct Part {
    int64_t extent, paired; ///< dimension of `one`; -1: free
    bool batch;
  };
  SmallVector<Part> parts;
  for (auto [dim, extent] : llvm::enumerate(own)) {
    double kind = draw.uniform();
    if (kind < 0.2)
      parts.push_back({extent, static_cast<int64_t>(dim), true});
    else if (kind < 0.65 && extent > 0)
      parts.push_back({extent, static_cast<int64_t>(dim), false});
  }
  for (int64_t free = draw.below(3); free > 0 && parts.size() < 4; --free)
    parts.push_back({drawExtent(), -1, false});
  for (size_t i = parts.size(); i > 1; --i)
    std::swap(parts[i - 1], parts[draw.below(static_cast<int64_t>(i))]);
  Shape shape;
  SmallVector<int64_t> lists[4]; // batch, contracting: of `one`, of the other
  for (auto [dim, part] : llvm::enumerate(parts)) {
    shape.push_back(part.extent);
    if (part.paired < 0)
      continue;
    lists[part.batch ? 0 : 2].push_back(part.paired);
    lists[part.batch ? 1 : 3].push_back(static_cast<int64_t>(dim));
  }
  if (countElements(shape) > maxElements)
    return false;
  int other = valueOfType(built[one].element(), shape, Domain::Any);
  if (other < 0)
    return false;
  bool swapped = draw.chance(0.5);
  node.operands = swapped ? SmallVector<int, 3>{other, one}
                          : SmallVector<int, 3>{one, other};
  for (int part : {0, 2}) {
    node.ints.push_back(static_cast<int64_t>(lists[part].size()));
    llvm::append_range(node.ints, lists[part + (swapped ? 1 : 0)]);
    llvm::append_range(node.ints, lists[part + (swapped ? 0 : 1)]);
  }
  return true;
}

int Generator::drawIndices(const Shape &shape, int64_t limit) {
  Element element = drawElement(kInts);
  int found = drawValue([&](int i) {
    return graph.nodes[i].range == Range::Labels && shapeOf(i) == shape &&
           llvm::all_of(values[i].value.ints, [&](int64_t index) {
             return index >= 0 && index < limit;
           });
  });
  if (found >= 0 && !draw.chance(0.3))
    return found;
  return newLeaf(element, shape, Range::Labels,
                 element == Element::u8 ? std::min<int64_t>(limit, 256)
                                        : limit);
}

bool Generator::drawGather(const OpRow &row, Node &node) {
  int value = drawValue([&](int i) {
    return has(row.elements, built[i].element()) &&
           llvm::any_of(shapeOf(i), [](int64_t e) { return e > 0; });
  });
  if (value < 0)
    return false;
  int64_t dim;
  do
    dim = draw.below(static_cast<int64_t>(shapeOf(value).size()));
  while (shapeOf(value)[dim] < 0);
  bool rows = built[value].batchDim() < 0 && draw.chance(0.6);
  Shape shape = drawShape(rows, draw.below(3));
  int indices = drawIndices(shape, shapeOf(value)[dim]);
  node.operands = {value, indices};
  node.ints = {dim};
  return indices >= 0;
}

bool Generator::drawScatter(const OpRow &row, Node &node) {
  int value =
      drawValue([&](int i) { return has(row.elements, built[i].element()); });
  if (value < 0)
    return false;
  Shape own(shapeOf(value));
  int64_t dim = draw.below(static_cast<int64_t>(own.size()) + 1);
  Shape shape;
  for (size_t i = static_cast<size_t>(dim);
       i < own.size() && own[i] > 0 && draw.chance(0.6); ++i)
    shape.push_back(own[i]);
  int64_t extent = drawExtent();
  int indices = drawIndices(shape, extent);
  node.operands = {value, indices};
  node.ints = {dim, extent};
  return indices >= 0;
}

bool Generator::drawLoss(const OpRow &row, Node &node, bool gradient) {
  int logits = drawValue([&](int i) {
    return has(row.elements, built[i].element()) && !shapeOf(i).empty() &&
           shapeOf(i).back() > 0;
  });
  if (logits < 0)
    return false;
  Shape rows(shapeOf(logits));
  int64_t classes = rows.pop_back_val();
  int labels = drawIndices(rows, classes);
  if (labels < 0)
    return false;
  node.operands = {logits, labels};
  if (!gradient)
    return true;
  int cotangent = valueOfType(built[logits].element(), rows, Domain::Any);
  node.operands.push_back(cotangent);
  return cotangent >= 0;
}

bool Generator::drawAttention(const OpRow &row, Node &node, bool gradient) {
  int query = drawValue([&](int i) {
    return has(row.elements, built[i].element()) && shapeOf(i).size() == 4 &&
           llvm::all_of(ArrayRef(shapeOf(i)).drop_front(),
                        [](int64_t e) { return e > 0; });
  });
  if (query < 0 || draw.chance(0.6))
    query = valueOfType(drawElement(row.elements),
                        drawShape(/*rows=*/draw.chance(0.7), 4), Domain::Any);
  if (query < 0)
    return false;
  Shape q(shapeOf(query));
  Element element = built[query].element();
  int64_t heads = q[1], keys = draw.chance(0.5) ? q[2] : drawExtent();
  while (q[1] % heads != 0 || draw.chance(0.3))
    heads = 1 + draw.below(q[1]);
  auto any = [&](Element of, const Shape &shape) {
    int found = countElements(shape) <= maxElements
                    ? valueOfType(of, shape, Domain::Any)
                    : -1;
    node.operands.push_back(found);
    return found >= 0;
  };
  int64_t width = drawExtent();
  node.operands = {query};
  if (!any(element, {q[0], heads, keys, q[3]}) ||
      !any(element, {q[0], heads, keys, width}))
    return false;
  Element wide = element == Element::f64 ? Element::f64 : Element::f32;
  if (gradient && (!any(wide, {q[0], q[1], q[2]}) ||
                   !any(element, {q[0], q[1], q[2], width}) ||
                   !any(wide, {q[0], q[1], q[2]})))
    return false;
  if (draw.chance(0.6))
    return true;
  Shape mask = {1, 1, 1, keys};
  for (size_t dim = 0; dim < 3; ++dim)
    if (draw.chance(0.5))
      mask[dim] = q[dim];
  return any(draw.chance(0.5) ? Element::i1 : element, mask);
}

bool Generator::drawWindow(const OpRow &row, Node &node) {
  bool overBatch = row.name == "graph.conv_kernel_grad";
  auto fits = [&](const Shape &shape) {
    return isImages(shape) && !(overBatch && shape[0] < 0);
  };
  int x = drawValue([&](int i) {
    return has(row.elements, built[i].element()) && fits(shapeOf(i));
  });
  if (x < 0 || draw.chance(0.3)) {
    Shape shape = drawShape(!overBatch && draw.chance(0.7), 3 + draw.below(2));
    x = newLeaf(drawElement(row.elements), shape, Range::Any);
  }
  if (x < 0 || !fits(shapeOf(x)))
    return false;
  node.operands.push_back(x);
  node.draw = draw.next();
  if (row.arity == 1)
    return true;
  Shape other = windowShapes(node, Shape(shapeOf(x))).other;
  if (row.name == "graph.max_pool" && draw.chance(0.7)) {
    node.operands.push_back(x);
    return true;
  }
  if (countElements(other) > maxElements)
    return false;
  int second = valueOfType(built[x].element(), other, Domain::Any);
  node.operands.push_back(second);
  return second >= 0;
}

bool Generator::drawOperands(const OpRow &row, Node &node) {
  switch (row.operands) {
  case Operands::None:
    node.element = drawElement(row.elements);
    node.shape = drawShape(/*rows=*/false, draw.below(4));
    if (draw.chance(0.5))
      node.ints.push_back(1);
    return true;
  case Operands::One:
  case Operands::Same:
    return drawSame(row, node, row.arity);
  case Operands::Select:
    return drawSelect(row, node);
  case Operands::Spread:
    return drawSpread(row, node);
  case Operands::Concat:
    return drawConcat(row, node);
  case Operands::Dot:
    return drawDot(row, node);
  case Operands::Loss:
    return drawLoss(row, node, /*gradient=*/false);
  case Operands::LossGrad:
    return drawLoss(row, node, /*gradient=*/true);
  case Operands::Gather:
    return drawGather(row, node);
  case Operands::Scatter:
    return drawScatter(row, node);
  case Operands::Loop:
    return drawLoop(row, node);
  case Operands::Attention:
    return drawAttention(row, node, /*gradient=*/false);
  case Operands::AttentionGrad:
    return drawAttention(row, node, /*gradient=*/true);
  case Operands::Window:
    return drawWindow(row, node);
  }
  llvm_unreachable("covered above");
}

std::optional<Node> Generator::drawNode(const OpRow &row) {
  Node node;
  node.op = row.name.str();
  if (!drawOperands(row, node))
    return std::nullopt;
  if (row.operands != Operands::Window)
    node.draw = draw.next();
  if (row.operands != Operands::None && row.operands != Operands::Spread)
    node.element = drawElement(kAll); // a cast's
  return node;
}

} // namespace mlc::randomgraph
