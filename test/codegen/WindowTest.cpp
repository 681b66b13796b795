//===- WindowTest.cpp - Convolutions and pools ----------------------------===//
#include "ir/graph/Window.h"
#include "test/codegen/KernelTest.h"

#include <gtest/gtest.h>

using namespace mlc;
using namespace mlc::test;

namespace {

using Extents = std::vector<int64_t>;

std::string list(const Extents &numbers) {
  std::string text = "[";
  for (size_t i = 0; i < numbers.size(); ++i)
    text += (i ? ", " : "") + std::to_string(numbers[i]);
  return text + "]";
}

std::string tensor(const Extents &shape, const std::string &type) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + type + ">";
}

/// How a window moves over one or two dimensions.
struct Moves {
  std::vector<graph::WindowDim> dims;

  Extents field(int64_t graph::WindowDim::*member) const {
    Extents numbers;
    for (const graph::WindowDim &dim : dims)
      numbers.push_back(dim.*member);
    return numbers;
  }
  Extents with(int64_t batch, int64_t channels, const Extents &rest) const {
    Extents shape{batch, channels};
    shape.insert(shape.end(), rest.begin(), rest.end());
    return shape;
  }
  Extents inputs() const { return field(&graph::WindowDim::input); }
  Extents window() const { return field(&graph::WindowDim::window); }
  Extents places() const {
    Extents numbers;
    for (const graph::WindowDim &dim : dims)
      numbers.push_back(dim.places());
    return numbers;
  }
  std::string attributes() const {
    using Dim = graph::WindowDim;
    return " strides = " + list(field(&Dim::stride)) +
           " low = " + list(field(&Dim::low)) +
           " high = " + list(field(&Dim::high)) +
           " dilation = " + list(field(&Dim::inputDilation)) + " x " +
           list(field(&Dim::windowDilation)) + " ";
  }
};

/// input, window, stride, low, high, inputDilation, windowDilation.
const std::vector<Moves> &someMoves() {
  static const std::vector<Moves> moves = {
      {{{1, 1, 1, 0, 0, 1, 1}}},
      {{{7, 3, 1, 1, 1, 1, 1}}},
      {{{33, 4, 2, 1, 3, 1, 2}}},
      {{{17, 5, 3, 2, 2, 1, 1}}},
      {{{9, 3, 1, 2, 2, 2, 1}}},
      {{{9, 2, 3, 1, 4, 2, 3}}},
      {{{200, 3, 1, 0, 0, 1, 1}}},
      {{{5, 2, 1, -1, 1, 1, 1}}},
      {{{28, 5, 1, 2, 2, 1, 1}, {28, 5, 1, 2, 2, 1, 1}}},
      {{{14, 5, 1, 0, 0, 1, 1}, {14, 5, 1, 0, 0, 1, 1}}},
      {{{10, 5, 1, 4, 4, 1, 1}, {10, 5, 1, 4, 4, 1, 1}}},
      {{{8, 1, 1, 0, 0, 1, 1}, {9, 1, 1, 0, 0, 1, 1}}},
      {{{9, 1, 2, 0, 0, 1, 1}, {8, 1, 2, 0, 0, 1, 1}}},
      {{{9, 3, 2, 1, 1, 1, 1}, {12, 3, 2, 1, 1, 1, 1}}},
      {{{5, 3, 1, 1, 2, 2, 1}, {6, 3, 1, 1, 2, 2, 1}}},
      {{{5, 1, 1, 0, 1, 2, 1}, {4, 1, 1, 0, 1, 2, 1}}},
      {{{3, 2, 1, 0, 0, 1, 1}, {90, 3, 1, 1, 1, 1, 1}}},
      {{{6, 3, 2, 0, 1, 1, 2}, {7, 3, 1, 2, 0, 1, 1}}},
      {{{32, 3, 1, 1, 1, 1, 1}, {32, 3, 1, 1, 1, 1, 1}}},
  };
  return moves;
}

