//===- ReduceTest.cpp - Reductions, losses and products -------------------===//
#include "test/codegen/KernelTest.h"

#include <gtest/gtest.h>

using namespace mlc::test;

namespace {

std::string tensor(std::initializer_list<int> shape, const std::string &type) {
  std::string text = "tensor<";
  for (int extent : shape)
    text += std::to_string(extent) + "x";
  return text + type + ">";
}

TEST(Reduce, EveryKindAndPlace) {
  for (std::string kind : {"sum", "max", "min"})
    for (std::string type : {"f32", "f64", "bf16", "i32", "ui8"})
      for (int inner : {1, 3, 17, 65, 130}) {
        std::string from = tensor({6, 5, inner}, type);
        Options options;
        // The reference adds in another order, and sums cancel.
        options.tolerance = type == "bf16" ? 1e-2 : 1e-4;
        std::string all = "tensor<" + type + ">";
        std::string rows = tensor({6, 5}, type),
                    columns = tensor({inner}, type);
        auto one = [&](const std::string &dims, const std::string &to) {
          checkBody("%a: " + from, to,
                    "%0 = graph.reduce " + kind + " %a dims = " + dims + " : " +
                        from + " to " + to + "\nplan.return %0 : " + to + "\n",
                    options);
        };
        one("[2]", rows);
        one("[0, 1]", columns);
        one("[0, 1, 2]", all);
        one("[1]", tensor({6, inner}, type));
        one("[0, 2]", tensor({5}, type));
      }
}

TEST(Reduce, LongRowsWithPrologueAndEpilogue) {
  checkBody("%a: tensor<3x20001xf32>", "tensor<3xf32>", R"(
    %0 = graph.mul %a, %a : tensor<3x20001xf32>
    %1 = graph.reduce sum %0 dims = [1] : tensor<3x20001xf32> to tensor<3xf32>
    %2 = graph.sqrt %1 : tensor<3xf32>
    plan.return %2 : tensor<3xf32>
  )");
}

TEST(Reduce, RowsOfEveryLength) {
  for (std::string kind : {"sum", "max", "min"})
    for (std::string type : {"f32", "f64", "i32"})
      for (int length : {16, 17, 31, 63, 64, 65, 129, 1000}) {
        std::string from = tensor({7, length}, type), to = tensor({7}, type);
        checkBody("%a: " + from, to + ", " + tensor({1, 7}, type),
                  "%0 = graph.mul %a, %a : " + from + "\n%1 = graph.reduce " +
                      kind + " %0 dims = [1] : " + from + " to " + to +
                      "\n%2 = graph.reshape %1 : " + to + " to " +
                      tensor({1, 7}, type) + "\nplan.return %1, %2 : " + to +
                      ", " + tensor({1, 7}, type) + "\n");
      }
}

TEST(ArgReduce, FirstOfEquals) {
  Options options;
  options.intLimit = 5; // many equals
  for (std::string kind : {"max", "min"})
    for (std::string type : {"f32", "i32", "ui8"})
      for (int dim : {0, 1}) {
        std::string from = tensor({33, 10}, type);
        std::string to = tensor({dim == 0 ? 10 : 33}, "i32");
        checkBody("%a: " + from, to,
                  "%0 = graph.arg_reduce " + kind +
                      " %a dim = " + std::to_string(dim) + " : " + from +
                      " to " + to + "\nplan.return %0 : " + to + "\n",
                  options);
      }
}

TEST(Loss, ValueAndGradient) {
  for (int classes : {1, 2, 3, 4, 10, 16, 17, 33, 64, 65, 200})
    for (std::string type : {"f32", "f64"})
      for (std::string label : {"ui8", "i32", "i64"}) {
        std::string x = tensor({33, classes}, type), y = tensor({33}, label);
        std::string n = tensor({33}, type);
        Options options;
        options.intLimit = classes;
        checkBody("%x: " + x + ", %y: " + y + ", %d: " + n, n + ", " + x,
                  "%0 = graph.softmax_cross_entropy %x, %y : " + x + ", " + y +
                      "\n%1 = graph.softmax_cross_entropy_grad %x, %y, %d : " +
                      x + ", " + y + ", " + n + " to " + x +
                      "\n%2 = graph.mul %0, %d : " + n +
                      "\nplan.return %2, %1 : " + n + ", " + x + "\n",
                  options);
      }
}

TEST(Loss, AloneAndOfExtremeLogits) {
  Options options;
  options.intLimit = 13;
  options.floatLimit = 80;
  checkBody("%x: tensor<9x13xf32>, %y: tensor<9xi32>", "tensor<9xf32>", R"(
    %0 = graph.softmax_cross_entropy %x, %y : tensor<9x13xf32>, tensor<9xi32>
    plan.return %0 : tensor<9xf32>
  )",
            options);
  checkBody("%x: tensor<9x13xf32>, %y: tensor<9xi32>, %d: tensor<9xf32>",
            "tensor<9x13xf32>, tensor<117xf32>", R"(
    %0 = graph.softmax_cross_entropy_grad %x, %y, %d : tensor<9x13xf32>, tensor<9xi32>, tensor<9xf32> to tensor<9x13xf32>
    %1 = graph.reshape %0 : tensor<9x13xf32> to tensor<117xf32>
    %2 = graph.neg %1 : tensor<117xf32>
    plan.return %0, %2 : tensor<9x13xf32>, tensor<117xf32>
  )",
            options);
}

