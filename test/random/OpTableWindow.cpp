//===- OpTableWindow.cpp - Rows of convolutions and pools -----------------===//
//
// The window is drawn for the shape of the first operand, and a second operand
// has what it asks for, as a leaf of its own or a value that happens to fit.
//
//===----------------------------------------------------------------------===//

#include "test/random/OpTable.h"

#include "ir/graph/GraphWindowOps.h"

#include <algorithm>

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

using namespace elements;

bool isImages(const Shape &shape) {
  return (shape.size() == 3 || shape.size() == 4) &&
         llvm::all_of(ArrayRef<int64_t>(shape).drop_front(),
                      [](int64_t extent) { return extent > 0; });
}

/// A window that fits. Pools meet an element everywhere.
static Window drawWindow(const Shape &shape, Draw &draw, bool isMax) {
  Window window;
  for (size_t i = 2; i < shape.size(); ++i) {
    WindowDim dim;
    dim.input = shape[i];
    dim.window = 1 + draw.below(std::min<int64_t>(dim.input, 5));
    dim.stride = 1 + draw.below(3);
    int64_t most = isMax ? dim.window / 2 : dim.window;
    dim.low = draw.below(most + 1);
    dim.high = draw.below(most + 1);
    if (!isMax && draw.chance(0.3))
      dim.inputDilation = 1 + draw.below(3);
    if (draw.chance(0.3)) {
      dim.windowDilation = 2;
      if (dim.places() < 1 || isMax)
        dim.windowDilation = 1;
    }
    window.push_back(dim);
  }
  return window;
}

WindowShapes windowShapes(const Node &node, const Shape &x) {
  Draw draw(node.draw);
  bool isMax = StringRef(node.op).starts_with("graph.max_pool");
  WindowShapes result;
  result.window = drawWindow(x, draw, isMax);
  Shape places{x[0], x[1]}, taps;
  for (const WindowDim &dim : result.window) {
    places.push_back(dim.places());
    taps.push_back(dim.window);
  }
  if (isMax) {
    result.other = node.op == "graph.max_pool" ? x : places;
    result.result = node.op == "graph.max_pool" ? places : x;
    return result;
  }
  result.groups = x[1] % 2 == 0 && draw.chance(0.3) ? 2 : 1;
  result.transposed = draw.chance(0.4);
  int64_t channels = result.groups * (1 + draw.below(4));
  result.result = places;
  if (node.op == "graph.sum_pool")
    return result;
  result.result[1] = channels;
  int64_t ofGroup = x[1] / result.groups, toGroup = channels / result.groups;
  Shape kernel =
      result.transposed ? Shape{x[1], toGroup} : Shape{channels, ofGroup};
  if (node.op == "graph.conv_kernel_grad") {
    result.transposed = false;
    result.other = result.result;
    kernel = {channels, ofGroup};
  }
  kernel.append(taps.begin(), taps.end());
  (node.op == "graph.conv" ? result.other : result.result) = kernel;
  return result;
}

static Built buildWindow(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                         int64_t) {
  if (!isImages(x[0].shape))
    return {};
  WindowShapes drawn = windowShapes(node, x[0].shape);
  if (x.size() > 1 &&
      (x[1].shape != drawn.other || x[1].element() != x[0].element()))
    return {};
  // A kernel's gradient sums over the batch: here that is whole.
  if (node.op == "graph.conv_kernel_grad" && x[0].shape[0] < 0)
    return {};
  Location loc = b.getUnknownLoc();
  Value result;
  if (node.op == "graph.conv")
    result = ConvOp::create(b, loc, x[0].value, x[1].value, drawn.window,
                            drawn.groups, drawn.transposed);
  else if (node.op == "graph.conv_kernel_grad")
    result = ConvKernelGradOp::create(b, loc, x[0].value, x[1].value,
                                      drawn.window, drawn.groups);
  else if (node.op == "graph.sum_pool")
    result = SumPoolOp::create(b, loc, x[0].value, drawn.window);
  else if (node.op == "graph.max_pool")
    result = MaxPoolOp::create(b, loc, x[0].value, x[1].value, drawn.window);
  else
    result =
        MaxPoolGradOp::create(b, loc, x[0].value, x[1].value, drawn.window);
  return {result, drawn.result};
}

std::vector<OpRow> windowRows() {
  using O = Operands;
  // Ulps: BoundsWindow.cpp counts the terms.
  return {
      {"graph.conv", O::Window, 2, kFloats, {}, 1.5, 0, buildWindow},
      {"graph.conv_kernel_grad",
       O::Window,
       2,
       kFloats,
       {},
       0.8,
       0,
       buildWindow},
      {"graph.sum_pool", O::Window, 1, kFloats, {}, 0.8, 0, buildWindow},
      {"graph.max_pool", O::Window, 2, kFloats, {}, 0.8, 0, buildWindow},
      {"graph.max_pool_grad", O::Window, 2, kFloats, {}, 0.6, 0, buildWindow},
  };
}

} // namespace mlc::randomgraph