struct Channels {
  int64_t batch, in, out, groups;
};
constexpr Channels kChannels[] = {{1, 1, 1, 1}, {3, 1, 6, 1}, {2, 6, 16, 1},
                                  {2, 4, 6, 2}, {3, 5, 5, 5}, {1, 16, 33, 1},
                                  {9, 3, 17, 1}};

void checkConv(const Moves &moves, const Channels &c, bool transposed,
               const std::string &type, const Options &options = {}) {
  Extents kernelShape =
      transposed ? moves.with(c.in, c.out / c.groups, moves.window())
                 : moves.with(c.out, c.in / c.groups, moves.window());
  std::string x = tensor(moves.with(c.batch, c.in, moves.inputs()), type);
  std::string w = tensor(kernelShape, type);
  std::string y = tensor(moves.with(c.batch, c.out, moves.places()), type);
  Extents places = moves.places();
  std::string bias = tensor({c.out}, type);
  checkBody("%x: " + x + ", %w: " + w + ", %b: " + bias, y,
            "%0 = graph.conv %x, %w" + moves.attributes() +
                "groups = " + std::to_string(c.groups) +
                (transposed ? " transposed" : "") + " : " + x + ", " + w +
                " to " + y + "\n%1 = graph.broadcast %b dims = [1] : " + bias +
                " to " + y + "\n%2 = graph.add %0, %1 : " + y +
                "\n%3 = graph.relu %2 : " + y + "\nplan.return %3 : " + y +
                "\n",
            options);
}

Options toleranceFor(const std::string &type) {
  Options options;
  options.tolerance = type == "bf16" ? 2e-2 : type == "f16" ? 3e-3 : 2e-5;
  return options;
}

TEST(Conv, WindowsAndChannels) {
  for (const Moves &moves : someMoves())
    for (const Channels &channels : kChannels)
      for (bool transposed : {false, true})
        checkConv(moves, channels, transposed, "f32", toleranceFor("f32"));
}

TEST(Conv, TypesAndProcessors) {
  for (std::string type : {"f64", "bf16", "f16"})
    for (size_t i : {2, 8, 13, 14})
      checkConv(someMoves()[i], {2, 6, 16, 1}, i % 2, type, toleranceFor(type));
  Options options = toleranceFor("f32");
  options.cpu = "x86-64-v3";
  for (const Moves &moves : someMoves())
    checkConv(moves, {2, 4, 6, 2}, false, "f32", options);
}

TEST(Conv, GradientsOfKernels) {
  auto check = [](const Moves &moves, const Channels &c,
                  const std::string &type, Options options) {
    std::string x = tensor(moves.with(c.batch, c.in, moves.inputs()), type);
    std::string dy = tensor(moves.with(c.batch, c.out, moves.places()), type);
    std::string dw =
        tensor(moves.with(c.out, c.in / c.groups, moves.window()), type);
    checkBody("%x: " + x + ", %dy: " + dy, dw,
              "%0 = graph.conv_kernel_grad %x, %dy" + moves.attributes() +
                  "groups = " + std::to_string(c.groups) + " : " + x + ", " +
                  dy + " to " + dw + "\nplan.return %0 : " + dw + "\n",
              options);
  };
  Options options = toleranceFor("f32");
  options.tolerance = 1e-4;
  for (const Moves &moves : someMoves())
    for (const Channels &channels : kChannels)
      check(moves, channels, "f32", options);
  for (std::string type : {"f64", "bf16", "f16"})
    for (size_t i : {2, 8, 13, 14})
      check(someMoves()[i], {2, 6, 16, 1}, type, toleranceFor(type));
  options.cpu = "x86-64-v3";
  for (const Moves &moves : someMoves())
    check(moves, {2, 4, 6, 2}, "f32", options);
}

bool isMaxPool(const Moves &moves) {
  for (const graph::WindowDim &dim : moves.dims) {
    if (dim.inputDilation != 1)
      return false;
    for (int64_t place = 0; place < dim.places(); ++place) {
      bool meets = false;
      for (int64_t tap = 0; tap < dim.window; ++tap)
        meets |= dim.elementAt(place, tap).has_value();
      if (!meets)
        return false;
    }
  }
  return true;
}