TEST(Dot, ShapesAndTransposes) {
  const int shapes[][3] = {{1, 1, 1},    {3, 5, 7},    {64, 128, 10},
                           {17, 63, 65}, {65, 3, 130}, {6, 300, 64},
                           {33, 1, 16},  {130, 64, 1}, {20, 700, 96}};
  for (auto [m, kk, n] : shapes)
    for (bool lhsTransposed : {false, true})
      for (bool rhsTransposed : {false, true}) {
        std::string a =
            lhsTransposed ? tensor({kk, m}, "f32") : tensor({m, kk}, "f32");
        std::string b =
            rhsTransposed ? tensor({n, kk}, "f32") : tensor({kk, n}, "f32");
        std::string c = tensor({m, n}, "f32"), bias = tensor({n}, "f32");
        checkBody("%a: " + a + ", %b: " + b + ", %bias: " + bias, c,
                  "%0 = graph.dot %a, %b batch = [] x [] contract = [" +
                      std::string(lhsTransposed ? "0" : "1") + "] x [" +
                      (rhsTransposed ? "1" : "0") + "] : " + a + ", " + b +
                      " to " + c +
                      "\n%1 = graph.broadcast %bias dims = [1] : " + bias +
                      " to " + c + "\n%2 = graph.add %0, %1 : " + c +
                      "\n%3 = graph.relu %2 : " + c +
                      "\nplan.return %3 : " + c + "\n");
      }
}

TEST(Dot, TypesAndPrologues) {
  for (std::string type : {"f64", "f16", "bf16", "i32", "ui8"}) {
    std::string a = tensor({19, 33}, type), b = tensor({33, 21}, type);
    std::string c = tensor({19, 21}, type);
    Options options;
    options.intLimit = 6;
    options.tolerance = type == "f16" || type == "bf16" ? 2e-2 : 1e-5;
    checkBody("%a: " + a + ", %b: " + b, c,
              "%0 = graph.dot %a, %b batch = [] x [] contract = [1] x [0] : " +
                  a + ", " + b + " to " + c + "\nplan.return %0 : " + c + "\n",
              options);
  }
  checkBody("%a: tensor<13x4x8xui8>, %b: tensor<32x20xf32>",
            "tensor<13x20xf32>", R"(
    %c = graph.constant dense<255.0> : tensor<13x4x8xf32>
    %0 = graph.cast %a : tensor<13x4x8xui8> to tensor<13x4x8xf32>
    %1 = graph.div %0, %c : tensor<13x4x8xf32>
    %2 = graph.reshape %1 : tensor<13x4x8xf32> to tensor<13x32xf32>
    %3 = graph.dot %2, %b batch = [] x [] contract = [1] x [0] : tensor<13x32xf32>, tensor<32x20xf32> to tensor<13x20xf32>
    plan.return %3 : tensor<13x20xf32>
  )");
  checkBody("%a: tensor<13x4x8xui8>, %b: tensor<13x20xf32>",
            "tensor<32x20xf32>", R"(
    %0 = graph.cast %a : tensor<13x4x8xui8> to tensor<13x4x8xf32>
    %2 = graph.reshape %0 : tensor<13x4x8xf32> to tensor<13x32xf32>
    %3 = graph.dot %2, %b batch = [] x [] contract = [0] x [0] : tensor<13x32xf32>, tensor<13x20xf32> to tensor<32x20xf32>
    plan.return %3 : tensor<32x20xf32>
  )");
}

