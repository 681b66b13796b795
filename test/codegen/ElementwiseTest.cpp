//===- ElementwiseTest.cpp - Elementwise kernels and moved elements -------===//
#include "test/codegen/KernelTest.h"

#include <gtest/gtest.h>

using namespace mlc::test;

namespace {

class OddShapes : public ::testing::TestWithParam<int> {};

TEST_P(OddShapes, AddsAndClips) {
  std::string t = "tensor<" + std::to_string(GetParam()) + "xf32>";
  checkBody("%a: " + t + ", %b: " + t, t,
            "%0 = graph.add %a, %b : " + t + "\n%1 = graph.relu %0 : " + t +
                "\nplan.return %1 : " + t + "\n");
}

TEST_P(OddShapes, BroadcastsABias) {
  std::string n = std::to_string(GetParam());
  std::string t = "tensor<5x" + n + "xf32>", row = "tensor<" + n + "xf32>";
  checkBody("%a: " + t + ", %b: " + row, t,
            "%0 = graph.broadcast %b dims = [1] : " + row + " to " + t +
                "\n%1 = graph.mul %a, %0 : " + t + "\nplan.return %1 : " + t +
                "\n");
}

TEST_P(OddShapes, Transposes) {
  std::string n = std::to_string(GetParam());
  std::string from = "tensor<7x" + n + "xf32>", to = "tensor<" + n + "x7xf32>";
  checkBody("%a: " + from, to,
            "%0 = graph.transpose %a perm = [1, 0] : " + from + " to " + to +
                "\nplan.return %0 : " + to + "\n");
}

INSTANTIATE_TEST_SUITE_P(Extents, OddShapes,
                         ::testing::Values(1, 3, 15, 16, 17, 63, 64, 65, 40000),
                         ::testing::PrintToStringParamName());

class FloatTypes : public ::testing::TestWithParam<const char *> {};

// One result for each function, compared element by element: a sum would hide
// the small ones.
TEST_P(FloatTypes, EveryFunction) {
  std::string element = GetParam();
  std::string t = "tensor<3x37x" + element + ">";
  std::string body = "%p = graph.abs %a : " + t + "\n", names, types;
  int number = 0;
  auto result = [&](const std::string &op, const std::string &of) {
    std::string name = "%v" + std::to_string(number++);
    body += name + " = graph." + op + " " + of + " : " + t + "\n";
    names += (names.empty() ? "" : ", ") + name;
    types += (types.empty() ? "" : ", ") + t;
  };
  for (const char *op : {"exp", "expm1", "tanh", "sigmoid", "erf", "sin", "cos",
                         "floor", "round", "sign", "neg", "abs", "relu"})
    result(op, "%a");
  for (const char *op : {"log", "log1p", "sqrt"})
    result(op, "%p");
  for (const char *op :
       {"add", "sub", "mul", "div", "mod", "maximum", "minimum"})
    result(op, "%a, %b");
  result("pow", "%p, %b");
  body += "plan.return " + names + " : " + types + "\n";
  Options options;
  options.perElement = true;
  options.floatLimit = 4;
  options.tolerance = element == "f16"    ? 1e-3 // one unit of the last place
                      : element == "bf16" ? 8e-3
                                          : 4e-7; // of f64: see Options
  checkBody("%a: " + t + ", %b: " + t, types, body, options);
}

INSTANTIATE_TEST_SUITE_P(Types, FloatTypes,
                         ::testing::Values("f32", "f64", "f16", "bf16"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

class Casts
    : public ::testing::TestWithParam<std::tuple<const char *, const char *>> {
};

TEST_P(Casts, AreExact) {
  std::string from = std::string("tensor<71x") + std::get<0>(GetParam()) + ">";
  std::string to = std::string("tensor<71x") + std::get<1>(GetParam()) + ">";
  Options options;
  options.tolerance = 0;
  options.intLow = -70000; // beyond ui8, and beyond f16
  options.intLimit = 70000;
  options.floatLimit = 400;
  checkBody("%a: " + from, to,
            "%0 = graph.cast %a : " + from + " to " + to +
                "\nplan.return %0 : " + to + "\n",
            options);
}

constexpr const char *kTypes[] = {"f32", "f64", "f16", "bf16",
                                  "i32", "i64", "ui8", "i1"};
INSTANTIATE_TEST_SUITE_P(Types, Casts,
                         ::testing::Combine(::testing::ValuesIn(kTypes),
                                            ::testing::ValuesIn(kTypes)),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param)) + "To" +
                                  std::get<1>(info.param);
                         });