void checkPool(const Moves &moves, const std::string &type,
               const Options &options) {
  std::string x = tensor(moves.with(3, 5, moves.inputs()), type);
  std::string y = tensor(moves.with(3, 5, moves.places()), type);
  std::string how = " window = " + list(moves.window()) + moves.attributes();
  checkBody("%x: " + x, y,
            "%0 = graph.sum_pool %x" + how + ": " + x + " to " + y +
                "\n%1 = graph.neg %0 : " + y + "\nplan.return %1 : " + y + "\n",
            options);
  if (!isMaxPool(moves))
    return;
  checkBody("%x: " + x, y,
            "%0 = graph.max_pool %x, %x" + how + ": " + x + ", " + x + " to " +
                y + "\n%1 = graph.neg %0 : " + y + "\nplan.return %1 : " + y +
                "\n",
            options);
  checkBody("%x: " + x + ", %v: " + x, y,
            "%0 = graph.max_pool %x, %v" + how + ": " + x + ", " + x + " to " +
                y + "\nplan.return %0 : " + y + "\n",
            options);
  // Whole keys: many equals.
  checkBody("%x: " + x + ", %dy: " + y, x,
            "%0 = graph.max_pool_grad %x, %dy" + how + ": " + x + ", " + y +
                " to " + x + "\n%1 = graph.mul %0, %x : " + x +
                "\nplan.return %1 : " + x + "\n",
            options);
}

TEST(Pool, EveryWindow) {
  for (const Moves &moves : someMoves())
    checkPool(moves, "f32", toleranceFor("f32"));
  const std::vector<Moves> more = {
      {{{28, 2, 2, 0, 0, 1, 1}, {28, 2, 2, 0, 0, 1, 1}}},
      {{{10, 2, 2, 0, 0, 1, 1}, {10, 2, 2, 0, 0, 1, 1}}},
      {{{11, 2, 2, 1, 1, 1, 1}, {37, 2, 2, 1, 0, 1, 1}}},
      {{{12, 1, 2, 0, 0, 1, 1}, {13, 1, 2, 0, 0, 1, 1}}},
      {{{12, 3, 3, 0, 0, 1, 1}, {13, 3, 3, 1, 1, 1, 1}}},
      {{{12, 3, 2, 1, 1, 1, 1}, {40, 3, 2, 1, 1, 1, 1}}},
      {{{12, 5, 1, 2, 2, 1, 1}, {8, 5, 1, 2, 2, 1, 1}}},
      {{{12, 2, 4, 1, 1, 1, 2}, {18, 2, 4, 0, 0, 1, 2}}},
  };
  for (const Moves &moves : more)
    for (std::string type : {"f32", "f64", "bf16"})
      checkPool(moves, type, toleranceFor(type));
  Options options = toleranceFor("f32");
  options.cpu = "x86-64-v3";
  for (const Moves &moves : more)
    checkPool(moves, "f32", options);
}

// What is no argument of the kernel: constants, and views.
TEST(Conv, OfConstants) {
  checkBody("%w: tensor<2x1x3xf32>", "tensor<1x2x5xf32>", R"(
    %x = graph.constant dense<1.5> : tensor<1x1x5xf32>
    %0 = graph.conv %x, %w strides = [1] low = [1] high = [1] dilation = [1] x [1] groups = 1 : tensor<1x1x5xf32>, tensor<2x1x3xf32> to tensor<1x2x5xf32>
    plan.return %0 : tensor<1x2x5xf32>
  )");
  checkBody("%a: tensor<10xf32>", "tensor<1x2x4xf32>", R"(
    %x = graph.reshape %a : tensor<10xf32> to tensor<1x2x5xf32>
    %0 = graph.sum_pool %x window = [2] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<1x2x5xf32> to tensor<1x2x4xf32>
    plan.return %0 : tensor<1x2x4xf32>
  )");
}

} // namespace