// Large enough to be packed; the last with a cut depth.
TEST(Dot, PackedOperands) {
  const int shapes[][3] = {{70, 300, 65}, {65, 1033, 130}, {33, 17, 129},
                           {7, 70, 33},   {1, 65, 17},     {129, 520, 80},
                           {50, 2100, 70}};
  for (auto [m, kk, n] : shapes)
    for (std::string type : {"f32", "f64"})
      for (bool lhsTransposed : {false, true})
        for (bool rhsTransposed : {false, true}) {
          std::string a =
              lhsTransposed ? tensor({kk, m}, type) : tensor({m, kk}, type);
          std::string b =
              rhsTransposed ? tensor({n, kk}, type) : tensor({kk, n}, type);
          std::string c = tensor({m, n}, type);
          Options options;
          options.tolerance = type == "f64" ? 1e-12 : 1e-5;
          // Computed operands are packed even where they lie well.
          checkBody("%a: " + a + ", %b: " + b, c + ", " + c,
                    "%0 = graph.tanh %a : " + a +
                        "\n%1 = graph.dot %0, %b batch = [] x [] contract = [" +
                        std::string(lhsTransposed ? "0" : "1") + "] x [" +
                        (rhsTransposed ? "1" : "0") + "] : " + a + ", " + b +
                        " to " + c + "\n%2 = graph.mul %1, %1 : " + c +
                        "\nplan.return %1, %2 : " + c + ", " + c + "\n",
                    options);
        }
}

TEST(Dot, StridedOperandsArePacked) {
  checkBody("%a: tensor<300x520xf32>, %b: tensor<300x600xf32>",
            "tensor<520x600xf32>", R"(
    %0 = graph.dot %a, %b batch = [] x [] contract = [0] x [0] : tensor<300x520xf32>, tensor<300x600xf32> to tensor<520x600xf32>
    plan.return %0 : tensor<520x600xf32>
  )");
}

// Narrow floats are widened once, when they are packed.
TEST(Dot, PackedNarrowFloats) {
  for (std::string type : {"f16", "bf16"})
    for (bool rhsTransposed : {false, true}) {
      std::string a = tensor({3, 40, 65}, type);
      std::string b =
          rhsTransposed ? tensor({3, 35, 65}, type) : tensor({3, 65, 35}, type);
      std::string c = tensor({3, 40, 35}, type);
      Options options;
      options.tolerance = 2e-2;
      checkBody("%a: " + a + ", %b: " + b, c,
                "%0 = graph.dot %a, %b batch = [0] x [0] contract = [2] x [" +
                    std::string(rhsTransposed ? "2" : "1") + "] : " + a + ", " +
                    b + " to " + c + "\nplan.return %0 : " + c + "\n",
                options);
    }
}

// With 8 lanes and 16 registers.
TEST(Dot, PackedForAvx2) {
  Options options;
  options.cpu = "x86-64-v3";
  checkBody("%a: tensor<65x70xf32>, %b: tensor<33x70xf32>", "tensor<65x33xf32>",
            R"(
    %0 = graph.exp %a : tensor<65x70xf32>
    %1 = graph.dot %0, %b batch = [] x [] contract = [1] x [1] : tensor<65x70xf32>, tensor<33x70xf32> to tensor<65x33xf32>
    plan.return %1 : tensor<65x33xf32>
  )",
            options);
}

TEST(Dot, BatchedOverHeads) {
  checkBody("%q: tensor<2x9x3x16xf32>, %k: tensor<2x9x3x16xf32>",
            "tensor<2x3x9x9xf32>", R"(
    %0 = graph.dot %q, %k batch = [0, 2] x [0, 2] contract = [3] x [3] : tensor<2x9x3x16xf32>, tensor<2x9x3x16xf32> to tensor<2x3x9x9xf32>
    plan.return %0 : tensor<2x3x9x9xf32>
  )");
}

} // namespace