TEST(Elementwise, Integers) {
  for (std::string type : {"i32", "i64", "ui8"}) {
    std::string t = "tensor<67x" + type + ">";
    Options options;
    options.intLow = -7;
    options.intLimit = 7; // zero divisors too
    std::string body, names, types;
    int number = 0;
    auto result = [&](const std::string &op, const std::string &of) {
      std::string name = "%v" + std::to_string(number++);
      body += name + " = graph." + op + " " + of + " : " + t + "\n";
      names += (names.empty() ? "" : ", ") + name;
      types += (types.empty() ? "" : ", ") + t;
    };
    for (const char *op :
         {"add", "sub", "mul", "idiv", "mod", "maximum", "minimum"})
      result(op, "%a, %b");
    if (type != "ui8")
      for (const char *op : {"neg", "abs", "sign", "relu"})
        result(op, "%a");
    checkBody("%a: " + t + ", %b: " + t, types,
              body + "plan.return " + names + " : " + types + "\n", options);
  }
}

TEST(Elementwise, PixelsOverAConstant) {
  Options options;
  options.tolerance = 0; // the quotient is the correctly rounded one
  options.intLimit = 256;
  checkBody("%a: tensor<6x28x28xui8>", "tensor<6x784xf32>", R"(
    %c = graph.constant dense<255.0> : tensor<6x784xf32>
    %0 = graph.cast %a : tensor<6x28x28xui8> to tensor<6x28x28xf32>
    %1 = graph.reshape %0 : tensor<6x28x28xf32> to tensor<6x784xf32>
    %2 = graph.div %1, %c : tensor<6x784xf32>
    plan.return %2 : tensor<6x784xf32>
  )",
            options);
}

TEST(Elementwise, SlicesAndConcats) {
  checkBody("%a: tensor<4x9xf32>, %b: tensor<4x5xf32>",
            "tensor<4x10xf32>, tensor<4x14xi32>", R"(
    %0 = graph.slice %a starts = [0, 1] limits = [4, 9] strides = [1, 2] : tensor<4x9xf32> to tensor<4x4xf32>
    %1 = graph.slice %a starts = [0, 3] limits = [4, 4] strides = [1, 1] : tensor<4x9xf32> to tensor<4x1xf32>
    %2 = graph.concat dim = 1 %0, %b, %1 : (tensor<4x4xf32>, tensor<4x5xf32>, tensor<4x1xf32>) -> tensor<4x10xf32>
    %3 = graph.iota dim = 1 : tensor<4x14xi32>
    plan.return %2, %3 : tensor<4x10xf32>, tensor<4x14xi32>
  )");
}

TEST(Elementwise, ReadsATable) {
  checkBody("%a: tensor<2x3xf32>", "tensor<2x3xf32>", R"(
    %c = graph.constant dense<[1.0, 2.5, 4.0]> : tensor<3xf32>
    %0 = graph.broadcast %c dims = [1] : tensor<3xf32> to tensor<2x3xf32>
    %1 = graph.sub %a, %0 : tensor<2x3xf32>
    plan.return %1 : tensor<2x3xf32>
  )");
}

TEST(Elementwise, ScalarChainsInDouble) {
  checkBody("%t: tensor<i64>", "tensor<f32>, tensor<f64>", R"(
    %one = graph.constant dense<1.0> : tensor<f64>
    %beta = graph.constant dense<0.999> : tensor<f64>
    %0 = graph.cast %t : tensor<i64> to tensor<f64>
    %1 = graph.add %0, %one : tensor<f64>
    %2 = graph.pow %beta, %1 : tensor<f64>
    %3 = graph.sub %one, %2 : tensor<f64>
    %4 = graph.sqrt %3 : tensor<f64>
    %5 = graph.cos %4 : tensor<f64>
    %6 = graph.cast %5 : tensor<f64> to tensor<f32>
    plan.return %6, %4 : tensor<f32>, tensor<f64>
  )");
}

TEST(Elementwise, UpdatesInPlace) {
  checkKernel(R"(
    plan.kernel @adam(%w: tensor<1001xf32>, %g: tensor<1001xf32>, %m: tensor<1001xf32>, %lr: tensor<f32>)
        -> (tensor<1001xf32>, tensor<1001xf32>) attributes {in_place = array<i64: 0, 2>} {
      %c = graph.constant dense<0.9> : tensor<1001xf32>
      %r = graph.broadcast %lr dims = [] : tensor<f32> to tensor<1001xf32>
      %0 = graph.mul %m, %c : tensor<1001xf32>
      %1 = graph.add %0, %g : tensor<1001xf32>
      %2 = graph.mul %1, %r : tensor<1001xf32>
      %3 = graph.sub %w, %2 : tensor<1001xf32>
      plan.return %3, %1 : tensor<1001xf32>, tensor<1001xf32>
    }
  )");
}

} // namespace
