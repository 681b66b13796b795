//===- EvaluateTest.cpp - The reference evaluation, by hand ---------------===//

#include "test/ir/Evaluating.h"
#include <cmath>
#include <limits>

using namespace mlc;
using Values = std::vector<double>;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

class EvaluateTest : public Evaluating {
protected:
  Values binary(const std::string &name, const std::string &type, Values a,
                Values b) {
    return runOp("graph." + name + " %a, %b : " + type,
                 {literal(type, a), literal(type, b)}, type);
  }
  Values unary(const std::string &name, const std::string &type, Values a) {
    return runOp("graph." + name + " %a : " + type, {literal(type, a)}, type);
  }
  Values cast(const std::string &from, const std::string &to, Values a) {
    return runOp("graph.cast %a : " + from + " to " + to, {literal(from, a)},
                 to);
  }
};

TEST_F(EvaluateTest, RoundsEverySumToItsType) {
  // 2^24 + 1 lies between two f32; the even one is 2^24.
  EXPECT_EQ(binary("add", "tensor<2xf32>", {16777216, 1}, {1, 0.5}),
            (Values{16777216, 1.5}));
  EXPECT_EQ(binary("add", "tensor<1xf64>", {16777216}, {1}),
            (Values{16777217}));
  // bf16 has 8 digits, f16 11: 256 + 1, 2048 + 1 are ties.
  EXPECT_EQ(binary("add", "tensor<1xbf16>", {256}, {1}), (Values{256}));
  EXPECT_EQ(binary("add", "tensor<1xf16>", {2048}, {1}), (Values{2048}));
}

TEST_F(EvaluateTest, RoundsNothingInF64Mode) {
  EXPECT_EQ(runOp("graph.add %a, %b : tensor<1xf32>",
                  {literal("tensor<1xf32>", {16777216}),
                   literal("tensor<1xf32>", {1})},
                  "tensor<1xf32>", /*f64=*/true),
            (Values{16777217}));
}

TEST_F(EvaluateTest, WrapsIntegersAtTheirWidth) {
  EXPECT_EQ(binary("add", "tensor<1xi32>", {2147483647}, {1}),
            (Values{-2147483648.0}));
  EXPECT_EQ(binary("sub", "tensor<1xui8>", {3}, {5}), (Values{254}));
  EXPECT_EQ(binary("mul", "tensor<1xui8>", {16}, {17}), (Values{16})); // 272
}

TEST_F(EvaluateTest, DividesAsPython) {
  EXPECT_EQ(
      binary("idiv", "tensor<5xi32>", {7, -7, 7, -7, 5}, {2, 2, -2, -2, 0}),
      (Values{3, -4, -4, 3, 0}));
  EXPECT_EQ(
      binary("mod", "tensor<5xi32>", {7, -7, 7, -7, 5}, {2, 2, -2, -2, 0}),
      (Values{1, 1, -1, -1, 0}));
  EXPECT_EQ(binary("mod", "tensor<2xf32>", {-7.5, 7.5}, {2, -2}),
            (Values{0.5, -0.5}));
  EXPECT_EQ(binary("idiv", "tensor<1xi32>", {-2147483648.0}, {-1}),
            (Values{-2147483648.0}));
  EXPECT_EQ(binary("div", "tensor<2xf32>", {1, -1}, {0, 0}),
            (Values{kInf, -kInf}));
}

TEST_F(EvaluateTest, PropagatesNan) {
  EXPECT_TRUE(std::isnan(binary("maximum", "tensor<1xf32>", {1}, {kNan})[0]));
  EXPECT_TRUE(std::isnan(binary("minimum", "tensor<1xf32>", {kNan}, {1})[0]));
  EXPECT_TRUE(std::isnan(unary("relu", "tensor<1xf32>", {kNan})[0]));
}

TEST_F(EvaluateTest, AppliesFunctions) {
  EXPECT_EQ(unary("relu", "tensor<3xf32>", {-2, 0, 3}), (Values{0, 0, 3}));
  EXPECT_EQ(unary("sign", "tensor<3xi32>", {-2, 0, 3}), (Values{-1, 0, 1}));
  EXPECT_EQ(unary("abs", "tensor<2xf32>", {-2, 3}), (Values{2, 3}));
  EXPECT_EQ(unary("floor", "tensor<2xf32>", {-1.5, 1.5}), (Values{-2, 1}));
  EXPECT_EQ(unary("sqrt", "tensor<1xf32>", {9}), (Values{3}));
  EXPECT_EQ(unary("exp", "tensor<1xf32>", {0}), (Values{1}));
  EXPECT_EQ(unary("exp", "tensor<1xf32>", {1})[0],
            double(float(std::exp(1.0))));
  EXPECT_EQ(unary("log", "tensor<2xf32>", {1, 0}), (Values{0, -kInf}));
  EXPECT_EQ(unary("sigmoid", "tensor<1xf32>", {0}), (Values{0.5}));
  EXPECT_EQ(unary("tanh", "tensor<1xf32>", {0}), (Values{0}));
  EXPECT_EQ(unary("cos", "tensor<1xf64>", {0}), (Values{1}));
  EXPECT_EQ(unary("neg", "tensor<1xf32>", {2}), (Values{-2}));
  EXPECT_EQ(unary("not", "tensor<2xi1>", {0, 1}), (Values{1, 0}));
  EXPECT_EQ(binary("pow", "tensor<2xf32>", {2, -2}, {10, 3}),
            (Values{1024, -8}));
  EXPECT_EQ(binary("and", "tensor<2xi1>", {1, 1}, {0, 1}), (Values{0, 1}));
  EXPECT_EQ(binary("or", "tensor<2xi1>", {0, 1}, {0, 0}), (Values{0, 1}));
}

TEST_F(EvaluateTest, Casts) {
  EXPECT_EQ(
      cast("tensor<5xf32>", "tensor<5xi32>", {1.9, -1.9, 1e20, -1e20, kNan}),
      (Values{1, -1, 2147483647, -2147483648.0, 0}));
  EXPECT_EQ(cast("tensor<3xf32>", "tensor<3xui8>", {-1, 255.5, 300}),
            (Values{0, 255, 255}));
  EXPECT_EQ(cast("tensor<2xi32>", "tensor<2xui8>", {257, -1}),
            (Values{1, 255}));
  EXPECT_EQ(cast("tensor<2xf32>", "tensor<2xi1>", {0, 0.5}), (Values{0, 1}));
  EXPECT_EQ(cast("tensor<2xi1>", "tensor<2xf32>", {0, 1}), (Values{0, 1}));
  EXPECT_EQ(cast("tensor<1xi32>", "tensor<1xf32>", {16777217}),
            (Values{16777216}));
}

TEST_F(EvaluateTest, ComparesAndSelects) {
  graph::Literal a = literal("tensor<3xf32>", {1, 2, kNan});
  graph::Literal b = literal("tensor<3xf32>", {2, 2, 2});
  auto compare = [&](const std::string &predicate) {
    return runOp("graph.compare " + predicate + " %a, %b : tensor<3xf32>",
                 {a, b}, "tensor<3xi1>");
  };
  EXPECT_EQ(compare("lt"), (Values{1, 0, 0}));
  EXPECT_EQ(compare("le"), (Values{1, 1, 0}));
  EXPECT_EQ(compare("gt"), (Values{0, 0, 0}));
  EXPECT_EQ(compare("ge"), (Values{0, 1, 0}));
  EXPECT_EQ(compare("eq"), (Values{0, 1, 0}));
  EXPECT_EQ(compare("ne"), (Values{1, 0, 1}));
  EXPECT_EQ(
      runOp("graph.select %a, %b, %c : tensor<2xf32>",
            {literal("tensor<2xi1>", {1, 0}), literal("tensor<2xf32>", {1, 2}),
             literal("tensor<2xf32>", {3, 4})},
            "tensor<2xf32>"),
      (Values{1, 4}));
}

TEST_F(EvaluateTest, MovesElements) {
  graph::Literal x = literal("tensor<2x3xi32>", {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(runOp("graph.transpose %a perm = [1, 0] : tensor<2x3xi32> to "
                  "tensor<3x2xi32>",
                  {x}, "tensor<3x2xi32>"),
            (Values{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(runOp("graph.reshape %a : tensor<2x3xi32> to tensor<3x2xi32>", {x},
                  "tensor<3x2xi32>"),
            (Values{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(
      runOp("graph.slice %a starts = [0, 0] limits = [2, 3] strides = [1, "
            "2] : tensor<2x3xi32> to tensor<2x2xi32>",
            {x}, "tensor<2x2xi32>"),
      (Values{1, 3, 4, 6}));
  EXPECT_EQ(runOp("graph.concat dim = 1 %a, %a : (tensor<2x3xi32>, "
                  "tensor<2x3xi32>) -> tensor<2x6xi32>",
                  {x}, "tensor<2x6xi32>"),
            (Values{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  EXPECT_EQ(runOp("graph.broadcast %a dims = [1] : tensor<2xi32> to "
                  "tensor<3x2xi32>",
                  {literal("tensor<2xi32>", {7, 8})}, "tensor<3x2xi32>"),
            (Values{7, 8, 7, 8, 7, 8}));
  EXPECT_EQ(runOp("graph.broadcast %a dims = [0, 1] : tensor<2x1xi32> to "
                  "tensor<2x3xi32>",
                  {literal("tensor<2x1xi32>", {7, 8})}, "tensor<2x3xi32>"),
            (Values{7, 7, 7, 8, 8, 8}));
  EXPECT_EQ(
      runOp("graph.iota dim = 1 : tensor<2x3xf32>", {}, "tensor<2x3xf32>"),
      (Values{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(runOp("graph.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xui8>",
                  {}, "tensor<2x2xui8>"),
            (Values{1, 2, 3, 4}));
}

TEST_F(EvaluateTest, Reduces) {
  graph::Literal x = literal("tensor<2x3xf32>", {1, 5, 3, 4, 2, 6});
  auto reduce = [&](const std::string &what, const std::string &to) {
    return runOp("graph.reduce " + what + " : tensor<2x3xf32> to " + to, {x},
                 to);
  };
  EXPECT_EQ(reduce("sum %a dims = [0]", "tensor<3xf32>"), (Values{5, 7, 9}));
  EXPECT_EQ(reduce("sum %a dims = [1]", "tensor<2xf32>"), (Values{9, 12}));
  EXPECT_EQ(reduce("max %a dims = [1]", "tensor<2xf32>"), (Values{5, 6}));
  EXPECT_EQ(reduce("min %a dims = [0, 1]", "tensor<f32>"), (Values{1}));
  // In f32, though bf16 would stay at 256 + 1 = 256: 256 + 1 + 1 = 258.
  EXPECT_EQ(runOp("graph.reduce sum %a dims = [0] : tensor<3xbf16> to "
                  "tensor<bf16>",
                  {literal("tensor<3xbf16>", {256, 1, 1})}, "tensor<bf16>"),
            (Values{258}));
}

TEST_F(EvaluateTest, FindsTheFirstOfEquals) {
  auto argReduce = [&](const std::string &kind, Values values) {
    return runOp("graph.arg_reduce " + kind +
                     " %a dim = 1 : tensor<1x4xf32> to "
                     "tensor<1xi32>",
                 {literal("tensor<1x4xf32>", values)}, "tensor<1xi32>");
  };
  EXPECT_EQ(argReduce("max", {1, 3, 3, 2}), (Values{1}));
  EXPECT_EQ(argReduce("min", {3, 1, 2, 1}), (Values{1}));
  EXPECT_EQ(argReduce("max", {9, kNan, 3, kNan}), (Values{1}));
  EXPECT_EQ(argReduce("min", {9, kNan, 3, kNan}), (Values{1}));
}

TEST_F(EvaluateTest, MultipliesMatrices) {
  // [1 2 3; 4 5 6] [1 0; 0 1; 1 1] = [1+3 2+3; 4+6 5+6]
  EXPECT_EQ(runOp("graph.dot %a, %b batch = [] x [] contract = [1] x [0] : "
                  "tensor<2x3xf32>, tensor<3x2xf32> to tensor<2x2xf32>",
                  {literal("tensor<2x3xf32>", {1, 2, 3, 4, 5, 6}),
                   literal("tensor<3x2xf32>", {1, 0, 0, 1, 1, 1})},
                  "tensor<2x2xf32>"),
            (Values{4, 5, 10, 11}));
  // Batch dimension 1 of lhs with 0 of rhs: 1*5 + 3*6 = 23, 2*7 + 4*8 = 46.
  EXPECT_EQ(runOp("graph.dot %a, %b batch = [1] x [0] contract = [0] x [1] : "
                  "tensor<2x2xi32>, tensor<2x2xi32> to tensor<2xi32>",
                  {literal("tensor<2x2xi32>", {1, 2, 3, 4}),
                   literal("tensor<2x2xi32>", {5, 6, 7, 8})},
                  "tensor<2xi32>"),
            (Values{23, 46}));
}

TEST_F(EvaluateTest, ComputesTheLoss) {
  // Equal logits of C = 4 classes: ln 4, whatever the label.
  graph::Literal logits =
      literal("tensor<2x4xf64>", {0, 0, 0, 0, 1000, 0, 0, 0});
  graph::Literal labels = literal("tensor<2xi32>", {3, 0});
  Values loss = runOp("graph.softmax_cross_entropy %a, %b : tensor<2x4xf64>, "
                      "tensor<2xi32>",
                      {logits, labels}, "tensor<2xf64>");
  ASSERT_EQ(loss.size(), 2u);
  EXPECT_DOUBLE_EQ(loss[0], std::log(4.0));
  EXPECT_EQ(loss[1], 0);
  // (1/4 - onehot) * 2 and (softmax = onehot) * 3.
  EXPECT_EQ(runOp("graph.softmax_cross_entropy_grad %a, %b, %c : "
                  "tensor<2x4xf64>, tensor<2xi32>, tensor<2xf64> to "
                  "tensor<2x4xf64>",
                  {logits, labels, literal("tensor<2xf64>", {2, 3})},
                  "tensor<2x4xf64>"),
            (Values{0.5, 0.5, 0.5, -1.5, 0, 0, 0, 0}));
}

TEST_F(EvaluateTest, RefusesALabelOutOfRange) {
  EXPECT_TRUE(runOp("graph.softmax_cross_entropy %a, %b : tensor<1x4xf32>, "
                    "tensor<1xi32>",
                    {literal("tensor<1x4xf32>", {0, 0, 0, 0}),
                     literal("tensor<1xi32>", {4})},
                    "tensor<1xf32>")
                  .empty());
  EXPECT_NE(errors.find("has label 4 in row 0, outside [0, 4)"),
            std::string::npos)
      << errors;
}

} // namespace
